"""Beside what exists: weeks of running next to the platform in place, compared every civil day.

While a shadow runs, its devices take no command from us: the platform in place commands them. Cutting
over hands them to us, once the last days agree; leaving touches nothing on the other side.
"""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import polars as pl

from clapas.domain.access import RowFilter
from clapas.domain.errors import Conflict, InvalidInput
from clapas.domain.window import Window
from clapas.fleet.comparison import COLUMNS, DayReport, Rules, compare, ready
from clapas.fleet.feed import fetch, readings
from clapas.fleet.settings import Feed
from clapas.store import Store
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_shadow import Shadow

ALL = RowFilter(everything=True)
TOGETHER = 5_000
LOOK_BACK = 7
"""Days that are asked of the feed when they were not compared yet."""


def rules_of(shadow: Shadow) -> Rules:
    """How this shadow compares. Raises InvalidInput."""
    try:
        return msgspec.convert(shadow.rules, Rules)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field="rules") from error


async def compare_day(store: Store, name: str, *, day: date, content: bytes) -> DayReport:
    """Compare a civil day with the other platform's readings (CSV), and keep what was found.

    Raises InvalidInput, Conflict when the shadow has ended.
    """
    shadow = await store.shadows.get(name)
    if shadow.state != "running":
        raise Conflict("this shadow run has ended", shadow=name)
    window = await _civil_day(store, day)
    theirs = await asyncio.to_thread(readings, content, window)
    ours = await _ours(store, shadow, window=window, named=set(theirs["attribute"].unique()))
    report = await asyncio.to_thread(compare, ours, theirs, rules=rules_of(shadow))
    await store.shadows.keep_day(name, day, report=msgspec.to_builtins(report))
    return report


async def _civil_day(store: Store, day: date) -> Window:
    zone = await store.territory.zone()
    start, end = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return Window(start, end)


async def _ours(store: Store, shadow: Shadow, *, window: Window, named: set[str]) -> pl.DataFrame:
    """Our readings of the shadow's devices, under the words that the other platform uses of them.

    A value is given once: under their word when they have one, else under our attribute.
    """
    rules = rules_of(shadow)
    wanted = {rules.names[each].attribute if each in rules.names else each for each in named}
    keys = await store.fleet.keys(ALL, msgspec.convert(shadow.query, DeviceQuery))
    parts = [pl.DataFrame(schema=COLUMNS)]
    for low in range(0, len(keys), TOGETHER):
        words, table = await store.shadows.measured(keys[low : low + TOGETHER], window)
        chosen = {(key, series): word for key, word, series in words if word in wanted}
        whose = pl.DataFrame(
            [(key, word, series) for (key, series), word in chosen.items()],
            schema={"device": pl.String, "attribute": pl.String, "series": pl.UInt32},
            orient="row",
        )
        values = pl.DataFrame(pl.from_arrow(table)).cast({"series": pl.UInt32})
        parts.append(values.join(whose, on="series").select(*COLUMNS).cast(COLUMNS))  # type: ignore[arg-type]
    return pl.concat(parts)


async def fetch_days(
    store: Store, feeds: dict[str, Feed], *, client: httpx.AsyncClient, today: date
) -> dict[str, int]:
    """Compare the days before ``today`` of running shadows that have a feed; gives how many by name."""
    done: dict[str, int] = {}
    for shadow in await store.shadows.all(state="running"):
        missing = await _missing_days(store, shadow, today=today) if shadow.name in feeds else []
        for day in missing:
            content = await fetch(feeds[shadow.name], await _civil_day(store, day), client=client)
            await compare_day(store, shadow.name, day=day, content=content)
            done[shadow.name] = done.get(shadow.name, 0) + 1
    return done


async def _missing_days(store: Store, shadow: Shadow, *, today: date) -> list[date]:
    """Past days of a run that were not compared yet, the oldest first."""
    if shadow.started is None:
        return []
    known = {each.day for each in (await store.shadows.days(shadow.name)).items}
    first = shadow.started.astimezone(await store.territory.zone()).date()
    past = (today - timedelta(days=back) for back in range(LOOK_BACK, 0, -1))
    return [each for each in past if each >= first and each not in known]


async def is_ready(store: Store, shadow: Shadow) -> bool:
    """Do the last civil days, without a hole, agree enough to cut over?"""
    rules = rules_of(shadow)
    days = (await store.shadows.days(shadow.name, limit=rules.days)).items
    whole = all(one.day - other.day == timedelta(days=1) for one, other in pairwise(days))
    return whole and ready([msgspec.convert(each.report, DayReport) for each in days], rules)


async def cut_over(store: Store, name: str, *, actor: str, force: bool = False) -> Shadow:
    """From now on we command the devices. Raises Conflict unless the days agree or it is forced."""
    shadow = await store.shadows.get(name)
    if not force and not await is_ready(store, shadow):
        rules = rules_of(shadow)
        raise Conflict("the last days do not agree yet", days=rules.days, least=rules.least)
    await store.shadows.end(name, "cut_over", actor=actor)
    return await store.shadows.get(name)


async def leave(store: Store, name: str, *, actor: str, retire: bool = False) -> Shadow:
    """End without taking over; with ``retire`` its devices leave service here (history stays)."""
    shadow = await store.shadows.get(name)
    await store.shadows.end(name, "left", actor=actor)
    if retire:
        keys = await store.fleet.keys(ALL, msgspec.convert(shadow.query, DeviceQuery))
        await store.fleet.move(keys, "retired", actor=actor, note=f"shadow {name}")
    return await store.shadows.get(name)


async def held(store: Store, keys: set[str]) -> set[str]:
    """Which of these devices are in a running shadow, so that nobody here may command them."""
    found: set[str] = set()
    for shadow in await store.shadows.all(state="running") if keys else []:
        query: dict[str, Any] = {**shadow.query, "keys": tuple(keys)}
        chosen = set(msgspec.convert(shadow.query, DeviceQuery).keys)
        mine = await store.fleet.keys(ALL, msgspec.convert(query, DeviceQuery))
        found |= {each for each in mine if not chosen or each in chosen}
    return found
