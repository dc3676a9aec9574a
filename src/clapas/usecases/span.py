"""Which period a trade's page speaks of when nobody says: the one where its own points of measure spoke."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median, median_high

from clapas.domain.window import Window, instant
from clapas.store import Store
from clapas.store.indicators import Indicators
from clapas.usecases.members import Members, Seen
from clapas.usecases.pack import Pack

SECOND = timedelta(seconds=1)


async def usual_period(
    store: Store, seen: Seen, *, pack: Pack, members: Members, now: datetime, days: int = 0
) -> Window:
    """The last ``days`` (the pack's own number when 0), now or when its points fell silent.

    Without ``days`` it begins where half of its points had begun: a trade that started on Monday is judged from
    Monday on.
    """
    wanted = timedelta(days=days or pack.page.period_days)
    heard = {each.entity: 0 for each in members.latest}
    for each in members.latest:
        heard[each.entity] = max(heard[each.entity], each.measured)
    end = ending(now, list(heard.values()), wanted=wanted)
    window = Window(end - wanted, end)
    if days or not heard:
        return window
    history = Indicators(store.clickhouse, store.series, territory=store.territory)
    series = {each.series: each.entity for each in members.latest}
    began = await history.began(seen.series, list(series), window=window)
    return Window(
        beginning(window, first_of(series, began), interval=timedelta(seconds=pack.interval_s)), end
    )


def first_of(series: Mapping[int, str], began: Mapping[int, int]) -> list[int]:
    """The first reading (ms) of each entity that has one."""
    found: dict[str, int] = {}
    for number, moment in began.items():
        found[series[number]] = min(moment, found.get(series[number], moment))
    return list(found.values())


def ending(now: datetime, heard: Sequence[int], *, wanted: timedelta) -> datetime:
    """Now; where no point spoke in the period (``heard``: last readings, ms), when half of them fell silent."""
    if not heard or instant(max(heard)) >= now - wanted:
        return now
    return instant(median_high(heard)) + SECOND


def beginning(window: Window, began: Sequence[int], *, interval: timedelta) -> datetime:
    """Where half of the points had begun (ms), at least an interval before the end."""
    if not began:
        return window.start
    half = instant(round(median(began)))
    return max(window.start, min(half, window.end - interval))
