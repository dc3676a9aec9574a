"""``clapas bench rules``: 80,000 devices with five rules each, 2,000 observations a second, on one core.

Observations go through the durable log; the engine consumes it with its memory and its alarms in
PostgreSQL. This process, generator included, is held on one core; the database servers have the others.
The time to an alarm is from the moment an observation is published to the moment its alarm is committed.

Options: ``devices`` (80,000), ``rate`` of observations a second (2,000), ``minutes`` (0.5).
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from clapas.bus import NatsBus
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.rules.book import Book
from clapas.rules.engine import Engine, now_ms
from clapas.rules.life import Raise, Signal
from clapas.rules.model import Aggregate, Band, Rate, Rule, Silence, Target, Threshold
from clapas.rules.office import Office
from clapas.store import Store, migrate
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms
from clapas.store.rules_values import Alarm, TrackRow

NEEDS = "engines"
CHUNK = 5000
TICK_S = 0.25
HIGH, SHARE = 40.0, 0.005
LEVEL = Target(type="Device", attribute="temperature")
RULES = (
    Rule(id="high", title="High", target=LEVEL, when=Threshold(operator=">", limit=HIGH),
         clear=Threshold(operator="<", limit=HIGH - 2), revision=1),
    Rule(id="band", title="Band", target=LEVEL, when=Band(low=5, high=35), hold_s=600, revision=1),
    Rule(id="rate", title="Rate", target=LEVEL, when=Rate(per_hour=1e6), n=2, m=3, revision=1),
    Rule(id="mean", title="Mean", target=LEVEL, revision=1,
         when=Aggregate(function="mean", window_s=3600, operator=">", limit=60)),
    Rule(id="mute", title="Mute", target=LEVEL, when=Silence(for_s=86_400), revision=1),
)  # fmt: skip


class Timed(Office):
    """The office, remembering how long alarms took (ms)."""

    def __init__(self, alarms: Alarms, outbox: Notices) -> None:
        super().__init__(alarms, outbox)
        self.took: list[float] = []

    async def commit(
        self, signals: Sequence[Signal], *, tracks: Sequence[TrackRow] = (), now: int
    ) -> list[Alarm]:
        """See :class:`Office`."""
        changed = await super().commit(signals, tracks=tracks, now=now)
        done = time.time_ns() / 1e6
        raised = [each for each in signals if isinstance(each, Raise) and each.rule == "high"]
        self.took += [done - each.measured for each in raised]
        return changed


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Milliseconds from observation to alarm, and what the process needed."""
    devices, rate = int(options.get("devices") or 80_000), float(options.get("rate") or 2000)
    seconds = float(options.get("minutes") or 0.5) * 60
    addresses = options["addresses"]
    await migrate(addresses)
    core = min(os.sched_getaffinity(0))
    async with (
        Store.open(addresses, pool=4) as store,
        NatsBus.open(addresses.nats) as bus,
    ):
        await bus.prepare()
        series = await _fleet(store, devices)
        office = Timed(Alarms(store.postgres), Notices(store.postgres))
        office.rules = {each.id: each for each in RULES}
        engine = Engine(
            RulesStore(store.postgres, store.clickhouse), office, book=Book(ZoneInfo("UTC"))
        )
        await engine.start(RULES)
        os.sched_setaffinity(0, {core})
        consuming = asyncio.create_task(bus.consume("rules", engine.handle))
        await asyncio.sleep(1)
        warm = await _warm(bus, engine, series=series)
        used, began = time.process_time(), time.perf_counter()
        sent = await _load(bus, series, rate=rate, seconds=seconds)
        while engine.taken < sent + len(series):
            await asyncio.sleep(0.02)
        elapsed, used = time.perf_counter() - began, time.process_time() - used
        consuming.cancel()
    took = sorted(office.took)
    return {
        "devices": devices,
        "rules_each": len(RULES),
        "observations": sent,
        "rate": round(sent / elapsed),
        "alarms": len(took),
        "warm_s": round(warm, 1),
        "core_busy": round(used / elapsed, 2),
        "alarm_p50_ms": round(statistics.median(took)) if took else None,
        "alarm_p99_ms": round(took[int(len(took) * 0.99)]) if took else None,
        "alarm_max_ms": round(took[-1]) if took else None,
    }


async def _fleet(store: Store, devices: int) -> list[int]:
    numbers: list[int] = []
    for start in range(0, devices, CHUNK):
        names = [
            f"urn:ngsi-ld:Device:bench-{n:06}" for n in range(start, min(start + CHUNK, devices))
        ]
        await store.entities.upsert([Entity(id=name, type="Device") for name in names])
        keys = [SeriesKey(name, "temperature", "temperature") for name in names]
        made = await store.series.ensure(keys)
        numbers += [made[key].id for key in keys]
    return numbers


async def _warm(bus: NatsBus, engine: Engine, *, series: Sequence[int]) -> float:
    """Every device speaks once, so that its memory exists."""
    began = time.perf_counter()
    for start in range(0, len(series), CHUNK):
        now = now_ms()
        some = [Observation(each, now, 20.0, now, 1, 0) for each in series[start : start + CHUNK]]
        await bus.publish_observations(ObservationBatch(observations=some))
    while engine.taken < len(series):
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def _load(bus: NatsBus, series: Sequence[int], *, rate: float, seconds: float) -> int:
    """A steady rate over the whole fleet; a few readings are too high."""
    dice = random.Random(7)
    sent, began = 0, time.perf_counter()
    order = list(series)
    dice.shuffle(order)
    while (passed := time.perf_counter() - began) < seconds:
        wanted = int((passed + TICK_S) * rate) - sent
        now = now_ms()
        batch = [
            Observation(
                order[(sent + n) % len(order)],
                now,
                HIGH + 5 if dice.random() < SHARE else dice.uniform(15, 25),
                now,
                1,
                sent + n,
            )
            for n in range(wanted)
        ]
        await bus.publish_observations(ObservationBatch(observations=batch))
        sent += wanted
        await asyncio.sleep(max(0.0, began + passed + TICK_S - time.perf_counter()))
    return sent
