"""Alarms at the NGSI-LD door: each is an Alert, told to subscribers, read by those who may read its measures."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from tests.integration.context.receiver import Receiver

from clapas.charter import Charter
from clapas.context.alerts import Alerts
from clapas.context.broker import Broker
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE, Settings
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Entity
from clapas.identity import Identity
from clapas.rules.life import Clear, Raise
from clapas.rules.office import Office
from clapas.store import Store
from clapas.store.context import ContextStore
from clapas.store.identity import IdentityStore
from clapas.store.notify import Notices
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import Alarm

SDM = {
    name: f"https://smartdatamodels.org/dataModel.Alert/{name}"
    for name in ("Alert", "severity", "category", "alertSource", "validTo")
}


class Tank:
    """A tank with a rule on it, as the engine would speak of it."""

    def __init__(self, store: Store, urn: str) -> None:
        self.store = store
        self.urn = urn
        self.rule = f"low-{urn[-8:]}"
        self.office = Office(Alarms(store.postgres), Notices(store.postgres))
        self.now = time.time_ns() // 1_000_000

    async def raised(self, *, minutes: int = 0, **more: Any) -> Alarm:
        at = self.now + minutes * 60_000
        why = {"kind": "threshold", "quantity": "water_level", "operator": "<", "limit": 1.5}
        values: dict[str, Any] = {"severity": "major", "title": "Niveau bas", "value": 1.2}
        values |= {"commune": "34172", "because": why} | more
        signal = Raise(rule=self.rule, entity=self.urn, measured=at, at=at, **values)
        return (await self.office.commit([signal], now=at))[0]

    async def cleared(self, *, minutes: int = 30) -> Alarm:
        at = self.now + minutes * 60_000
        signal = Clear(rule=self.rule, entity=self.urn, measured=at, at=at)
        return (await self.office.commit([signal], now=at))[0]


@pytest.fixture
async def tank(store: Store, urn: str) -> Tank:
    entity = Entity(
        id=urn, type="Tank", name="Montmaur", commune="34172", longitude=3.9, latitude=43.6
    )
    await store.entities.upsert([entity])
    return Tank(store, urn)


async def found(
    api: httpx.AsyncClient, urn: str, wanted: int = 1, **params: str
) -> list[dict[str, Any]]:
    """The Alerts on one entity, once there are as many as wanted."""
    asked = {"type": "Alert", "q": f'alertSource=="{urn}"', **params}
    alerts: list[dict[str, Any]] = []
    for _ in range(200):
        answer = await api.get("/entities", params=asked)
        assert answer.status_code == 200, answer.text
        alerts = answer.json()
        if len(alerts) == wanted:
            break
        await asyncio.sleep(0.05)
    return alerts


async def test_an_alarm_is_an_alert(api: httpx.AsyncClient, tank: Tank) -> None:
    """It says what is wrong, since when, where, how bad, in the words of the public model."""
    await tank.raised()
    await found(api, tank.urn)
    of_rule = f'data[rule]=="{tank.rule}";!validTo'
    (alert,) = await found(api, tank.urn, q=of_rule, options="keyValues")
    assert alert["type"] == "Alert"
    assert (alert["category"], alert["severity"]) == ("environment", "high")
    assert alert["description"].startswith("Niveau bas (Montmaur). 1,20")
    assert alert["alertSource"] == tank.urn
    assert alert["location"]["coordinates"] == [3.9, 43.6]
    assert alert["validFrom"] == alert["dateIssued"]
    assert alert["data"] == {
        "rule": tank.rule,
        "state": "new",
        "occurrences": 1,
        "value": 1.2,
        "quantity": "waterLevel",
        "unitCode": "MTR",
        "commune": "34172",
    }
    assert "validTo" not in alert


@pytest.mark.parametrize("terms", ["none", "platform", "public"])
async def test_it_is_found_under_every_context(
    api: httpx.AsyncClient, tank: Tank, terms: str
) -> None:
    """Asked in no @context, in the platform's or in that of Smart Data Models, it is the same entity."""
    await tank.raised()
    await found(api, tank.urn)
    headers = {}
    if terms != "none":
        kept = await api.post("/jsonldContexts", json={"@context": SDM})
        name = kept.headers["location"].rpartition("/")[2] if terms == "public" else terms
        rel = "http://www.w3.org/ns/json-ld#context"
        headers["Link"] = f'<http://broker/ngsi-ld/v1/jsonldContexts/{name}>; rel="{rel}"'
    asked = {"type": "Alert", "q": f'severity=="high";alertSource=="{tank.urn}"'}
    (alert,) = (await api.get("/entities", params=asked, headers=headers)).json()
    assert (alert["type"], alert["severity"]["value"]) == ("Alert", "high")
    assert alert["category"]["value"] == "environment"


