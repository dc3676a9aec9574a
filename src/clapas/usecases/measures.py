"""What the history answers to a trade's indicators: queries, but for the band of EN 15757, which needs the whole record."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.indicators import Ask, Indicators, Scope, Source
from clapas.store.values import Latest, Step
from clapas.usecases.figures import Measured
from clapas.usecases.historic_band import DAY, HISTORY, settled_band
from clapas.usecases.pack import Indicator, Pack, clock
from clapas.usecases.points import Points, points_of

MEMORY = timedelta(days=396)
"""Thirteen months: what the band of EN 15757 is made of."""
MOST_RAW = 300_000
"""Expected readings above which a band is made of hours."""
QUARTER = timedelta(minutes=15)

By = dict[str, dict[str, Measured]]
"""Entity → indicator → what was measured."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks about which series, over which period."""

    rows: RowFilter
    mine: Sequence[Latest]
    window: Window
    zone: ZoneInfo


async def measures(store: Store, pack: Pack, *, asking: Asking) -> By:
    """What was measured for every entity and indicator but the formulas."""
    found = await _asked(store, pack, asking=asking)
    for each in pack.indicators:
        if each.kind == "outside_en15757":
            await _banded(store, pack, asking=asking, indicator=each, found=found)
    return found


async def _asked(store: Store, pack: Pack, *, asking: Asking) -> By:
    history = Indicators(store.clickhouse, store.series, territory=store.territory)
    numbers = [each.series for each in asking.mine]
    suspect = await history.suspect(asking.rows, numbers, window=asking.window)
    asked = [each for each in pack.indicators if each.kind != "formula"]
    found: By = {}
    for _, same in groupby(sorted(asked, key=_together), key=_together):
        indicators = list(same)
        sources = sources_of(pack, asking.mine, quantity=indicators[0].quantity)
        scope = _scope(pack, indicators[0], window=asking.window)
        expected = await asyncio.to_thread(expected_s, scope, asking.zone)
        asks = [_ask(pack, each) for each in indicators if each.kind != "outside_en15757"]
        answers = await history.read(asking.rows, list(sources), scope=scope, asks=asks)
        for source, entity in sources.items():
            if (answer := answers.get(source.series)) is None:
                continue
            capture = min(1.0, answer.covered / expected) if expected else 0.0
            doubt = max(suspect.get(each, 0.0) for each in (source.series, source.total))
            for each in indicators:
                found.setdefault(entity, {})[each.id] = Measured(
                    value=answer.numbers.get(each.id), capture=capture, suspect=doubt
                )
    return found


def _together(indicator: Indicator) -> tuple[str, tuple[int, ...], tuple[str, str]]:
    """Indicators that one query answers: same quantity, same days and hours."""
    return indicator.quantity, indicator.days, indicator.hours


def sources_of(pack: Pack, mine: Sequence[Latest], *, quantity: str) -> dict[Source, str]:
    """The series of a quantity with their entities; derived where the source does not send it."""
    found = {Source(each.series): each.entity for each in mine if each.quantity == quantity}
    sent = set(found.values())
    for rule in pack.derived:
        if rule.quantity != quantity:
            continue
        totals = {each.entity: each.series for each in mine if each.quantity == rule.total}
        found |= {
            Source(each.series, totals[each.entity]): each.entity
            for each in mine
            if each.quantity == rule.minus and each.entity in totals and each.entity not in sent
        }
    return found


def _scope(pack: Pack, indicator: Indicator, *, window: Window) -> Scope:
    opens, closes = (int(clock(each) or 0) for each in indicator.hours)
    return Scope(
        window=window,
        interval_s=float(pack.interval_s),
        days=indicator.days,
        opens=opens,
        closes=closes,
    )


def _ask(pack: Pack, each: Indicator) -> Ask:
    return Ask(
        id=each.id,
        kind=each.kind,
        expression=each.sql,
        low=pack.bound(each.low) or 0.0,
        high=pack.bound(each.high) or 0.0,
        percent=each.percent,
    )


def expected_s(scope: Scope, zone: ZoneInfo) -> float:
    """Seconds of the period that count: civil days and hours, to the quarter of an hour."""
    if (scope.opens, scope.closes) == (0, 86_400) and len(set(scope.days)) == 7:
        return scope.window.duration.total_seconds()
    moment, count = scope.window.start.astimezone(UTC), 0
    while moment < scope.window.end:
        count += _counts(moment.astimezone(zone), scope)
        moment += QUARTER
    return count * QUARTER.total_seconds()


def _counts(civil: datetime, scope: Scope) -> bool:
    seconds = civil.hour * 3600 + civil.minute * 60 + civil.second
    return civil.isoweekday() in scope.days and scope.opens <= seconds < scope.closes


async def _banded(
    store: Store, pack: Pack, *, asking: Asking, indicator: Indicator, found: By
) -> None:
    """The time outside the historic band, of the entities that have readings in the period."""
    entities = {
        each.series: each.entity for each in asking.mine if each.quantity == indicator.quantity
    }
    window = Window(min(asking.window.end - MEMORY, asking.window.start), asking.window.end)
    expected = len(entities) * window.duration.total_seconds() / pack.interval_s
    step: Step = "raw" if expected <= MOST_RAW else "hour"
    histories = await store.history.read(
        asking.rows, list(entities), window=window, step=step, max_points=100_000
    )
    start = asking.window.start.timestamp()
    for each in histories:
        own = found.get(entities[each.series], {})
        if indicator.id in own:
            value, short = await asyncio.to_thread(outside_share, points_of(each), start)
            own[indicator.id] = msgspec.structs.replace(
                own[indicator.id], value=value, provisional=short
            )


def outside_share(record: Points, start: float) -> tuple[float | None, bool]:
    """Share of the readings since ``start`` (s) outside the band of the whole record; is the record too short?

    The band is that of EN 15757 over 13 months: over less it is provisional.
    """
    judged = record.at >= start
    if not judged.any():
        return None, False
    outside = settled_band(record.at, record.values * 100).outside
    return float(outside[judged].mean()), bool(record.at[-1] - record.at[0] < HISTORY - DAY)
