"""People by their account; rules of every kind replayed; what the public is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.domain.window import milliseconds
from clapas.rules.life import Raise, follow
from clapas.store.rules_alarms import Alarms, Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.web.conftest import Visitor

    from clapas.store.rules_values import Alarm
    from clapas.web.services import Services

TANK = "urn:ngsi-ld:Tank:1"
NOW = milliseconds(datetime.now(UTC))


async def raised(services: Services, **more: Any) -> int:
    """One alarm, raised by nobody's engine."""
    given: dict[str, Any] = {
        "rule": "river", "entity": TANK, "measured": NOW, "at": NOW, "severity": "critical", "title": "Crue",
        "because": {"kind": "threshold", "quantity": "tank_level", "operator": ">", "limit": 4.0}, "value": 4.5,
    }  # fmt: skip
    signal = Raise(**{**given, **more})
    alarms = Alarms(services.store.postgres)

    def decide(known: Mapping[tuple[str, str], Alarm]) -> list[Change]:
        step = follow(known.get((signal.rule, signal.entity)), signal)
        return [Change(step.alarm, step.events)] if step else []

    changed = await alarms.commit([(signal.rule, signal.entity)], decide)
    return changed[0].id


async def levels(services: Services, tanks: int = 3) -> list[int]:
    """Tanks with ten days of hourly levels; all of them rise together once."""
    names = [f"urn:ngsi-ld:Tank:{n}" for n in range(1, tanks + 1)]
    await services.store.entities.upsert(
        [
            Entity(id=name, type="Tank", name="Montmaur", commune="34172", longitude=3.87, latitude=43.61)
            for name in names
        ]
    )  # fmt: skip
    keys = [SeriesKey(name, "level", "tank_level") for name in names]
    made = await services.store.series.ensure(keys)
    start = datetime.now(UTC) - timedelta(days=10)
    for key in keys:
        await services.store.history.keep(
            [
                Observation(made[key].id, milliseconds(start + timedelta(hours=hour)),
                            5.0 if 100 <= hour < 110 else 2.0, 0, 1, made[key].id * 1000 + hour)
                for hour in range(240)
            ]
        )  # fmt: skip
    return [made[key].id for key in keys]


async def test_people_are_known_by_account_and_shown_by_name(
    services: Services, operator: Visitor
) -> None:
    number = await raised(services)
    me = (await operator.call("GET", "/api/v1/me")).json()
    people = (await operator.call("GET", "/api/v1/notify/people")).json()
    assert {each["login"] for each in people} == {"operatrice", "lecteur"}
    act = {"ids": [number], "action": "assign", "value": "lecteur"}
    assigned = (await operator.call("POST", "/api/v1/alarms/actions", json=act)).json()["items"][0]
    reader = next(each for each in people if each["login"] == "lecteur")
    assert (assigned["assignee"], assigned["assignee_name"]) == (reader["id"], "lecteur")
    nobody = {**act, "value": "personne"}
    assert (await operator.call("POST", "/api/v1/alarms/actions", json=nobody)).status_code == 404
    await operator.call("POST", "/api/v1/alarms/actions", json={**act, "value": me["id"]})
    mine = (await operator.call("GET", "/api/v1/alarms?mine=true")).json()["items"]
    assert [each["id"] for each in mine] == [number]
    totals = (await operator.call("GET", "/api/v1/alarms/totals")).json()
    counted = {"active": 1, "unacknowledged": 1, "mine": 1, "open": 1}
    assert totals == [{"severity": "critical", **counted}]
    file = (await operator.call("GET", f"/api/v1/alarms/{number}")).json()
    assert [each["who_name"] for each in file["timeline"]] == ["", "operatrice", "operatrice"]
    assert file["timeline"][1]["values"]["value"] == "lecteur"


async def test_chains_and_calendars_name_people_who_exist(operator: Visitor) -> None:
    calendar = {"turns": [{"person": "lecteur", "start": NOW, "end": NOW + 1}], "otherwise": ""}
    kept = await operator.call("PUT", "/api/v1/notify/calendar/nights", json=calendar)
    assert kept.json()["turns"][0]["person"] != "lecteur", "the account is kept"
    chain = {"stages": [{"to": ["operatrice"]}, {"after_s": 60, "to": ["calendar:nights"]}]}
    assert (await operator.call("PUT", "/api/v1/notify/chain/all", json=chain)).status_code == 200
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("chain/a", {"stages": [{"to": ["nobody-at-all"]}]}),
        ("chain/a", {"stages": [{"to": ["calendar:days"]}]}),
        ("chain/a", {"stages": [{"to": []}]}),
        ("chain/a", {"stages": []}),
        ("chain/a", {"stages": [{"after_s": 9, "to": ["lecteur"]}, {"to": ["lecteur"]}]}),
        ("calendar/a", {"turns": [{"person": "lecteur", "start": 5, "end": 5}]}),
    ]
    for name, body in wrong:
        answer = await operator.call("PUT", f"/api/v1/notify/{name}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input"), body


