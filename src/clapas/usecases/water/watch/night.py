"""The night's run over the platform's own meters: history → detector → cases → attributes of the meters.

Every series of a water index is read since the last night (with three days for what came late), in
chunks of meters; what the detector remembers is kept in the store. A meter whose flow does not stop
gets ``waterLeak`` 1 and the flow itself, so that alarm rules and any reader of the entity know; 0 when
it has stopped.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from clapas.domain.access import RowFilter
from clapas.domain.device import SeriesKey
from clapas.domain.quality import Quality
from clapas.domain.window import Window, instant, milliseconds
from clapas.store import StateRow, Store
from clapas.store.values import SeriesHistory
from clapas.store.water import NewCase
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.batch import Alerts, kind_of
from clapas.usecases.water.leaks.levels import BURSTS, SURE, Levels
from clapas.usecases.water.leaks.nightly import Ledger, run_night
from clapas.usecases.water.settings import Sensitivity
from clapas.usecases.water.watch.sudden import PATIENCE_MS, asked_first

MEMORY = "leaks"
QUANTITY = "water_index"
FIRST_LOOK = timedelta(days=60)
LATE = timedelta(days=3)
EXPLAINED = timedelta(days=365)
"""A use that explained a flow (a pool, a softener) is remembered for a year."""
CHUNK = 2000
"""Meters read at a time: two thousand with an hourly index are a few megabytes."""
MOST_POINTS = 10_000
UNUSABLE = int(Quality.OUT_OF_RANGE | Quality.FUTURE)
EVERYTHING = RowFilter(everything=True)
SOURCE = "water"
SECTOR = "flow"
"""A meter that also gives its flow feeds a sector: it never stops, and is no subscriber's."""
LEAK, FLOW = ("waterLeak", "water_leak"), ("leakFlow", "flow")


async def night(
    store: Store, *, now: datetime, purpose: str = "", bursts: Sensitivity = "every"
) -> dict[str, Any]:
    """One run; gives what it saw: meters, readings, alerts, flows that stopped, persons left out.

    Whoever objects to ``purpose``, or to every purpose, is neither read nor remembered (GDPR art. 21); nor
    is whoever did not consent to it, where the record of their meter asks for consent (art. 6.1.a and 7).
    """
    levels = BURSTS[bursts]
    kept = await _remembered(store)
    against = await _unwilling(store, purpose)
    ledger = kept[1].without(against) if kept else Ledger.empty(levels)
    start = instant(kept[0]) - LATE if kept else now - FIRST_LOOK
    latest = await store.state.latest(EVERYTHING, quantity=QUANTITY, limit=500_000)
    sectors = {each.entity for each in await store.state.latest(EVERYTHING, attribute=SECTOR)}
    left_out = sectors | against
    entity_of = {each.series: each.entity for each in latest if each.entity not in left_out}
    series = sorted(entity_of)
    usual = await store.water.accepted(since=milliseconds(now - EXPLAINED))
    readings = raised = 0
    for first in range(0, len(series), CHUNK):
        part = series[first : first + CHUNK]
        rows = await _readings(store, part, window=Window(start, now), entity_of=entity_of)
        readings += rows.height
        ledger, alerts = run_night(ledger, rows, levels=levels)
        fresh = [
            each for each in _cases(alerts, ledger.names) if _is_new(each, usual, levels=levels)
        ]
        raised += len(fresh)
        await store.water.raise_cases(fresh)
    ended = await _stopped(store, ledger, against=against, now=now)
    await store.water.let_pass(sure=SURE, within=PATIENCE_MS)
    await store.water.raise_cases(await _after_bursts(store, ledger))
    longer = _too_long(ledger, levels=levels, told=await store.water.running())
    await store.water.raise_cases(longer)
    await store.water.remember(MEMORY, milliseconds(now), body=ledger.packed())
    await _tell(store, ledger, ended=ended, now=now)
    raised += len(longer)
    seen = {"meters": len(series), "readings": readings, "alerts": raised, "stopped": len(ended)}
    return {**seen, "left_out": len({each.entity for each in latest} & against)}


async def _unwilling(store: Store, purpose: str) -> frozenset[str]:
    """The meters of those who object to the search, or did not consent where it rests on consent."""
    by_consent = [
        record.id
        for record in await store.charter.records()
        if (served := record.purpose(purpose)) is not None and served.consent
    ]
    reluctant = await store.governance.without_consent(by_consent, purpose=purpose)
    return await store.governance.objectors(purpose) | frozenset(reluctant.values())


async def _remembered(store: Store) -> tuple[int, Ledger] | None:
    """What the detector knows, and up to when (ms); None also after a version that wrote it otherwise.

    It then learns anew from the history, as at its first look.
    """
    kept = await store.water.memory(MEMORY)
    if kept is None:
        return None
    try:
        return kept[0], Ledger.unpacked(kept[1])
    except BadTable:
        return None


async def _readings(
    store: Store, series: list[int], *, window: Window, entity_of: dict[int, str]
) -> pl.DataFrame:
    found = await store.history.read(
        EVERYTHING, series, window=window, step="raw", max_points=MOST_POINTS * len(series)
    )
    tables = [_table(each, entity_of[each.series]) for each in found]
    empty = pl.DataFrame(
        schema={"meter": pl.String, "at": pl.Datetime("us", "UTC"), "index_l": pl.Float64}
    )
    return pl.concat([empty, *tables]) if tables else empty


