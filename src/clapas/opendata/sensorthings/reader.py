"""Following an address through the store, under the charter's terms, and expanding what it leads to."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import msgspec

from clapas.charter import Exit, Reading
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import Window, instant, milliseconds
from clapas.opendata.sensorthings.asking import Address, Options
from clapas.opendata.sensorthings.model import KINDS, PLACED, SETS, Lead, Row, Set, id_text, shown
from clapas.opendata.sensorthings.questions import both, divided, equals, streams_of
from clapas.store import Store
from clapas.store.odata import FilterRefused, Node, paths_of
from clapas.store.sensorthings import Asked, Kind

MOST_STREAMS = 100_000
OWED = timedelta(days=400)
"""How far back aggregated observations are given when the request names no time."""
GROUPED = {
    "id": "id",
    "Thing/id": "thing",
    "Sensor/id": "sensor",
    "ObservedProperty/id": "property",
}
"""Path of a relation → the column of the related row that holds its value."""


class Found(msgspec.Struct, kw_only=True):
    """Rows of a set: those of the page, whether there are more, how many in all when asked."""

    set: Set
    rows: list[Row]
    more: bool = False
    count: int | None = None


class Reader:
    """Reads for one caller; ``root`` is the address of the service, without a last slash."""

    def __init__(self, store: Store, way_out: Exit, *, root: str) -> None:
        self._store = store
        self._exit = way_out
        self._root = root

    async def follow(self, address: Address, options: Options) -> tuple[Found, bool]:
        """What the address leads to, and whether it is one entity. Raises NotFound, FilterRefused."""
        current: Row | None = None
        set_: Set = cast("Set", address.steps[0].name)
        lead = Lead(target=set_, many=True)
        one = False
        for place, step in enumerate(address.steps):
            if place:
                lead = SETS[set_][step.name]
            last = place == len(address.steps) - 1
            parent, set_ = current, lead.target
            one = step.id is not None or not lead.many
            if last and not one:
                return await self._many(set_, options, lead=lead, parent=parent, place=place), False
            current = await self._one(set_, step.id, lead=lead, parent=parent, place=place)
        if current is None:
            raise NotFound(path=address.steps[-1].name)
        return Found(set=set_, rows=[current]), True

    async def _one(
        self, set_: Set, id_: str | None, *, lead: Lead, parent: Row | None, place: int
    ) -> Row:
        if set_ == "Observations":
            return await self._observation(id_ or "")
        if id_ is not None and not id_.isdigit():
            raise NotFound(id=id_)
        where = equals("id", int(id_)) if id_ is not None else None
        if place and parent is not None:
            where = both(where, equals(lead.path, parent[lead.source]))
        found = await self._page(set_, Options(where=where, top=1))
        if not found.rows:
            raise NotFound(set=set_, id=id_ or "")
        return found.rows[0]

    async def _many(
        self, set_: Set, options: Options, *, lead: Lead, parent: Row | None, place: int
    ) -> Found:
        if set_ == "Observations":
            return await self.observations(options, streams_of(parent) if place else None)
        if place and parent is not None:
            test = equals(lead.path, parent[lead.source])
            options = msgspec.structs.replace(options, where=both(test, options.where))
        return await self._page(set_, options)

    async def _page(self, set_: Set, options: Options) -> Found:
        kind = cast("Kind", KINDS[set_])
        asked = Asked(
            where=options.where,
            order=options.order,
            limit=options.top + 1,
            offset=options.skip,
            placed=set_ in PLACED,
        )
        rows = self._exit.rows("entity" if kind == "place" else "series")
        reads = self._store.sensorthings
        found = await reads.page(kind, rows, asked=asked)
        count = await reads.count(kind, rows, asked=asked) if options.count else None
        more = len(found) > options.top
        return Found(set=set_, rows=list(found[: options.top]), more=more, count=count)

    async def _streams(self, where: Node | None) -> list[dict[str, Any]]:
        """The streams that may be seen, of those that satisfy a test."""
        asked = Asked(where=where, limit=MOST_STREAMS)
        return await self._store.sensorthings.page("stream", self._exit.rows("series"), asked=asked)

    async def observations(self, options: Options, of: Node | None) -> Found:
        """Observations; what a filter says of their streams chooses these first. Raises FilterRefused."""
        own, theirs, start, end = divided(options.where)
        streams = await self._streams(both(of, theirs))
        plain = [each for each in streams if self._exit.shows(each["dataset"], each["attribute"])]
        if len(streams) == 1 and not plain:
            return await self._owed(streams[0], options, start=start, end=end)
        series = [each["id"] for each in plain]
        if not series:
            return Found(set="Observations", rows=[], count=0 if options.count else None)
        asked = Asked(where=own, order=options.order, limit=options.top + 1, offset=options.skip)
        if options.before is not None:
            end = min(end, options.before[0])
        reads = self._store.sensorthings
        held = await reads.observations(series, asked, start=start, end=end)
        count = None
        if options.count:
            count = await reads.observed(series, asked, start=start, end=end)
        rows = [
            _row(each.series, each.at, value=each.value, quality=each.quality, lag=each.lag)
            for each in held
        ]
        more = len(rows) > options.top
        return Found(set="Observations", rows=rows[: options.top], more=more, count=count)

    async def _owed(self, stream: Row, options: Options, *, start: int, end: int) -> Found:
        """A stream whose record allows no single value: its steps, as the record wants them."""
        if options.where is not None and paths_of(options.where) - {"phenomenonTime"}:
            raise FilterRefused("these observations are filtered by phenomenonTime only")
        until = instant(min(end, milliseconds(datetime.now(UTC))))
        since = max(instant(start), until - OWED)
        known = await self._store.series.by_id(self._exit.rows("series"), [stream["id"]])
        reading = Reading(window=Window(since, until), step="auto", max_points=MOST_STREAMS)
        found = await self._exit.history(self._store, list(known.values()), asked=reading)
        rows = [
            _row(stream["id"], at, value=value, quality=0, lag=0)
            for each in found
            for at, value in zip(each.times, each.values, strict=True)
        ]
        if not options.order or options.order[0][1]:
            rows.reverse()
        page = rows[options.skip : options.skip + options.top]
        return Found(
            set="Observations",
            rows=list(page),
            more=len(rows) > options.skip + options.top,
            count=len(rows) if options.count else None,
        )

    async def _observation(self, id_: str) -> Row:
        series, _, at = id_.partition("_")
        if not (series.isdigit() and at.isdigit()) or len(id_) > 40:
            raise NotFound(set="Observations", id=id_[:80])
        of = equals("id", int(series))
        streams = await self._streams(of)
        if streams and self._exit.shows(streams[0]["dataset"], streams[0]["attribute"]):
            asked = Asked(limit=1)
            held = await self._store.sensorthings.observations(
                [int(series)], asked, start=int(at), end=int(at) + 1
            )
            if held:
                each = held[0]
                return _row(
                    each.series, each.at, value=each.value, quality=each.quality, lag=each.lag
                )
        raise NotFound(set="Observations", id=id_)

    async def entities(self, found: Found, options: Options) -> list[dict[str, Any]]:
        """The rows as entities: selected members, what they lead to inside."""
        made = [shown(found.set, row, root=self._root) for row in found.rows]
        for name, inner in options.expand:
            lead = SETS[found.set][name]
            if await self._expand_all(found, made, name=name, lead=lead, options=inner):
                continue
            for row, entity in zip(found.rows, made, strict=True):
                await self._expand(
                    found.set, row, entity=entity, name=name, lead=lead, options=inner
                )
        if options.select:
            kept = {_member(each) for each in options.select}
            inside = {name for name, _ in options.expand}
            made = [_selected(each, kept, inside=inside) for each in made]
        return made

    async def _expand_all(
        self,
        found: Found,
        made: Sequence[dict[str, Any]],
        *,
        name: str,
        lead: Lead,
        options: Options,
    ) -> bool:
        """Expand all entities with one question, where their relations are columns; false where not."""
        column = GROUPED.get(lead.path)
        if column is None or options.count or options.skip or not found.rows:
            return False
        values = sorted({row[lead.source] for row in found.rows})
        where = both(Node("among", lead.path, value=values), options.where)
        asked = msgspec.structs.replace(options, where=where, top=MOST_STREAMS)
        related = await self._page(lead.target, asked)
        shown_all = await self.entities(related, options)
        by_value: dict[int, list[dict[str, Any]]] = {}
        for row, entity in zip(related.rows, shown_all, strict=True):
            by_value.setdefault(row[column], []).append(entity)
        for row, entity in zip(found.rows, made, strict=True):
            mine = by_value.get(row[lead.source], [])
            if not lead.many:
                entity.update({name: mine[0]} if mine else {})
                continue
            entity[name] = mine[: options.top]
            if len(mine) > options.top:
                link = f"{self._root}/{found.set}({id_text(found.set, row)})/{name}"
                entity[f"{name}@iot.nextLink"] = _next(link, options)
        return True

    async def _expand(
        self,
        set_: Set,
        row: Row,
        *,
        entity: dict[str, Any],
        name: str,
        lead: Lead,
        options: Options,
    ) -> None:
        if not lead.many:
            try:
                one = await self._one(lead.target, None, lead=lead, parent=row, place=1)
            except NotFound:
                return
            found = Found(set=lead.target, rows=[one])
            entity[name] = (await self.entities(found, options))[0]
            return
        if lead.target == "Observations" and set_ == "Datastreams" and _newest_only(options):
            found = await self._newest(row, options)
        else:
            found = await self._many(lead.target, options, lead=lead, parent=row, place=1)
        entity[name] = await self.entities(found, options)
        if found.count is not None:
            entity[f"{name}@iot.count"] = found.count
        if found.more:
            link = f"{self._root}/{set_}({id_text(set_, row)})/{name}"
            entity[f"{name}@iot.nextLink"] = _next(link, options)

    async def _newest(self, stream: Row, options: Options) -> Found:
        """The last observation, from the present state: no history is read for it."""
        if not self._exit.shows(stream["dataset"], stream["attribute"]):
            return await self.observations(options, equals("id", stream["id"]))
        lag = max(0, stream["received"] - stream["measured"])
        value = float(stream["value"])
        row = _row(
            stream["id"], stream["measured"], value=value, quality=stream["quality"], lag=lag
        )
        return Found(set="Observations", rows=[row], more=True)


def _newest_only(options: Options) -> bool:
    newest = not options.order or options.order[0] == ("phenomenonTime", True)
    return (
        options.top == 1
        and not options.skip
        and options.where is None
        and newest
        and not options.count
    )


def _row(series: int, at: int, *, value: float, quality: int, lag: int) -> Row:
    return {
        "id": f"{series}_{at}",
        "series": series,
        "at": at,
        "value": value,
        "quality": quality,
        "lag": lag,
    }


def _member(name: str) -> str:
    return "@iot.id" if name == "id" else name


def _next(link: str, options: Options) -> str:
    """The next page of what was expanded: the same question, further on."""
    said = "".join(f"&{name}={quote(text, safe='')}" for name, text in options.said)
    return f"{link}?$top={options.top}&$skip={options.skip + options.top}{said}"


def _selected(entity: Mapping[str, Any], kept: set[str], *, inside: set[str]) -> dict[str, Any]:
    """The selected members, and what was expanded with its count and its next page."""
    heads = {each.partition("/")[0] for each in kept}
    ends = ("", "@iot.count", "@iot.nextLink")
    wanted = heads | {f"{name}{end}" for name in inside for end in ends}
    return {
        name: value
        for name, value in entity.items()
        if name in wanted or name.partition("@iot.nav")[0] in heads
    }


def references(found: Found, root: str) -> list[dict[str, str]]:
    """Links only."""
    return [
        {"@iot.selfLink": f"{root}/{found.set}({id_text(found.set, row)})"} for row in found.rows
    ]


def check_form(set_: Set, form: str) -> None:
    """Raise InvalidInput when a set has no such form."""
    if form == "dataArray" and set_ != "Observations":
        raise InvalidInput("dataArray is for Observations", field="$resultFormat")
    if form == "GeoJSON" and set_ in {"Sensors", "ObservedProperties", "HistoricalLocations"}:
        raise InvalidInput("these have no geometry", field="$resultFormat")


def series_of(rows: Sequence[Row]) -> list[int]:
    """The streams of observations, each once."""
    return list(dict.fromkeys(row["series"] for row in rows))
