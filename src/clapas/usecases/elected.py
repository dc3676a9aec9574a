"""The home of the elected: six figures and a map, with sources, dates and method. No control room.

A figure is the middle of its trade's headline over the trade's usual period, on the points of measure that captured
enough; beside it, how many were well, to watch, in alert, or could not be judged. Where fewer than six trades have one,
the figures are completed by what every territory has (points of measure that live, alarms that a trade has in hand),
then by the trades that wait for enough measurements: their card has no value and says so.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from statistics import median

import msgspec

from clapas.domain.window import Window
from clapas.store import Store
from clapas.store.rules_alarms import Alarms
from clapas.store.values import EntityRow
from clapas.usecases.figures import state_of
from clapas.usecases.gather import Line, known, lines_of
from clapas.usecases.limits import Text
from clapas.usecases.members import Seen
from clapas.usecases.pack import Pack
from clapas.usecases.span import usual_period

DAYS = 7
FIGURES = 6
PAGE = 1000
MOST_POINTS = 100_000
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
    """Empty: the figures are not open."""
    simulated: bool
    source: Text = Text(fr="", en="")
    """The dataset that the figure is made of."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures, and the places for the map."""

    commune: str
    figures: list[Share]
    places: list[Line]


async def summary(
    store: Store,
    seen: Seen,
    *,
    packs: dict[str, Pack],
    commune: str = "",
    now: datetime | None = None,
) -> Summary:
    """The six figures of trades that have points of measure, of the territory or of one commune."""
    end = now or datetime.now(UTC)
    week = Window(end - timedelta(days=DAYS), end)
    found = await asyncio.gather(
        *(_of_trade(store, seen, pack=pack, commune=commune, now=end) for pack in packs.values())
    )
    told = [each for each in found if each is not None]
    shares = [one for one, _ in told if one.judged][:FIGURES]
    for common in (living, alarms):
        if len(shares) < FIGURES:
            shares.append(await common(store, seen, window=week, commune=commune))
    shares += [one for one, _ in told if not one.judged][: FIGURES - len(shares)]
    return Summary(
        commune=commune, figures=shares, places=[line for _, mine in told for line in mine]
    )


async def _of_trade(
    store: Store, seen: Seen, *, pack: Pack, commune: str, now: datetime
) -> tuple[Share, list[Line]] | None:
    """A trade's figure and its points of measure; None when it has none there."""
    members = await known(store, seen, pack=pack)
    if not members.rows:
        return None
    window = await usual_period(store, seen, pack=pack, members=members, now=now)
    lines = await lines_of(store, seen, pack=pack, members=members, window=window)
    mine = [line for line in lines if not commune or line.commune == commune]
    return (share(pack, mine, window=window), mine) if mine else None


async def living(store: Store, seen: Seen, *, window: Window, commune: str) -> Share:
    """Share of the points of measure that spoke in the period, of all trades."""
    rows: list[EntityRow] = []
    after: str | None = None
    while len(rows) < MOST_POINTS:
        page = await store.entities.page(seen.entities, commune=commune, after=after, limit=PAGE)
        rows += page.items
        after = page.next
        if after is None:
            break
    spoke = [row for row in rows if row.updated and row.updated >= window.start]
    value = round(100 * len(spoke) / len(rows), 1) if rows else None
    return Share(
        trade="",
        title=Text(fr="Réseau de mesure", en="Measuring network"),
        figure=Text(fr="Points de mesure vivants", en="Living points of measure"),
        method=Text(
            fr="Part des points de mesure, tous métiers, dont une valeur a été mesurée dans la période",
            en="Share of the points of measure, all trades, with a value measured in the period",
        ),
        value=value,
        unit="%",
        points=len(rows),
        judged=len(rows),
        watch=0,
        alert=len(rows) - len(spoke),
        start=window.start,
        end=window.end,
        licence="LO-2.0",
        simulated=any(row.entity.simulated for row in rows),
        source=Text(fr="Registre des points de mesure", en="Register of points of measure"),
    )


async def alarms(store: Store, seen: Seen, *, window: Window, commune: str) -> Share:
    """Alarms in progress: each is with the trade that can act."""
    kept = Alarms(store.postgres)
    found = (await kept.page(seen.entities, state="active", commune=commune, limit=PAGE)).items
    grave = sum(each.severity in {"critical", "major"} for each in found)
    return Share(
        trade="",
        title=Text(fr="Alarmes", en="Alarms"),
        figure=Text(fr="Alarmes en cours", en="Alarms in progress"),
        method=Text(
            fr="Alarmes levées et non closes, chacune chez le métier qui peut agir ; mille au plus sont comptées",
            en="Alarms raised and not closed, each with the trade that can act; at most a thousand are counted",
        ),
        value=float(len(found)),
        unit="",
        points=len(found),
        judged=len(found),
        watch=len(found) - grave,
        alert=grave,
        start=window.start,
        end=window.end,
        licence="LO-2.0",
        simulated=False,
        source=Text(fr="Journal des alarmes", en="Log of alarms"),
    )


def share(pack: Pack, lines: list[Line], *, window: Window) -> Share:
    """One trade's headline over its points of measure."""
    name = pack.page.headline
    indicator = pack.indicator(name)
    found = [each for line in lines for each in line.figures if each.indicator == name]
    judged = [each for each in found if each.state in JUDGED and each.value is not None]
    values = [each.value for each in judged if each.value is not None]
    states = [state_of(pack, line.figures) for line in lines]
    return Share(
        trade=pack.name,
        title=pack.title,
        figure=indicator.title,
        method=indicator.method,
        value=round(median(values), indicator.decimals) if values else None,
        unit=indicator.unit,
        points=len(found),
        judged=len(judged),
        watch=states.count("watch"),
        alert=states.count("alert"),
        start=window.start,
        end=window.end,
        licence=pack.dataset.licence if pack.dataset.classification == "ouvert" else "",
        simulated=any(line.simulated for line in lines),
        source=pack.dataset.title,
    )
