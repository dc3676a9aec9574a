"""The home of the elected: six figures and a map, with sources, dates and method. No control room.

A figure is the middle of its trade's headline over the last days, on the points of measure that captured
enough; beside it, how many were well, to watch, in alert, or could not be judged.
"""

from datetime import UTC, datetime, timedelta
from statistics import median

import msgspec

from clapas.domain.window import Window
from clapas.store import Store
from clapas.usecases.gather import Line, Seen, gather
from clapas.usecases.pack import Pack, Text

DAYS = 7
FIGURES = 6
JUDGED = ("ok", "watch", "alert")


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: middle value of ``judged`` points of measure out of ``points``."""

    trade: str
    title: Text
    figure: Text
    method: Text
    value: float | None
    unit: str
    points: int
    judged: int
    watch: int
    alert: int
    start: datetime
    end: datetime
    licence: str
    simulated: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures, and the places for the map."""

    commune: str
    figures: list[Share]
    places: list[Line]


async def summary(
    store: Store,
    seen: Seen,
    packs: dict[str, Pack],
    *,
    commune: str = "",
    now: datetime | None = None,
) -> Summary:
    """The six figures of trades that have points of measure, of the territory or of one commune."""
    end = now or datetime.now(UTC)
    window = Window(end - timedelta(days=DAYS), end)
    shares: list[Share] = []
    places: list[Line] = []
    for pack in packs.values():
        lines = await gather(store, seen, pack, window)
        mine = [line for line in lines if not commune or line.commune == commune]
        if mine and len(shares) < FIGURES:
            shares.append(share(pack, mine, window))
            places += mine
    return Summary(commune=commune, figures=shares, places=places)


def share(pack: Pack, lines: list[Line], window: Window) -> Share:
    """One trade's headline over its points of measure."""
    name = pack.page.headline
    indicator = pack.indicator(name)
    found = [each for line in lines for each in line.figures if each.indicator == name]
    judged = [each for each in found if each.state in JUDGED and each.value is not None]
    values = [each.value for each in judged if each.value is not None]
    return Share(
        trade=pack.name,
        title=pack.title,
        figure=indicator.title,
        method=indicator.method,
        value=round(median(values), indicator.decimals) if values else None,
        unit=indicator.unit,
        points=len(found),
        judged=len(judged),
        watch=sum(each.state == "watch" for each in judged),
        alert=sum(each.state == "alert" for each in judged),
        start=window.start,
        end=window.end,
        licence=pack.dataset.licence,
        simulated=any(line.simulated for line in lines),
    )