def _table(history: SeriesHistory, entity: str) -> pl.DataFrame:
    """The usable readings of a meter, m³ as litres."""
    values = np.asarray(history.values, dtype=np.float64) * 1000.0
    flags = np.asarray(history.qualities, dtype=np.int64)
    usable = np.isfinite(values) & ((flags & UNUSABLE) == 0)
    at = np.asarray(history.times, dtype=np.int64)[usable]
    return pl.DataFrame(
        {
            "meter": pl.Series([entity] * len(at), dtype=pl.String),
            "at": pl.Series(at * 1000).cast(pl.Datetime("us", "UTC")),
            "index_l": values[usable],
        }
    )


def _cases(alerts: Alerts, names: tuple[str, ...]) -> list[NewCase]:
    columns = (alerts.meter, alerts.at, alerts.level, alerts.rate, alerts.volume, alerts.confidence)
    return [
        NewCase(
            entity=names[meter],
            kind=kind_of(level, rate),
            rate=round(rate, 2),
            volume=round(volume, 1),
            confidence=round(sure, 3),
            raised=int(at * 1000),
        )
        for meter, at, level, rate, volume, sure in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _is_new(case: NewCase, usual: dict[str, float], *, levels: Levels) -> bool:
    """Clearly more than the flow that the subscriber or an agent explained by a use."""
    known = usual.get(case.entity, 0.0)
    return known <= 0 or case.rate > max(levels.worse * known, known + levels.worse_l_h)


async def _stopped(
    store: Store, ledger: Ledger, *, against: frozenset[str], now: datetime
) -> list[str]:
    """Running cases whose flow the detector no longer sees, or may no longer look at."""
    running = await store.water.running()
    gone = ledger.book.gone()
    still = [name for n, name in enumerate(ledger.names) if name in running and gone[n]]
    still += sorted(against & running)
    return await store.water.stop_cases(still, now=milliseconds(now))


async def _after_bursts(store: Store, ledger: Ledger) -> list[NewCase]:
    """Where a burst is over and a known leak still runs: its case is the leak's again."""
    running = await store.water.living(await store.water.running())
    calm = ledger.book.bursting <= 0
    at = {name: n for n, name in enumerate(ledger.names)}
    rows = [(case, at[case.entity]) for case in running.values() if case.entity in at]
    return [
        NewCase(
            entity=case.entity,
            kind=kind_of(0, float(ledger.book.base[n])),
            rate=round(float(ledger.book.base[n]), 2),
            volume=case.volume,
            confidence=case.confidence,
            raised=int(ledger.book.at[n] * 1000),
        )
        for case, n in rows
        if case.kind == "burst" and calm[n] and not ledger.book.gone(np.asarray([n]))[0]
    ]


def _too_long(ledger: Ledger, *, levels: Levels, told: Collection[str]) -> list[NewCase]:
    """Bursts that somebody explained by a use, and that run for longer than any use does."""
    book = ledger.book
    rows = np.flatnonzero((book.bursting > 0) & (book.burst >= levels.burst_any_hours))
    return [
        NewCase(
            entity=ledger.names[n],
            kind="burst",
            rate=round(float(book.bursting[n]), 2),
            volume=round(float(book.bursting[n] * book.burst[n]), 1),
            confidence=SURE,
            raised=int(book.at[n] * 1000),
        )
        for n in rows.tolist()
        if ledger.names[n] not in told
    ]


async def _tell(store: Store, ledger: Ledger, *, ended: list[str], now: datetime) -> None:
    """The leak, or its end, as attributes of the meter: rules raise and clear the alarm.

    Not while the subscriber alone is asked.
    """
    moment = milliseconds(now)
    cases = await store.water.living(await store.water.running())
    running = {name for name, case in cases.items() if not asked_first(case, moment)}
    flows = np.maximum(ledger.book.base, ledger.book.bursting).tolist()
    flow = dict(zip(ledger.names, flows, strict=True))
    told = [(entity, 1.0, flow.get(entity, 0.0) / 1000.0) for entity in sorted(running)]
    told += [(entity, 0.0, 0.0) for entity in ended if entity not in cases]
    if not told:
        return
    keys = [SeriesKey(entity, *each) for entity, _, _ in told for each in (LEAK, FLOW)]
    series = await store.series.ensure(keys)
    rows = []
    for entity, leak, now_flowing in told:
        for (attribute, quantity), value in ((LEAK, leak), (FLOW, now_flowing)):
            number = series[SeriesKey(entity, attribute, quantity)].id
            rows.append(StateRow(number, entity, attribute, value, moment, moment))
    await store.writes.put(rows, source=SOURCE)


async def flows_now(store: Store) -> dict[str, float]:
    """What flowed during the last three readings of each meter (L/h), as the detector remembers it."""
    kept = await _remembered(store)
    if kept is None:
        return {}
    ledger = kept[1]
    litres, hours = ledger.book.last_intervals(np.arange(ledger.book.meters))
    flows = litres[:, -3:].sum(axis=1) / np.maximum(hours[:, -3:].sum(axis=1), 0.1)
    return dict(zip(ledger.names, flows.tolist(), strict=True))


def today() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
