"""Late, duplicate, missing, suspect, withdrawn and replayed data, for every kind of condition.

One table: each kind has a past and a reading that raises; each scenario is something that happens to
readings on their way. What is concluded never depends on the order of arrival.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.quality import Quality
from clapas.rules.engine import now_ms
from clapas.rules.model import (
    Aggregate,
    Band,
    Drift,
    Fence,
    Frozen,
    Group,
    Proposed,
    Rate,
    Rule,
    SameHour,
    Shift,
    Silence,
    Sql,
    Target,
    Threshold,
    Unusual,
    Versus,
    When,
)
from clapas.rules.propose import AlarmProposal, signals
from clapas.rules.service import asked

if TYPE_CHECKING:
    from tests.integration.rules.conftest import Room

MINUTE, HOUR = 60_000, 3_600_000
Values = Sequence[Any]
HERE: dict[str, Any] = {"type": "Point", "coordinates": [3.87, 43.61]}
AWAY: dict[str, Any] = {"type": "Point", "coordinates": [4.4, 43.9]}
TOWN = ((3.8, 43.5), (3.95, 43.5), (3.95, 43.7), (3.8, 43.7))


def noise(count: int) -> list[float]:
    dice = random.Random(count)
    return [round(10 + dice.uniform(-1, 1), 3) for _ in range(count)]


KINDS: dict[str, tuple[When, int, Values, Any, Any]] = {
    # condition, step between readings (ms), the past, the reading that raises, one that is normal
    "threshold": (Threshold(operator=">", limit=30.0), MINUTE, [10.0] * 8, 31.0, 10.0),
    "own": (Threshold(operator=">", attribute="limit"), MINUTE, [10.0] * 8, 31.0, 10.0),
    "band": (Band(low=5.0, high=30.0), MINUTE, [10.0] * 8, 1.0, 10.0),
    "rate": (Rate(per_hour=60.0), MINUTE, [10.0, 10.5] * 4, 14.0, 10.5),
    "versus": (Versus(entity="urn:ngsi-ld:Tank:2", attribute="limit", operator=">", margin=5.0, within_s=10**8),
               MINUTE, [30.0] * 8, 36.0, 30.0),
    "same_hour": (SameHour(times=4.0, margin=1.0), HOUR, [10.0] * (4 * 168 + 5), 60.0, 10.0),
    "unusual": (Unusual(), 5 * MINUTE, noise(200), 60.0, 10.0),
    "shift": (Shift(times=2.5), 5 * MINUTE, [*noise(200), 60.0], 60.0, 10.0),
    "drift": (Drift(), 6 * HOUR, noise(4 * 20), 400.0, 10.0),
    "frozen": (Frozen(for_s=180), MINUTE, [10.0, 11.0, 12.0, 13.0, 14.0, 10.0, 10.0, 10.0], 10.0, 11.0),
    "aggregate": (Aggregate(function="max", window_s=600, operator=">", limit=30.0), MINUTE, [10.0] * 8, 31.0, 10.0),
    "fence": (Fence(polygon=TOWN), MINUTE, [HERE] * 8, AWAY, HERE),
    "group": (Group(function="max", operator=">", limit=30.0, by="all", least=1), MINUTE, [10.0] * 8, 31.0, 10.0),
}  # fmt: skip
"""Every kind that reads values; silence, questions and proposals have scenarios of their own below."""

Reading = tuple[int, Any]
Parcels = list[tuple[list[Reading], dict[str, Any]]]


def in_order(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [(past, {}), ([last], {})]


def one_by_one(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [([*past[:-4]], {}), *(([each], {}) for each in [*past[-4:], last])]


def shuffled(past: list[Reading], last: Reading, _: Any) -> Parcels:
    few = [*past[-5:], last]
    random.Random(7).shuffle(few)
    return [(past[:-5], {}), (few[:3], {}), (few[3:], {})]


def twice(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [(past, {}), ([last], {}), ([*past[-3:], last], {}), ([last, last], {})]


def suspect(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [(past, {}), ([last], {"quality": int(Quality.SUSPECT)})]


def suspect_end(past: list[Reading], last: Reading, normal: Any) -> Parcels:
    end = (last[0] + 1, normal)
    return [(past, {}), ([last], {}), ([end], {"quality": int(Quality.SUSPECT)})]


def missing(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [(past, {}), ([(last[0], None)], {})]


def withdrawn(past: list[Reading], last: Reading, _: Any) -> Parcels:
    return [(past, {}), ([last], {}), ([(last[0], None)], {"deleted": True})]


def corrected(past: list[Reading], last: Reading, normal: Any) -> Parcels:
    return [(past, {}), ([last], {}), ([(last[0], normal)], {})]


def too_late(past: list[Reading], last: Reading, _: Any) -> Parcels:
    """Older than the six last readings: measured before all of them, arrived after them."""
    early = (past[-7][0] - 1, last[1])
    return [(past, {}), ([early], {"received": last[0]})]


SCENARIOS: dict[str, tuple[Callable[[list[Reading], Reading, Any], Parcels], bool]] = {
    # what happens, and is the alarm active at the end
    "in order": (in_order, True),
    "one by one": (one_by_one, True),
    "shuffled": (shuffled, True),
    "twice": (twice, True),
    "suspect end": (suspect_end, True),
    "suspect": (suspect, False),
    "missing": (missing, False),
    "withdrawn": (withdrawn, False),
    "corrected": (corrected, False),
    "too late": (too_late, False),
}


def test_the_table_has_every_kind() -> None:
    kinds = {type(row[0]) for row in KINDS.values()} | {Silence, Sql, Proposed}
    assert kinds == set(get_args(When))


@pytest.fixture
async def scene(room: "Room") -> "Room":
    """A series for each kind and scenario, and the limit that two kinds compare with."""
    names = [f"{kind} {name}" for kind in KINDS for name in [*SCENARIOS, "replayed"]]
    entities = {name: f"urn:ngsi-ld:Scene:{n}" for n, name in enumerate(names)}
    await room.store.entities.upsert(
        [Entity(id=each, type="Scene", name=name) for name, each in entities.items()]
    )
    keys = {n: SeriesKey(e, n.split()[0], "tank_level") for n, e in entities.items()}
    limits = {f"limit {e}": SeriesKey(e, "limit", "tank_level") for e in entities.values()}
    limits["limit other"] = SeriesKey("urn:ngsi-ld:Tank:2", "limit", "tank_level")
    made = await room.store.series.ensure([*keys.values(), *limits.values()])
    room.series = {name: made[key].id for name, key in {**keys, **limits}.items()}
    rules = []
    for kind, (when, *_) in KINDS.items():
        if isinstance(when, Group):
            rules += [
                Rule(id=f"group-{n}", title=f"{kind} {name}", when=when,
                     target=Target(attribute="group", entities=(entities[f"{kind} {name}"],)))
                for n, name in enumerate([*SCENARIOS, "replayed"])
            ]  # fmt: skip
        else:
            rules.append(Rule(id=kind, title=kind, target=Target(attribute=kind), when=when))
    await room.take(*rules)
    long_ago = now_ms() - 400 * 24 * HOUR
    settings = [(name, long_ago, 30.0) for name in room.series if name.startswith("limit")]
    await room.engine.handle(room.batch(*settings))
    return room


@cache
def start() -> int:
    return now_ms() - MINUTE


def readings(kind: str) -> tuple[list[Reading], Reading, Any]:
    """The past, the reading that raises, and a normal value; all kinds end at the same time."""
    _, step, past, raising, normal = KINDS[kind]
    times = [start() - step * (len(past) - n) for n in range(len(past))]
    return list(zip(times, past, strict=True)), (start(), raising), normal


async def concluded(room: "Room") -> dict[str, tuple[bool, int]]:
    """Kind and scenario → what the alarm says: (active, how often)."""
    page = await room.alarms.page(RowFilter(everything=True), state="open", limit=500)
    assert page.next is None
    rows = {a.entity: (a.active, a.count) for a in page.items}
    groups = {a.title: (a.active, a.count) for a in page.items if a.rule.startswith("group-")}
    facts = await room.rules.facts(list(room.series.values()))
    return groups | {each.name: rows[each.entity] for each in facts if each.entity in rows}


async def test_every_kind_in_every_scenario(scene: "Room") -> None:
    everything = [
        (kind, *reading) for kind in KINDS for reading in [*readings(kind)[0], readings(kind)[1]]
    ]
    batch = scene.batch(*((f"{kind} replayed", at, value) for kind, at, value in everything))
    await scene.engine.handle(msgspec.structs.replace(batch, replayed=True))
    assert await scene.open() == [], "what is decoded again corrects history and raises nothing"
    for name, (happens, _) in SCENARIOS.items():
        parcels = {kind: happens(*readings(kind)) for kind in KINDS}
        for rank in range(len(parcels["threshold"])):
            rows = [
                (f"{kind} {name}", at, value)
                for kind, some in parcels.items()
                for at, value in some[rank][0]
            ]
            await scene.engine.handle(scene.batch(*rows, **parcels["threshold"][rank][1]))
    found = await concluded(scene)
    wrong = {
        f"{kind} {name}": found.get(f"{kind} {name}")
        for kind in KINDS
        for name, (_, active) in SCENARIOS.items()
        if found.get(f"{kind} {name}", (False, 0))[0] is not active
        or (active and found[f"{kind} {name}"][1] != 1)
    }
    assert wrong == {}


async def test_silence_is_ended_by_whatever_is_received_once(room: "Room") -> None:
    """Late, suspect, missing: anything that arrives ends a silence; what was delivered before does not."""
    await room.take(Rule(id="mute", title="M", target=Target(attribute="level"), when=Silence(for_s=600)))  # fmt: skip
    start = now_ms()
    first = room.batch(("tank", start, 1.0), ("other", start, 1.0), received=start)
    await room.engine.handle(first)
    await room.engine.tick(start + 700_000)
    assert [a.active for a in await room.open()] == [True, True]
    await room.engine.handle(first)
    assert [a.active for a in await room.open()] == [True, True], (
        "the same delivery says nothing new"
    )
    late = {"received": start + 800_000}
    await room.engine.handle(room.batch(("tank", start - HOUR, 1.0), **late))
    await room.engine.handle(
        room.batch(("other", start + 1, None), quality=int(Quality.SUSPECT), **late)
    )
    assert [a.active for a in await room.open()] == [False, False]
    assert {a.count for a in await room.open()} == {1}


async def test_a_question_and_a_detector_that_say_it_twice_raise_once(room: "Room") -> None:
    question = Rule(id="asked", title="Q", when=Sql(query="SELECT 1"))
    leak = Rule(id="leak", title="L", when=Proposed(detector="leaks"))
    await room.take(question, leak)
    now = now_ms()
    rows: list[tuple[str, float | None]] = [("urn:ngsi-ld:Tank:1", 2.0)]
    proposal = AlarmProposal(rule="leak", entity="urn:ngsi-ld:Tank:1", measured=now)
    for _ in range(2):
        known = [str(row[1]) for row in await room.alarms.active_of(["asked"])]
        await room.office.commit(asked(question, rows, known=known, now=now), now=now)
        found, _ = signals([proposal], {"leak": leak}, at=now)
        await room.office.commit(found, now=now)
    assert {(a.rule, a.count) for a in await room.open()} == {("asked", 1), ("leak", 1)}
    older = msgspec.structs.replace(proposal, measured=now - HOUR, active=False)
    found, _ = signals([older], {"leak": leak}, at=now)
    await room.office.commit(found, now=now)
    still = {a.rule for a in await room.open() if a.active}
    assert still == {"asked", "leak"}, "an end that was measured before the alarm ends nothing"
