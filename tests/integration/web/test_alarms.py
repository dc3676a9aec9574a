"""Alarms through the API: a rule written, replayed, saved, raised, taken and judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from clapas.charter import Charter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.domain.window import milliseconds
from clapas.rules.book import Book
from clapas.rules.engine import Engine, now_ms
from clapas.rules.files import rule_of
from clapas.rules.office import Office
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

HIGH: dict[str, Any] = {
    "id": "tank-high",
    "title": "Réservoir trop plein",
    "target": {"type": "Tank", "attribute": "level"},
    "when": {"kind": "threshold", "operator": ">", "limit": 4.0},
    "clear": {"kind": "threshold", "operator": "<", "limit": 3.5},
    "severity": "major",
    "public": True,
}


async def tank(services: Services) -> int:
    """A tank with thirty days of hourly levels that pass 4 m twice."""
    entity = Entity(id="urn:ngsi-ld:Tank:1", type="Tank", name="Montmaur", commune="34172")
    await services.store.entities.upsert([entity])
    key = SeriesKey(entity.id, "level", "tank_level")
    number = (await services.store.series.ensure([key]))[key].id
    start = datetime.now(UTC) - timedelta(days=20)
    values = [
        Observation(number, milliseconds(start + timedelta(hours=hour)), 4.5 if hour % 200 == 50 else 2.0, 0, 1, hour)
        for hour in range(400)
    ]  # fmt: skip
    await services.store.history.keep(values)
    return number


async def test_the_life_of_a_rule_and_of_its_alarm(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    series = await tank(services)
    replayed = (await operator.call("POST", "/api/v1/rules/replay", json={"rule": HIGH})).json()
    assert replayed["replay"]["alarms"] == 2
    assert replayed["replay"]["occurrences"][0]["entity"] == "urn:ngsi-ld:Tank:1"
    saved = await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": HIGH})
    assert saved.json() == {"id": "tank-high", "revision": 1}
    lower = {**HIGH, "when": {"kind": "threshold", "operator": ">", "limit": 5.0}, "clear": None}
    changed = (await operator.call("POST", "/api/v1/rules/replay", json={"rule": lower})).json()
    assert len(changed["difference"]["removed"]) == 2

    store = services.store
    kept = RulesStore(store.postgres, store.clickhouse)
    office = Office(Alarms(store.postgres), Notices(store.postgres))
    engine = Engine(kept, office, book=Book(ZoneInfo("Europe/Paris")))
    rules = [rule_of(row) for row in await kept.all()]
    office.rules = {each.id: each for each in rules}
    await engine.start(rules)
    observation = Observation(series, now_ms(), 4.2, now_ms(), 1, 999)
    await engine.handle(ObservationBatch(observations=[observation]))

    listed = (await reader.call("GET", "/api/v1/alarms")).json()["items"]
    assert [(each["state"], each["severity"]) for each in listed] == [("new", "major")]
    number = listed[0]["id"]
    act = {"ids": [number], "action": "acknowledge"}
    assert (await reader.call("POST", "/api/v1/alarms/actions", json=act)).status_code == 403
    answer = await operator.call("POST", "/api/v1/alarms/actions", json=act)
    assert answer.json()["items"][0]["state"] == "acknowledged"
    again = await operator.call("POST", "/api/v1/alarms/actions", json=act)
    assert (again.status_code, again.json()["code"]) == (409, "alarm_state")
    judge = {"ids": [number], "action": "verdict", "value": "confirmed"}
    await operator.call("POST", "/api/v1/alarms/actions", json=judge)
    file = (await operator.call("GET", f"/api/v1/alarms/{number}")).json()
    assert [each["kind"] for each in file["timeline"]] == ["raised", "acknowledged", "confirmed"]
    assert file["precision"] == 1.0
    rule = (await operator.call("GET", "/api/v1/rules")).json()["items"][0]
    assert (rule["precision"], rule["score"]["open"]) == (1.0, 1)


async def test_the_public_reads_what_is_public(services: Services, stranger: Visitor) -> None:
    kept = Alarms(services.store.postgres)
    from clapas.rules.life import Raise, follow
    from clapas.store.rules_alarms import Change

    classified = {"river": "interne", "household": "personnel"}
    object.__setattr__(
        services, "charter", Charter(services.charter.policies, classifications=classified)
    )
    for name, dataset, public in (
        ("river", "river", True),
        ("cellar", "river", False),
        ("leak", "household", True),
        ("vault", "nobody-knows", True),
    ):
        thing = f"urn:ngsi-ld:River:{name}"
        await services.store.entities.upsert([Entity(id=thing, type="River", dataset=dataset)])
        step = follow(None, Raise(rule=name, entity=thing, measured=1_700_000_000_000,
                                  at=1_700_000_000_000, severity="critical", title=name, public=public))  # fmt: skip
        assert step is not None
        change = Change(step.alarm, step.events)

        def decide(_: object, change: Change = change) -> list[Change]:
            return [change]

        await kept.commit([(name, thing)], decide)
    feed = await stranger.call("GET", "/api/v1/alarms/feed.atom")
    assert feed.status_code == 200
    assert "river" in feed.text
    for hidden in ("cellar", "leak", "vault"):
        assert hidden not in feed.text, "whatever a rule says, personal and restricted data stay"
    assert (await stranger.call("GET", "/api/v1/alarms/1/cap.xml")).status_code == 200
    for number in (2, 3, 4):
        path = f"/api/v1/alarms/{number}/cap.xml"
        assert (await stranger.call("GET", path)).status_code == 404


async def test_impossible_noisy_and_imported_rules(services: Services, operator: Visitor) -> None:
    await tank(services)
    mad = {**HIGH, "clear": {"kind": "threshold", "operator": "<", "limit": 9.0}}
    refused = await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": mad})
    assert (refused.status_code, refused.json()["code"]) == (400, "impossible_rule")
    assert refused.json()["values"]["field"] == "clear.limit"
    noisy = {**HIGH, "clear": None, "when": {"kind": "rate", "per_hour": 0.01, "direction": "up"}}
    noisy["when"] = {"kind": "silence", "for_s": 1800}
    asked = await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": noisy})
    assert (asked.status_code, asked.json()["code"]) == (409, "noisy_rule")
    sure = {"rule": noisy, "confirmed": True}
    assert (await operator.call("PUT", "/api/v1/rules/tank-high", json=sure)).status_code == 200
    file = (await operator.call("GET", "/api/v1/rules/export")).json()
    rules = [*file["rules"], {**HIGH, "id": "other"}, {**mad, "id": "mad"}]
    lines = await operator.call("POST", "/api/v1/rules/import", json={**file, "rules": rules})
    assert [each["result"] for each in lines.json()["items"]] == ["same", "created", "refused"]


async def test_a_rule_names_only_what_exists(services: Services, operator: Visitor) -> None:
    await tank(services)
    basin = {**HIGH, "target": {"attribute": "level", "group": "lez"}}

    async def refused(rule: dict[str, Any]) -> str:
        answer = await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": rule})
        assert (answer.status_code, answer.json()["code"]) == (400, "impossible_rule")
        return str(answer.json()["values"]["field"])

    assert await refused(basin) == "target.group"
    assert await refused({**HIGH, "chain": "nobody"}) == "chain"
    group = {"label": "Bassin du Lez", "query": {"tag": "basin"}}
    assert (await operator.call("PUT", "/api/v1/groups/a=b", json=group)).status_code == 400
    await operator.call("PUT", "/api/v1/groups/lez", json=group)
    saved = await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": basin})
    assert saved.status_code == 200
    kept = await operator.call("DELETE", "/api/v1/groups/lez")
    assert (kept.status_code, kept.json()["values"]["rules"]) == (409, "tank-high")
    other = {**HIGH, "id": "other", "depends": ["tank-high"]}
    await operator.call("PUT", "/api/v1/rules/other", json={"rule": other})
    assert await refused({**basin, "depends": ["other"]}) == "depends"


async def test_how_i_am_told(operator: Visitor) -> None:
    told = {
        "language": "fr",
        "channels": {"mail": "a@example.org"},
        "quiet": {"start": "22:00", "end": "07:00"},
    }
    assert (await operator.call("PUT", "/api/v1/me/contact", json=told)).status_code == 200
    assert (await operator.call("GET", "/api/v1/me/contact")).json()["quiet"]["start"] == "22:00"
    for field, wrong in (
        ("channels", {"channels": {"mail": "a@example.org\nBcc: everybody@example.org"}}),
        ("channels.mail", {"channels": {"mail": "nobody"}}),
        ("channels.webhook", {"channels": {"webhook": "file:///etc/passwd"}}),
        ("digest", {"digest": "25:00"}),
        ("digest", {"quiet": {"start": "22:00", "end": "7"}}),
        ("quota", {"quota": 0}),
        ("zone", {"zone": "Europe/Atlantis"}),
    ):
        refused = await operator.call("PUT", "/api/v1/me/contact", json={**told, **wrong})
        assert (refused.status_code, refused.json()["values"]["field"]) == (400, field)
    chain = {"stages": [{"to": ["operatrice"]}]}
    assert (await operator.call("PUT", "/api/v1/notify/chain/water", json=chain)).status_code == 200
    assert (await operator.call("PUT", "/api/v1/notify/chain/water", json={})).status_code == 400
    rule = {**HIGH, "chain": "water"}
    await operator.call("PUT", "/api/v1/rules/tank-high", json={"rule": rule})
    kept = await operator.call("DELETE", "/api/v1/notify/chain/water")
    assert (kept.status_code, kept.json()["values"]["rules"]) == (409, "tank-high")
    assert (await operator.call("GET", "/api/v1/me/inbox")).json()["unread"] == 0
    now = datetime.now(UTC)
    window = {"kind": "maintenance", "commune": "34172", "start": now.isoformat(),
              "end": (now + timedelta(hours=1)).isoformat()}  # fmt: skip
    assert (await operator.call("POST", "/api/v1/alarms/silences", json=window)).status_code == 201
    assert len((await operator.call("GET", "/api/v1/alarms/silences")).json()["items"]) == 1
