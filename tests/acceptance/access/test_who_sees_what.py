"""The charter at every exit: five kinds of people, five exits, one table; and the trail proves it.

A water agent, a museum conservator, the data protection officer, a partner firm and an anonymous reader
ask for the same three things (a park, a room of the museum, a household's meter) through the page's
session, the API with a key, NGSI-LD, an export and an MQTT subscription.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiomqtt
import httpx
import msgspec
import pytest
from tests.integration.web.conftest import (  # noqa: F401
    PASSWORD,
    Visitor,
    _signed_in,
    page,
    services,
)

from clapas.api_gateway.outlet import Outlet
from clapas.bus import Authority, Grant, NatsBus, disconnect
from clapas.bus.topics import subject_of
from clapas.charter import AuditTrail, CharterKeeper
from clapas.charter.audit import verify
from clapas.context.routes import PATH, open_door
from clapas.context.settings import Settings as ContextSettings
from clapas.domain.dataset import DAY_S, DatasetRecord, Dpia, Keep, Publication, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.store.values import StateRow
from clapas.web.application import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from clapas.engines import EngineAddresses
    from clapas.web.services import Services

FOREVER = date(2099, 1, 1)
DRAFTS = (
    DatasetRecord(
        id="parcs",
        title="Parcs",
        owner="nature",
        classification="ouvert",
        licence="LO-2.0",
        publication=Publication(rule="open"),
    ),
    DatasetRecord(
        id="musee",
        title="Climat des salles",
        owner="culture",
        classification="restreint",
        exception="security",
        review=FOREVER,
    ),
    DatasetRecord(
        id="eau",
        title="Index des compteurs",
        owner="eau",
        classification="personnel",
        subjects=("abonnés",),
        purposes=(Purpose(name="fuite", legal_basis="6.1.c", min_step=DAY_S),),
        retention=(Keep(step=3600, days=90),),
        exception="privacy",
        review=FOREVER,
        dpia=Dpia(status="done", reference="AIPD-1"),
    ),
)
RECORDS = tuple(
    msgspec.structs.replace(each, steward="intendante", deputy="adjoint", controller="métropole")
    for each in DRAFTS
)
PARK, ROOM, METER = (f"urn:ngsi-ld:{t}:1" for t in ("Park", "Room", "WaterMeter"))
THINGS = {PARK: ("Park", "parcs"), ROOM: ("Room", "musee"), METER: ("WaterMeter", "eau")}
LEAK = {"X-Clapas-Purpose": "fuite"}

MAY_SEE: dict[str, set[str]] = {
    "water": {PARK, METER},
    "museum": {PARK, ROOM},
    "dpo": {PARK},
    "partner": {PARK, ROOM},
    "anonymous": {PARK},
}
"""Which entities each may know of."""
VALUE = 7.53125
"""Of every reading: digits that no instant, duration or identifier has by chance."""
VALUES: dict[str, dict[str, str]] = {
    "water": {PARK: "raw", METER: "day"},
    "museum": {PARK: "raw", ROOM: "raw"},
    "dpo": {PARK: "raw"},
    "partner": {PARK: "raw", ROOM: "raw"},
    "anonymous": {PARK: "raw"},
}
"""Which histories, and how fine at most."""


class Person:
    """Somebody with their way of calling: a session, a key, or nothing."""

    def __init__(self, visitor: Visitor, headers: dict[str, str] | None = None) -> None:
        self._visitor = visitor
        self._headers = headers or {}

    async def get(self, path: str, **headers: str) -> Any:
        """One call with their credential."""
        return await self._visitor.call("GET", path, headers={**self._headers, **headers})


@pytest.fixture
async def series(services: Services) -> dict[str, int]:  # noqa: F811
    """The three things, each with a value every hour of three days."""
    store = services.store
    keeper = CharterKeeper(store.charter, services.charter)
    object.__setattr__(services, "keeper", keeper)
    object.__setattr__(services, "audit", AuditTrail(store.audit))
    for record in RECORDS:
        await keeper.put(record, author="dpo")
    await store.entities.upsert(
        [
            Entity(
                id=name, type=kind, dataset=dataset, commune="34172", longitude=3.9, latitude=43.6
            )
            for name, (kind, dataset) in THINGS.items()
        ]
    )
    keys = {name: SeriesKey(name, "level", "level") for name in THINGS}
    known = await store.series.ensure(list(keys.values()))
    found = {name: known[key].id for name, key in keys.items()}
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    times = [int((start + timedelta(hours=hour)).timestamp() * 1000) for hour in range(72)]
    for number in found.values():
        values = [
            Observation(
                series=number, measured=t, received=t, value=VALUE, log=1, sequence=number * 100 + i
            )
            for i, t in enumerate(times)
        ]
        await store.history.write([], values, outcomes=[])
    await store.state.upsert(
        [StateRow(n, name, "level", VALUE, times[-1], times[-1]) for name, n in found.items()]
    )
    await store.rollups.refresh()
    return found


@pytest.fixture
async def people(
    services: Services,  # noqa: F811
    series: dict[str, int],
    page: Path,  # noqa: F811
) -> AsyncIterator[tuple[dict[str, Person], dict[str, str]]]:
    """The five, and the secrets that some of them hold."""
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(
            open_door(
                services.store,
                services.identity,
                charter=services.charter,
                settings=ContextSettings(),
            )
        )
        object.__setattr__(services, "mounts", {PATH: door})
        transport = httpx.ASGITransport(app=create_app(services, static=page))  # type: ignore[arg-type]
        client = httpx.AsyncClient(transport=transport, base_url="http://clapas.test")
        stranger = Visitor(await stack.enter_async_context(client))
        operator = await stack.enter_async_context(_signed_in(services, page, "operatrice"))
        found: dict[str, Person] = {"anonymous": Person(stranger)}
        for name, role, service, purposes in (
            ("water", "reader", "eau", ["fuite"]),
            ("museum", "reader", "culture", []),
            ("dpo", "dpo", "juridique", []),
        ):
            row = await services.identity.accounts.add(login=name, roles=(role,), password=PASSWORD)
            await services.identity.accounts.change(
                msgspec.structs.replace(row, service=service, purposes=purposes)
            )
            visitor = await stack.enter_async_context(_signed_in(services, page, name))
            found[name] = Person(visitor)
        await services.store.postgres.run("UPDATE session SET mfa = true")
        services.identity.sessions.forget()
        made = (await operator.call("POST", "/api/v1/applications", json={"name": "Bureau"})).json()
        place = f"/api/v1/applications/{made['id']}"
        end = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        await operator.call("PUT", place, json={"plan": "partenaire"})
        secret = (await operator.call("POST", f"{place}/keys")).json()["secret"]
        for dataset in ("musee", "parcs"):
            body = {"dataset": dataset, "purpose": "étude climatique des salles", "expires": end}
            asked = (await operator.call("POST", f"{place}/subscriptions", json=body)).json()
            if asked["state"] == "pending":
                decision = f"/api/v1/subscriptions/{asked['id']}"
                await operator.call("POST", decision, json={"state": "approved"})
        services.identity.keys.forget()
        found["partner"] = Person(stranger, {"X-API-Key": secret})
        yield found, {"partner": secret, "application": made["id"]}


def purpose(name: str) -> dict[str, str]:
    return LEAK if name == "water" else {}


async def test_each_sees_exactly_what_the_charter_says(
    services: Services,  # noqa: F811
    series: dict[str, int],
    people: tuple[dict[str, Person], dict[str, str]],
) -> None:
    for name, person in people[0].items():
        said = purpose(name)
        # the page and the API: entities, and their present values
        answer = await person.get("/api/v1/entities", **said)
        listed = {each["id"]: each for each in answer.json()["items"]}
        assert set(listed) == MAY_SEE[name], (name, "REST")
        for thing, each in listed.items():
            fine = VALUES[name].get(thing) == "raw"
            assert (each["headline"] is not None) == fine, (name, thing, "present value")
        # NGSI-LD: whole rows only, so nothing of what may not be given as it is
        ngsi = await person.get(
            "/ngsi-ld/v1/entities?type=Park,Room,WaterMeter&options=keyValues", **said
        )
        whole = {thing for thing, step in VALUES[name].items() if step == "raw"}
        assert ngsi.status_code == 200, (name, "NGSI-LD", ngsi.text)
        assert {each["id"] for each in ngsi.json()} == whole, (name, "NGSI-LD", ngsi.text)
        # history and export, thing by thing
        for thing, number in series.items():
            path = f"/api/v1/series/{number}/history?step=raw"
            history = await person.get(path, **said)
            export = await person.get(path, Accept="text/csv", **said)
            step = VALUES[name].get(thing)
            if step is None:
                assert history.status_code == 404, (name, thing)
                assert export.status_code in {403, 404}, (name, thing)
                continue
            assert history.json()["step"] == (DAY_S if step == "day" else 0), (name, thing)
            assert export.status_code == 200, (name, thing, export.text)
            lines = export.text.splitlines()
            assert len(lines) - 1 == len(history.json()["times"]), (name, thing, "export")
            marked = THINGS[thing][1] != "parcs"
            assert ("x-clapas-watermark" in export.headers) == marked, (name, thing, "watermark")


async def test_a_refusal_quotes_the_article_and_the_person_to_ask(
    series: dict[str, int], people: tuple[dict[str, Person], dict[str, str]]
) -> None:
    for name in ("museum", "dpo", "anonymous"):
        why = (await people[0][name].get("/api/v1/charter/why?kind=series&dataset=eau")).json()
        assert not why["allow"]
        assert why["articles"]
        assert why["contact"] == "intendante"
    water = people[0]["water"]
    without = (await water.get("/api/v1/charter/why?kind=series&dataset=eau")).json()
    assert not without["allow"], "a purpose is declared"
    declared = (await water.get("/api/v1/charter/why?kind=series&dataset=eau&purpose=fuite")).json()
    assert declared["allow"]
    assert {"kind": "min_step", "seconds": DAY_S} in declared["obligations"]


async def disconnected(client: aiomqtt.Client) -> bool:
    """Does the broker close the connection within ten seconds?"""
    try:
        async with asyncio.timeout(10):
            async for _ in client.messages:
                pass
    except aiomqtt.MqttError:
        return True
    except TimeoutError:
        return False
    return False


async def refused(client: aiomqtt.Client, *topics: str) -> None:
    """The broker says no to each of these subscriptions (MQTT 3.1.1 §3.9.3: 0x80)."""
    for topic in topics:
        (code,) = await client.subscribe(topic)
        assert (code if isinstance(code, int) else code.value) >= 128, topic


async def test_mqtt_gives_the_partner_its_own_and_nobody_else_anything(
    services: Services,  # noqa: F811
    series: dict[str, int],
    people: tuple[dict[str, Person], dict[str, str]],
    fresh_database: EngineAddresses,
) -> None:
    address, told = fresh_database.nats, people[1]

    async def authorise(user: str, password: str, client: str) -> Grant | None:
        granted = await services.identity.authorize_mqtt(user, password, client_id=client)
        if granted is None:
            return None
        name = granted.principal.organisation or granted.principal.id
        topics = (tuple(map(subject_of, each)) for each in (granted.publish, granted.subscribe))
        publish, subscribe = topics
        return Grant(name=name, publish=publish, subscribe=subscribe)

    async with NatsBus.open(address) as bus, AsyncExitStack() as stack:
        await Authority(client=bus.client, seed=address.issuer_seed, authorise=authorise).start()
        outlet = Outlet(
            services.store,
            services.charter,
            publish=lambda topic, body: bus.client.publish(subject_of(topic), body),
            disconnect=lambda names: disconnect(address, names),
        )
        now = int(datetime.now(UTC).timestamp() * 1000)
        batch = ObservationBatch(
            observations=[
                Observation(series=n, measured=now, received=now, value=9.0, log=1, sequence=1)
                for n in series.values()
            ]
        )

        async def client(user: str, password: str) -> aiomqtt.Client:
            return aiomqtt.Client(
                address.mqtt_host, address.mqtt_port, username=user, password=password
            )

        # A person has no MQTT of their own, whatever they may read: they subscribe by an application.
        for user, password in (
            ("water", PASSWORD),
            ("museum", PASSWORD),
            ("dpo", PASSWORD),
            ("", ""),
            ("bureau", told["partner"][:-1] + "x"),
        ):
            with pytest.raises(aiomqtt.MqttError):
                async with await client(user, password):
                    pass
        mine = await stack.enter_async_context(await client("bureau", told["partner"]))
        await mine.subscribe(f"out/{told['application']}/#")
        await refused(mine, "up/#")  # the devices' topics are not an application's
        assert await outlet.give(batch) == 2
        await refused(mine, "out/another/#", "out/#", "#")
        heard = set()
        async with asyncio.timeout(10):
            async for message in mine.messages:
                heard.add(str(message.topic).split("/")[2])
                if len(heard) == 3:
                    break
        assert heard == {PARK, ROOM, "v1.1"}, "v1.1: the same values as SensorThings tells them"
        record = services.charter.record("musee")
        assert record is not None
        assert services.keeper is not None
        closed = msgspec.structs.replace(record, version=2, classification="personnel", subjects=("x",),
            purposes=(Purpose(name="p", legal_basis="6.1.e", min_step=DAY_S),), retention=(Keep(step=0, days=1),),
            dpia=Dpia(status="done", reference="x"))  # fmt: skip
        await services.keeper.put(closed, author="dpo")
        await outlet.review()
        assert await disconnected(mine), "a change of policy disconnects"
        again = await stack.enter_async_context(await client("bureau", told["partner"]))
        await again.subscribe(f"out/{told['application']}/#")
        assert await outlet.give(batch) == 1, "the park is left"


async def test_the_trail_proves_it(
    services: Services,  # noqa: F811
    series: dict[str, int],
    people: tuple[dict[str, Person], dict[str, str]],
) -> None:
    for name, person in people[0].items():
        for number in series.values():
            path = f"/api/v1/series/{number}/history?step=raw"
            await person.get(path, **purpose(name))
            await person.get(path, Accept="text/csv", **purpose(name))
    assert services.audit is not None
    await services.audit.flush()
    rows = await services.store.audit.latest(limit=1000)
    events = [msgspec.json.decode(row.event) for row in rows]
    ids = {
        str(account.id): account.login
        for account in await services.identity.accounts.list(limit=50)
    }
    read = {
        (ids.get(each["who"], each["kind"]), each["action"], each["dataset"])
        for each in events
        if each.get("dataset") and each["what"] == "series" and each["allowed"]
    }
    assert read >= {
        ("water", "read", "eau"),
        ("water", "export", "eau"),
        ("museum", "read", "musee"),
        ("museum", "export", "musee"),
        ("service", "read", "musee"),
    }
    assert not any(who in {"dpo", "museum", "anonymous"} and data == "eau" for who, _, data in read)
    assert not any(who == "water" and data == "musee" for who, _, data in read)
    personal = [each for each in events if each.get("dataset") == "eau"]
    assert all(each["purpose"] == "fuite" for each in personal)
    assert str(VALUE).encode() not in b"".join(row.event for row in rows), "never a value"
    assert (await verify(services.store.audit)).broken_at is None
