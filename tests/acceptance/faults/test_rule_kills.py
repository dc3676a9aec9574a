"""kill -9 of the rules under load: no alarm is missed, none is raised twice, nobody is told twice."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from clapas.bus import NatsBus
from clapas.config import load
from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.engines import EngineAddresses
from clapas.orders import Orders
from clapas.rules.model import Rule, Target, Threshold
from clapas.store import Store, migrate
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import RuleRow

pytestmark = pytest.mark.engines

TANKS, ROUNDS = 40, 300
PAUSE_S = 0.1
EVERYTHING = RowFilter(everything=True)
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
    await Notices(store.postgres).save_plan("chain", "all", body={"stages": [{"to": ["ana"]}]})
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


@asynccontextmanager
async def rules_role(
    addresses: EngineAddresses, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process that evaluates rules, as the platform's parent starts it; killed on leaving."""
    orders = Orders(
        role="rules", addresses=addresses, configuration=load(folder), directory=str(folder)
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clapas.roles", "rules"), stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(orders))
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def raises(alarms: Alarms, at_least: int) -> int:
    """Until so many times something was raised."""
    while len(found := await alarms.raised_by("high", since=0)) < at_least:
        await asyncio.sleep(0.1)
    return len(found)


async def test_nothing_is_missed_and_nothing_is_repeated(
    fresh_database: EngineAddresses, tmp_path: Path
) -> None:
    await migrate(fresh_database)
    (tmp_path / "run").mkdir()
    ready = tmp_path / "run" / "rules.ready"
    async with (
        asyncio.timeout(600),
        Store.open(fresh_database, pool=2) as store,
        NatsBus.open(fresh_database.nats) as bus,
    ):
        await bus.prepare()
        series = await prepare(store)
        alarms = Alarms(store.postgres)
        async with rules_role(fresh_database, tmp_path):
            while not ready.exists():
                await asyncio.sleep(0.1)
            began = time.time_ns() // 1_000_000
            speaking = asyncio.create_task(speak(bus, series, began))
            seen = await raises(alarms, 5)
        async with rules_role(fresh_database, tmp_path):
            await raises(alarms, seen + 20)
        async with rules_role(fresh_database, tmp_path):
            await speaking
            await raises(alarms, 3 * TANKS)
            while (await alarms.page(EVERYTHING, state="active")).items:
                await asyncio.sleep(0.1)
        page = await alarms.page(EVERYTHING, state="", limit=1000)
        raised: Counter[tuple[str, int]] = Counter()
        told: Counter[str] = Counter()
        for alarm in page.items:
            for line in await alarms.timeline(alarm.id):
                if line.kind in {"raised", "raised_again", "repeated"}:
                    raised[alarm.entity, line.values["measured"]] += 1
            for notice in await Notices(store.postgres).of_alarm(alarm.id):
                told[notice.kind] += 1
    expected = {
        (f"urn:ngsi-ld:Tank:{tank}", began + start * 100): 1
        for tank, episodes in EPISODES.items()
        for start, _ in episodes
    }
    assert dict(raised) == expected
    assert told == {"raised": 3 * TANKS, "cleared": 3 * TANKS}
