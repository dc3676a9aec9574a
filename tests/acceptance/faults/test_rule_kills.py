"""kill -9 of the rules under load: no alarm is missed, none is raised twice, nobody is told twice."""

import asyncio
import contextlib
import os
import random
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from clapas.bus import NatsBus
from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.ops.faults import Tree
from clapas.rules.model import Rule, Target, Threshold
from clapas.store import Store
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import RuleRow

pytestmark = pytest.mark.engines

TANKS, ROUNDS, KILLS = 40, 600, 5
PAUSE_S = 0.1
HIGH = Rule(
    id="high", title="Trop plein", target=Target(type="Tank", attribute="level"), chain="all",
    when=Threshold(operator=">", limit=4.0), clear=Threshold(operator="<", limit=3.0),
)  # fmt: skip
EPISODES = {tank: ((20 + tank, 40 + tank), (120 + tank, 125 + tank), (200 + tank, 241 + tank)) for tank in range(TANKS)}  # fmt: skip
"""Each tank is too full three times, from a round to a round."""


def value(tank: int, turn: int) -> float:
    return 5.0 if any(start <= turn < end for start, end in EPISODES[tank]) else 2.0


async def prepare(store: Store) -> list[int]:
    names = [f"urn:ngsi-ld:Tank:{number}" for number in range(TANKS)]
    await store.entities.upsert([Entity(id=name, type="Tank") for name in names])
    keys = [SeriesKey(name, "level", "tank_level") for name in names]
    made = await store.series.ensure(keys)
    await Notices(store.postgres).save_plan("chain", "all", {"stages": [{"to": ["ana"]}]})
    row = RuleRow(id=HIGH.id, revision=0, body=msgspec.to_builtins(HIGH))
    await RulesStore(store.postgres, store.clickhouse).save(row, who="ana")
    return [made[key].id for key in keys]


async def speak(bus: NatsBus, series: list[int], began: int) -> None:
    """One reading of each tank a tenth of a second."""
    for turn in range(ROUNDS):
        at = began + turn * 100
        batch = [
            Observation(number, at, value(tank, turn), at, 1, turn * TANKS + tank)
            for tank, number in enumerate(series)
        ]
        await bus.publish_observations(ObservationBatch(observations=batch))
        await asyncio.sleep(PAUSE_S)


def is_up(data: Path) -> bool:
    """Did the present process of the rules say that it is ready?"""
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((data / "run" / "rules.ready").read_text()), 0)
        return True
    return False


async def kill_now_and_then(tree: Tree, data: Path, until: asyncio.Task[None]) -> int:
    """Each time that it works again, a moment later."""
    chance = random.Random(20261122)
    killed = 0
    while not until.done() and killed < KILLS:
        if is_up(data):
            await asyncio.sleep(chance.uniform(0.5, 4.0))
            killed += await tree.kill("rules")
        await asyncio.sleep(0.1)
    return killed


async def settled(alarms: Alarms) -> None:
    """Until all tanks went through their three episodes, or nothing more happens for a while."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 40:
        count = len(await alarms.raised_by("high", since=0))
        page = await alarms.page(RowFilter(everything=True), state="active", limit=100)
        if count >= 3 * TANKS and not page.items:
            return
        if count != last:
            last, since = count, time.monotonic()
        await asyncio.sleep(0.5)


async def test_nothing_is_missed_and_nothing_is_repeated(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "data")
    try:
        await tree.start()
        addresses = tree.addresses()
        async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
            series = await prepare(store)
            await asyncio.sleep(3)
            began = time.time_ns() // 1_000_000
            speaking = asyncio.create_task(speak(bus, series, began))
            killed = await kill_now_and_then(tree, tmp_path / "data", speaking)
            await speaking
            assert killed >= 2, "the rules were killed while they worked"
            alarms = Alarms(store.postgres)
            await settled(alarms)
            page = await alarms.page(RowFilter(everything=True), state="all", limit=1000)
            raised: Counter[tuple[str, int]] = Counter()
            told: Counter[str] = Counter()
            for alarm in page.items:
                for line in await alarms.timeline(alarm.id):
                    if line.kind in {"raised", "raised_again", "repeated"}:
                        raised[alarm.entity, line.values["measured"]] += 1
                for notice in await Notices(store.postgres).of_alarm(alarm.id):
                    told[notice.kind] += 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            await tree.stop()
    expected = {
        (f"urn:ngsi-ld:Tank:{tank}", began + start * 100): 1
        for tank, episodes in EPISODES.items()
        for start, _ in episodes
    }
    assert dict(raised) == expected
    assert told == {"raised": 3 * TANKS, "cleared": 3 * TANKS}
