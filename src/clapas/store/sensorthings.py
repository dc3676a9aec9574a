"""The platform as SensorThings reads it: places, streams, sensors, properties from PostgreSQL, observations from ClickHouse."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import pyarrow as pa
from psycopg import ProgrammingError

from clapas.domain.access import RowFilter
from clapas.domain.errors import InternalError, InvalidInput
from clapas.store import filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.odata import FilterRefused, Node
from clapas.store.odata_sql import (
    CLICKHOUSE,
    POSTGRES,
    Compiler,
    Dialect,
    clickhouse_parameter,
    postgres_parameter,
)
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("sensorthings")
Kind = Literal["place", "stream", "sensor", "property"]
NUMBERED = 10.0
"""Seconds after which new things are numbered at the latest."""
DAY = 86_400_000
LAST = 1 << 42
ALL = 1_000_000_000
MISTYPED = ("ILLEGAL_TYPE", "NO_COMMON_TYPE", "TYPE_MISMATCH", "CANNOT_PARSE", "NO_SUPERTYPE")
"""Names of ClickHouse's errors that a filter of wrong types makes."""
OWN: dict[Kind, dict[str, str]] = {
    "place": {
        "@iot.id": "id", "id": "id", "name": "name", "description": "description", "time": "changed",
        "location": "place", "feature": "place", "properties/type": "type",
        "properties/commune": "commune", "properties/dataset": "dataset", "properties/entity": "entity",
    },
    "stream": {
        "@iot.id": "id", "id": "id", "name": "name", "description": "description",
        "phenomenonTime": "measured", "resultTime": "received", "properties/attribute": "attribute",
        "properties/quantity": "quantity", "properties/entity": "entity",
    },
    "sensor": {"@iot.id": "id", "id": "id", "name": "name", "description": "description",
               "properties/model": "model"},
    "property": {"@iot.id": "id", "id": "id", "name": "name", "description": "description",
                 "properties/quantity": "quantity"},
}  # fmt: skip
"""Members of each kind → their columns."""
SHAPE = "coalesce({0}.geometry ->> 'type', CASE WHEN {0}.longitude IS NOT NULL THEN 'Point' END)"
MADE: dict[Kind, dict[str, str]] = {
    "place": {"location/type": SHAPE, "feature/type": SHAPE,
              "location/geometry/type": "NULL::text", "feature/geometry/type": "NULL::text"},
    "stream": {"observedArea": "p.place", "observedArea/type": "CASE WHEN p.longitude IS NOT NULL THEN 'Point' END",
               "observedArea/geometry/type": "NULL::text"},
    "sensor": {},
    "property": {},
}  # fmt: skip
"""Members made of columns, ``{0}``: the table. QGIS asks first which kinds of geometries there are, as GeoJSON
geometries or as features of GeoJSON, which are not given here."""
LEADS: dict[str, tuple[Kind, str]] = {
    "Thing": ("place", "p"), "Things": ("place", "p"), "Locations": ("place", "p"),
    "HistoricalLocations": ("place", "p"), "FeatureOfInterest": ("place", "p"),
    "Datastream": ("stream", "d"), "Datastreams": ("stream", "d"),
    "Sensor": ("sensor", "s"), "ObservedProperty": ("property", "o"),
}  # fmt: skip
"""Navigation → the kind it leads to and the alias of its table."""
FROM_ROOT = {"place": "thing", "sensor": "sensor", "property": "property"}
OBSERVED = {"phenomenonTime": "measured", "result": "value", "resultQuality": "quality"}
OBSERVED |= {
    "resultTime": "addMilliseconds(measured, lag)",
    "@iot.id": "measured",
    "id": "measured",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A page of an entity set: a filter's tree, keys of order with 'descending', limit and offset."""

    where: Node | None = None
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = 100
    offset: int = 0
    placed: bool = False
    """Only what has a place."""


class Observed(msgspec.Struct, frozen=True, gc=False):
    """One observation; times in milliseconds, ``lag`` from measuring to receiving."""

    series: int
    at: int
    value: float
    quality: int
    lag: int


def _columns(kind: Kind) -> Callable[[str], str]:
    """The column of a path that begins at an entity of ``kind``."""

    def column(path: str) -> str:
        current, alias = kind, "d" if kind == "stream" else "r"
        parts = path.split("/")
        while len(parts) > 1 and parts[0] in LEADS:
            target, name = LEADS[parts.pop(0)]
            if not (target == current == "place"):
                current, alias = target, name
        member = "/".join(parts)
        if member in MADE[current]:
            return MADE[current][member].format(alias)
        if member not in OWN[current]:
            raise FilterRefused(f"there is no {path[:80]!r} to filter or to order by")
        return f"{alias}.{OWN[current][member]}"

    return column


def _around(kind: Kind) -> Callable[[str, str], str]:
    """Tests on what an entity leads to through its Datastreams hold for at least one of them."""

    def around(path: str, text: str) -> str:
        first = path.partition("/")[0]
        if kind == "stream" or first not in {"Datastreams", "Datastream"}:
            return text
        return (
            "EXISTS (SELECT FROM sta_stream d JOIN sta_place p ON p.id = d.thing "
            "JOIN sta_sensor s ON s.id = d.sensor JOIN sta_property o ON o.id = d.property "
            f"WHERE d.{FROM_ROOT[kind]} = r.id AND {text})"
        )

    return around


def _dialect(kind: Kind) -> Dialect:
    return Dialect(
        functions=POSTGRES,
        parameter=postgres_parameter,
        column=_columns(kind),
        around=_around(kind),
    )


class SensorThings:
    """Reads the entity sets."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse
        self._numbered = -NUMBERED

    async def _number(self) -> None:
        if time.monotonic() - self._numbered >= NUMBERED:
            await self._postgres.run(SQL["number"])
            self._numbered = time.monotonic()

    async def page(self, kind: Kind, rows: RowFilter, *, asked: Asked) -> list[dict[str, Any]]:
        """Entities of a kind that may be seen. Raises FilterRefused."""
        query, values = await self._query(kind, rows, asked=asked)
        names = COLUMNS[kind]
        found = await self._rows(query, values | {"limit": asked.limit, "offset": asked.offset})
        return [dict(zip(names, row, strict=True)) for row in found]

    async def count(self, kind: Kind, rows: RowFilter, *, asked: Asked) -> int:
        """How many there are."""
        bare = msgspec.structs.replace(asked, order=())
        query, values = await self._query(kind, rows, asked=bare)
        whole = f"SELECT count(*) FROM ({query}) counted"  # noqa: S608 our own text
        return int((await self._rows(whole, values | {"limit": ALL, "offset": 0}))[0][0])

    async def _rows(self, query: str, values: Mapping[str, Any]) -> list[Any]:
        try:
            return await self._postgres.rows(query, **values)
        except (InvalidInput, ProgrammingError) as error:
            cause = str(error.__cause__ or error).partition("\n")[0]
            raise FilterRefused(f"the filter cannot be evaluated: {cause}") from error

    async def _query(
        self, kind: Kind, rows: RowFilter, *, asked: Asked
    ) -> tuple[str, dict[str, Any]]:
        await self._number()
        compiler = Compiler(_dialect(kind))
        where = compiler.condition(asked.where).text if asked.where is not None else "true"
        keys = [compiler.order(path, descending=down) for path, down in asked.order]
        order = ", ".join(keys) + ", " if keys else ""
        text = SQL[kind].replace("/*where*/", where).replace("/*order*/", order)
        values: dict[str, Any] = {**compiler.values, **filters.values(rows)}
        if kind == "place":
            values["everywhere"] = not asked.placed
        return text, values

    async def observations(
        self, series: Sequence[int], asked: Asked, *, start: int = 0, end: int = LAST
    ) -> list[Observed]:
        """Observations of series, the newest first unless ordered otherwise. Raises FilterRefused.

        The newest are looked for in the last day, the last month, then everywhere.
        """
        newest_first = not asked.order or asked.order[0] == ("phenomenonTime", True)
        now = time.time_ns() // 1_000_000
        starts = [now - DAY, now - 31 * DAY] if newest_first else []
        found: list[Observed] = []
        for since in [*(each for each in starts if each > start), start]:
            found = await self._observed(series, asked, start=since, end=end)
            if len(found) >= asked.limit:
                break
        return found

    async def _observed(
        self, series: Sequence[int], asked: Asked, *, start: int, end: int
    ) -> list[Observed]:
        query, values = self._of_clickhouse("observation", asked)
        values |= {"series": list(series), "start": start, "end": end}
        table = await self._read(query, values | {"limit": asked.limit, "offset": asked.offset})
        return [Observed(**row) for row in table.to_pylist()]

    async def observed(
        self, series: Sequence[int], asked: Asked, *, start: int = 0, end: int = LAST
    ) -> int:
        """How many observations there are."""
        query, values = self._of_clickhouse("observations", asked)
        values |= {"series": list(series), "start": start, "end": end}
        table = await self._read(query, values)
        return int(table.column("number")[0].as_py())

    async def _read(self, query: str, values: Mapping[str, Any]) -> pa.Table:
        try:
            return await self._clickhouse.read(query, values)
        except InternalError as error:
            if any(word in str(error.__cause__) for word in MISTYPED):
                raise FilterRefused("the filter compares what cannot be compared") from error
            raise

    def _of_clickhouse(self, name: str, asked: Asked) -> tuple[str, dict[str, Any]]:
        compiler = Compiler(
            Dialect(functions=CLICKHOUSE, parameter=clickhouse_parameter, column=_observed)
        )
        where = compiler.condition(asked.where).text if asked.where is not None else "true"
        keys = [compiler.order(path, descending=down) for path, down in asked.order]
        order = ", ".join(keys) + ", " if keys else ""
        text = SQL[name].replace("/*where*/", where).replace("/*order*/", order)
        return text, dict(compiler.values)


def _observed(path: str) -> str:
    if path not in OBSERVED:
        raise FilterRefused(f"there is no {path[:80]!r} to filter observations by")
    return OBSERVED[path]


COLUMNS: dict[Kind, tuple[str, ...]] = {
    "place": ("id", "entity", "type", "name", "description", "dataset", "commune", "longitude",
              "latitude", "geometry", "changed"),
    "stream": ("id", "thing", "sensor", "property", "entity", "attribute", "quantity", "name",
               "description", "dataset", "value", "measured", "received", "quality", "longitude",
               "latitude"),
    "sensor": ("id", "model", "name", "description"),
    "property": ("id", "name", "quantity", "description"),
}  # fmt: skip