async def test_subscribers_hear_of_it(
    api: httpx.AsyncClient, tank: Tank, receiver: Receiver
) -> None:
    """Raised, worse, acknowledged, cleared: each is told once; what did not change is not told."""
    wish = {
        "type": "Subscription",
        "entities": [{"type": "Alert"}],
        "q": f'alertSource=="{tank.urn}"',
        "notification": {"format": "keyValues", "endpoint": {"uri": receiver.uri}},
    }
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    alarm = await tank.raised()
    first = (await receiver.next())[1]["data"][0]
    assert (first["severity"], first["data"]["state"]) == ("high", "new")
    await tank.raised(minutes=5, severity="critical")
    worse = (await receiver.next())[1]["data"][0]
    assert (worse["severity"], worse["data"]["occurrences"]) == ("critical", 2)
    await tank.office.act([alarm.id], "comment", who="ana", now=tank.now, value="on my way")
    await tank.office.act([alarm.id], "acknowledge", who="ana", now=tank.now)
    assert (await receiver.next())[1]["data"][0]["data"]["state"] == "acknowledged"
    await tank.cleared()
    over = (await receiver.next())[1]["data"][0]
    assert over["id"] == first["id"]
    assert over["validTo"]["@value"] > over["validFrom"]["@value"]
    assert over["data"]["state"] == "closed"
    assert receiver.told.empty()
    past = (
        await api.get(f"/temporal/entities/{over['id']}", params={"timeproperty": "createdAt"})
    ).json()
    assert [each["value"] for each in past["severity"]] == ["high", "critical"]


async def test_raised_again_it_is_the_same(api: httpx.AsyncClient, tank: Tank) -> None:
    """What comes back before anybody closed it is over no more: the same entity goes on."""
    await tank.raised()
    await tank.cleared()
    (before,) = await found(api, tank.urn, q=f'alertSource=="{tank.urn}";validTo')
    await tank.raised(minutes=60)
    (after,) = await found(api, tank.urn, q=f'alertSource=="{tank.urn}";!validTo')
    assert after["id"] == before["id"]


async def test_a_reopened_alarm_is_an_alert_again(
    api: httpx.AsyncClient, tank: Tank, receiver: Receiver
) -> None:
    """Closed by mistake and reopened: the same entity goes on, and subscribers hear both."""
    alarm = await tank.raised()
    (before,) = await found(api, tank.urn)
    wish = {
        "type": "Subscription",
        "entities": [{"type": "Alert"}],
        "q": f'alertSource=="{tank.urn}"',
        "notification": {"format": "keyValues", "endpoint": {"uri": receiver.uri}},
    }
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    await tank.office.act([alarm.id], "close", who="ana", now=tank.now)
    assert (await receiver.next())[1]["data"][0]["data"]["state"] == "closed"
    await tank.office.act([alarm.id], "reopen", who="ana", now=tank.now + 1000)
    again = (await receiver.next())[1]["data"][0]
    assert (again["id"], again["data"]["state"]) == (before["id"], "new")
    assert "validTo" not in again
    assert "expiresAt" not in again


async def test_what_is_kept_quiet_is_not_told(api: httpx.AsyncClient, tank: Tank) -> None:
    """A silenced alarm has no Alert until people are told of it."""
    await tank.raised(masked="silence:0")
    other = Tank(tank.store, tank.urn)
    other.rule = f"other-{tank.rule}"
    await other.raised()
    (loud,) = await found(api, tank.urn)
    assert loud["data"]["value"]["rule"] == other.rule
    await tank.office.unmask(tank.now)
    assert len(await found(api, tank.urn, 2)) == 2


async def test_a_closed_one_leaves(store: Store, tank: Tank) -> None:
    """An Alert expires some days after its alarm was closed; a later verdict does not bring it back."""
    settings = msgspec.structs.replace(CONFORMANCE, sweep_seconds=0.2, alert_days=0.0)
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        base = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as api:
            alarm = await tank.raised()
            await found(api, tank.urn)
            await tank.office.act([alarm.id], "close", who="ana", now=tank.now)
            assert await found(api, tank.urn, 0) == []
            await tank.office.act([alarm.id], "verdict", who="ana", now=tank.now, value="false")
            async with Broker.open(
                ContextStore(store.postgres), settings, platform=store
            ) as broker:
                await Alerts(broker).tell()
            assert await found(api, tank.urn, 0) == []


@pytest.fixture
async def partner(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose key reads what is internal; the dataset ``secret`` is restricted to another."""
    charter = Charter.standard()
    charter.adopt(
        records=[DatasetRecord(id="secret", title="Tanks", owner="eau", classification="restreint")]
    )
    identity = Identity(
        IdentityStore(store.postgres),
        pepper=b"p" * 32,
        allowed=lambda *asked: charter.decide(*asked).allow,
    )
    owner = await identity.accounts.add(
        login=f"partner-{uuid4().hex[:8]}", roles=("operator",), password="la-mer-est-calme-42"
    )
    key = await identity.keys.create(name="partner", owner=owner.id, scopes=["read"])
    async with open_door(store, identity, charter=charter, settings=Settings()) as door:
        transport = httpx.ASGITransport(app=door)
        headers = {"Authorization": f"Bearer {key.secret}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://broker.test/ngsi-ld/v1", headers=headers
        ) as client:
            yield client


async def test_rights_are_those_of_the_measures(
    api: httpx.AsyncClient, partner: httpx.AsyncClient, store: Store, tank: Tank, urn: str
) -> None:
    """Who may not read the measures sees neither the Alert nor its evolution."""
    secret = Entity(id=f"{urn}-s", type="Tank", dataset="secret", commune="34172")
    await store.entities.upsert([secret])
    await Tank(store, secret.id).raised()
    await tank.raised()
    (hidden,) = await found(api, secret.id)
    (shown,) = await found(partner, tank.urn)
    assert await found(partner, secret.id, 0) == []
    for path in ("/entities/", "/temporal/entities/"):
        assert (await partner.get(path + shown["id"])).status_code == 200
        assert (await partner.get(path + hidden["id"])).status_code == 404
        assert (await api.get(path + hidden["id"])).status_code == 200
