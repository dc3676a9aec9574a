"""Figures of every entity of a trade that may be seen, from the history."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from clapas.domain.window import Window, instant
from clapas.rules.model import Target
from clapas.store import Store
from clapas.store.values import EntityRow, Latest
from clapas.usecases.figures import Figure, figures, unjudged
from clapas.usecases.measures import Asking, measures
from clapas.usecases.members import Members, Seen, members_of
from clapas.usecases.pack import Pack
from clapas.usecases.span import usual_period


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entity of a trade, with its figures in the pack's order."""

    entity: str
    name: str
    type: str
    commune: str
    longitude: float | None
    latitude: float | None
    simulated: bool
    figures: list[Figure]
    last: datetime | None = None
    """The newest reading of what the trade looks at, in the period or not."""


async def gather(store: Store, seen: Seen, *, pack: Pack, window: Window) -> list[Line]:
    """The trade's lines over a period."""
    return await lines_of(
        store, seen, pack=pack, members=await known(store, seen, pack=pack), window=window
    )


async def known(store: Store, seen: Seen, *, pack: Pack) -> Members:
    """The trade's points of measure, with the values that it looks at."""
    return looked_at(pack, await members_of(store, seen, pack=pack))


async def lines_of(
    store: Store, seen: Seen, *, pack: Pack, members: Members, window: Window
) -> list[Line]:
    """The lines of points of measure that are known already."""
    asking = Asking(
        rows=seen.series, mine=members.latest, window=window, zone=await store.territory.zone()
    )
    measured = await measures(store, pack, asking=asking)
    last = newest(members.latest)
    datasets = (row.entity.dataset for row in members.rows)
    await seen.note(datasets, window, entities=len(members.rows))
    return [
        _line(
            pack,
            row,
            found=figures(pack, measured.get(row.entity.id, {})),
            last=last.get(row.entity.id),
        )
        for row in members.rows
    ]


async def usual_window(
    store: Store, seen: Seen, *, pack: Pack, now: datetime, days: int = 0
) -> Window:
    """The period that the trade's page speaks of when nobody says which: see :func:`usual_period`."""
    members = await known(store, seen, pack=pack)
    return await usual_period(store, seen, pack=pack, members=members, now=now, days=days)


def looked_at(pack: Pack, members: Members) -> Members:
    """The same entities with the values that the trade looks at."""
    wanted = {each.quantity for each in pack.indicators if each.quantity}
    wanted |= {name for each in pack.derived for name in (each.total, each.minus)}
    kept = [each for each in members.latest if each.quantity in wanted]
    return msgspec.structs.replace(members, latest=kept)


def newest(states: Sequence[Latest]) -> dict[str, datetime]:
    """Entity → when it was last measured."""
    found: dict[str, int] = {}
    for each in states:
        found[each.entity] = max(each.measured, found.get(each.entity, 0))
    return {entity: instant(moment) for entity, moment in found.items()}


def _line(pack: Pack, row: EntityRow, *, found: list[Figure], last: datetime | None) -> Line:
    entity = row.entity
    name = entity.name or entity.id.rpartition(":")[2]
    beside = Target(beside=pack.beside).leaves(name)
    return Line(
        entity=entity.id,
        name=name,
        type=entity.type,
        commune=entity.commune,
        longitude=entity.longitude,
        latitude=entity.latitude,
        simulated=entity.simulated,
        figures=unjudged(found) if beside else found,
        last=last,
    )