async def test_what_is_wrong_is_seen_on_things_on_the_map_and_at_home(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await levels(services)
    await raised(services)
    listed = (await operator.call("GET", "/api/v1/entities?type=Tank")).json()["items"]
    states = {each["id"].rpartition(":")[2]: each["state"] for each in listed}
    assert states["1"] == "alarm"
    assert "alarm" not in {states["2"], states["3"]}
    assert listed[0]["alarm"] == {"severity": "critical", "count": 1}
    columns = (await operator.call("GET", "/api/v1/entities/map")).json()
    assert dict(zip(columns["ids"], columns["states"], strict=True))[TANK] == "alarm"
    home = (await operator.call("GET", "/api/v1/home")).json()
    assert home["alarms"][0]["severity"] == "critical"


async def test_groups_questions_and_detectors_are_replayed_too(
    services: Services, operator: Visitor
) -> None:
    await levels(services)

    async def replayed(when: dict[str, Any], name: str = "r") -> dict[str, Any]:
        rule = {"id": name, "title": "R", "when": when, "target": {"attribute": "level"}}
        answer = await operator.call("POST", "/api/v1/rules/replay", json={"rule": rule})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["replay"])

    together = await replayed({"kind": "group", "function": "mean", "operator": ">", "limit": 4.0})
    assert (together["basis"], together["alarms"], together["watched"]) == ("history", 1, 3)
    (found,) = together["occurrences"]
    assert found["entity"] == "urn:ngsi-ld:Group:r:34172"
    assert 9 <= (found["cleared"] - found["raised"]) / 3_600_000 <= 11
    await raised(services, rule="leaks")
    detector = await replayed({"kind": "proposed", "detector": "leaks"}, "leaks")
    assert (detector["basis"], detector["alarms"]) == ("detector", 1)


async def test_a_question_by_series_is_asked_at_moments_of_the_past(services: Services) -> None:
    from clapas.domain.access import RowFilter
    from clapas.rules.model import Rule, Sql
    from clapas.rules.replay import replay

    await levels(services)
    query = (
        "SELECT series, argMax(value, measured) AS value FROM observation FINAL "
        "WHERE measured <= {at:DateTime} AND measured > {at:DateTime} - INTERVAL 1 DAY "
        "GROUP BY series HAVING max(observation.value) > 4"
    )
    rule = Rule(id="q", title="Q", when=Sql(query=query))
    found = await replay(services.store, rule, rows=RowFilter(everything=True))
    assert (found.basis, found.alarms, found.entities) == ("questions", 3, 3)
    assert all(each.cleared for each in found.occurrences)
    now_only = Rule(id="q", title="Q", when=Sql(query="SELECT 'urn:ngsi-ld:Tank:2' AS entity"))
    assert (await replay(services.store, now_only, rows=RowFilter(everything=True))).alarms == 1


async def test_a_public_alarm_has_its_zone_and_its_update_names_what_it_updates(
    services: Services, stranger: Visitor
) -> None:
    await levels(services, 1)
    number = await raised(services, public=True)
    first = (await stranger.call("GET", f"/api/v1/alarms/{number}/cap.xml")).text
    assert "<msgType>Alert</msgType>" in first
    assert "4,50" in first or "4,5" in first
    polygon = first.partition("<polygon>")[2].partition("</polygon>")[0].split()
    assert len(polygon) == 25
    assert polygon[0] == polygon[-1]
    await raised(services, public=True, measured=NOW + 60_000, at=NOW + 60_000)
    second = (await stranger.call("GET", f"/api/v1/alarms/{number}/cap.xml")).text
    assert "<msgType>Update</msgType>" in second
    name = first.partition("<identifier>")[2].partition("<")[0]
    sent = first.partition("<sent>")[2].partition("<")[0]
    assert f"clapas,{name},{sent}" in second


async def test_each_message_to_the_public_has_its_own_name(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await levels(services, 1)
    number = await raised(services, public=True)
    said = [(await stranger.call("GET", f"/api/v1/alarms/{number}/cap.xml")).text]
    for act in ("close", "reopen", "close"):
        body = {"ids": [number], "action": act}
        assert (await operator.call("POST", "/api/v1/alarms/actions", json=body)).status_code == 200
        said.append((await stranger.call("GET", f"/api/v1/alarms/{number}/cap.xml")).text)
    kinds = [each.partition("<msgType>")[2].partition("<")[0] for each in said]
    names = [each.partition("<identifier>")[2].partition("<")[0] for each in said]
    assert kinds == ["Alert", "Cancel", "Update", "Cancel"]
    assert len(set(names)) == 4
    file = (await operator.call("GET", f"/api/v1/alarms/{number}")).json()
    assert [each["kind"] for each in file["timeline"]][-3:] == ["closed", "reopened", "closed"]
