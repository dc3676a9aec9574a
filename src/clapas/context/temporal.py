"""Temporal evolution: what is asked of time, and the answers in its three forms (clauses 4.5.6 to 4.5.9, 4.5.19, 4.11)."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from clapas.context.errors import BadRequestData, InvalidRequest, TooComplexQuery
from clapas.context.model import MEMBER, Instance, is_date_time, moment

PROPERTIES = ("observedAt", "createdAt", "modifiedAt", "deletedAt")
RELATIONS = ("before", "after", "between")
METHODS = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")
PLURAL = {
    "Property": "values",
    "GeoProperty": "values",
    "Relationship": "objects",
    "LanguageProperty": "languageMaps",
    "VocabProperty": "vocabs",
    "JsonProperty": "jsons",
    "ListProperty": "valueLists",
    "ListRelationship": "objectLists",
}
DURATION = re.compile(
    r"^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)
MOST_PERIODS = 50_000
INSTANT = timedelta(microseconds=1)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of time. ``relation`` '' : everything."""

    relation: str = ""
    at: str = ""
    end: str = ""
    timeproperty: str = "observedAt"
    last: int = 0

    @property
    def start_at(self) -> datetime:
        """The first instant, included."""
        return moment(self.at) if self.relation in {"after", "between"} else FIRST

    @property
    def end_at(self) -> datetime:
        """The last instant, excluded."""
        if self.relation == "before":
            return moment(self.at)
        return moment(self.end) if self.relation == "between" else LAST

    def values(self) -> dict[str, Any]:
        """The parameters of the store's queries."""
        return {
            "property": self.timeproperty,
            "open": not self.relation,
            "start": self.start_at,
            "end": self.end_at,
        }


class Aggregation(msgspec.Struct, frozen=True, kw_only=True):
    """Which aggregates, over periods of which duration ('PT0S': the whole range)."""

    methods: tuple[str, ...]
    period: str


def read_window(params: Mapping[str, Any]) -> Window:
    """The temporal query of a request. Raises BadRequestData."""
    relation, at, end = (params.get(name, "") for name in ("timerel", "timeAt", "endTimeAt"))
    timeproperty = params.get("timeproperty", "observedAt")
    if timeproperty not in PROPERTIES:
        raise BadRequestData(f"timeproperty is one of {', '.join(PROPERTIES)}")
    if relation and relation not in RELATIONS:
        raise BadRequestData(f"timerel is one of {', '.join(RELATIONS)}")
    if not relation and (at or end):
        raise BadRequestData("timeAt needs timerel")
    if relation and not is_date_time(at):
        raise BadRequestData("timeAt is a DateTime")
    if relation == "between" and not is_date_time(end):
        raise BadRequestData("between needs endTimeAt, a DateTime")
    if "timerel" in params and not relation:
        raise BadRequestData("timerel is empty")
    return Window(relation=relation, at=at, end=end, timeproperty=timeproperty, last=_last(params))


def _last(params: Mapping[str, Any]) -> int:
    if "lastN" not in params:
        return 0
    try:
        last = int(params["lastN"])
    except (TypeError, ValueError) as error:
        raise BadRequestData("lastN is a number") from error
    if last < 1 or isinstance(params["lastN"], float):
        raise BadRequestData("lastN is at least 1")
    return last


def read_aggregation(params: Mapping[str, Any]) -> Aggregation:
    """The aggregation of a request. Raises BadRequestData."""
    given = params.get("aggrMethods", "")
    names = [each for each in given.split(",") if each] if isinstance(given, str) else list(given)
    if not names:
        raise BadRequestData("aggregatedValues needs aggrMethods")
    for name in names:
        if name not in METHODS:
            raise BadRequestData(f"aggrMethods: {name!r} is not one of {', '.join(METHODS)}")
    period = params.get("aggrPeriodDuration", "PT0S")
    if not isinstance(period, str) or not DURATION.match(period):
        raise BadRequestData("aggrPeriodDuration is an ISO 8601 duration")
    return Aggregation(methods=tuple(names), period=period)


def edges_of(period: str, start: datetime, *, last: datetime) -> list[datetime]:
    """The bounds of the periods from ``start`` until one is after ``last``. Raises TooComplexQuery."""
    match = DURATION.match(period)
    parts = [float(part or 0) for part in match.groups()] if match else []
    years, months, weeks, days, hours, minutes, seconds = parts
    step = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    count = int(years * 12 + months)
    if not step and not count:
        return [start, max(last, start) + INSTANT]
    found = [start]
    while found[-1] <= last:
        if len(found) > MOST_PERIODS:
            raise TooComplexQuery("there are too many periods")
        found.append(_later(start, count * len(found)) + step * len(found))
    return found


def _later(start: datetime, months: int) -> datetime:
    place = start.year * 12 + start.month - 1 + months
    year, month = divmod(place, 12)
    for day in (start.day, 30, 29, 28):
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return start


def as_text(at: datetime) -> str:
    """An instant as answers write it."""
    text = at.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")


class Row(msgspec.Struct, frozen=True):
    """An instance of an attribute at its instant."""

    entity: str
    attribute: str
    dataset: str
    instance: str
    at: datetime | None
    doc: Instance


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that fit an answer; ``range`` the Content-Range when some do not (6.3.10)."""

    rows: list[Row]
    range: str = ""


def cut_page(rows: Sequence[Row], window: Window, *, most: int) -> Cut:
    """Keep whole instants up to ``most`` instances, from the oldest, or from the newest with lastN."""
    timed = sorted((row for row in rows if row.at is not None), key=lambda row: row.at or FIRST)
    if len(rows) <= most or not timed:
        return Cut(rows=list(rows))
    newest_first = window.last > 0
    ordered = timed[::-1] if newest_first else timed
    kept = ordered[:most]
    bound = kept[-1].at
    while len(kept) < len(ordered) and ordered[len(kept)].at == bound and kept[0].at != bound:
        kept = [row for row in kept if row.at != bound]
        bound = kept[-1].at
    instants = [row.at or FIRST for row in kept]
    oldest, newest = min(instants), max(instants)
    size = str(window.last) if newest_first else "*"
    if newest_first:
        first = {"before": window.at, "between": window.end}.get(window.relation)
        start, end = first or as_text(newest), as_text(oldest)
    else:
        first = window.at if window.relation in {"after", "between"} else as_text(oldest)
        start, end = first, as_text(newest)
    names = {id(row) for row in kept}
    within = [row for row in rows if id(row) in names]
    return Cut(rows=within, range=f"date-time {start}-{end}/{size}")


def grouped(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Rows by entity and attribute."""
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.entity][row.attribute].append(row)
    return found


def aggregates(
    values: Mapping[int, Mapping[str, Any]], aggregation: Aggregation, *, edges: Sequence[datetime]
) -> dict[str, list[list[Any]]]:
    """Aggregates by method from ``bucket → {method: value}``."""
    spans = list(pairwise(edges))
    found: dict[str, list[list[Any]]] = {}
    for method in aggregation.methods:
        column: list[list[Any]] = []
        for bucket, results in sorted(values.items()):
            if results.get(method) is not None and 1 <= int(bucket) <= len(spans):
                start, end = spans[int(bucket) - 1]
                shown = end - INSTANT if end.microsecond % 1000 == 1 else end
                column.append([results[method], as_text(start), as_text(shown)])
        found[method] = column
    return found


def aggregated_others(docs: Sequence[Instance]) -> dict[str, Any]:
    """Aggregates of values that are not numbers, by the rules of table 4.5.19.1-1."""
    values = [doc.get(MEMBER[doc["type"]]) for doc in docs]
    kinds = {type(value) for value in values}
    found: dict[str, Any] = {
        "totalCount": len(values),
        "distinctCount": len({repr(value) for value in values}),
    }
    if kinds == {str} and all(doc["type"] == "Property" for doc in docs):
        texts = [str(value) for value in values]
        found |= {"min": min(texts), "max": max(texts)}
    elif kinds == {bool}:
        numbers = [int(bool(value)) for value in values]
        mean = sum(numbers) / len(numbers)
        found |= {"sum": sum(numbers), "avg": mean, "sumsq": sum(numbers)}
        found |= {"min": min(numbers), "max": max(numbers)}
        found["stddev"] = (sum((each - mean) ** 2 for each in numbers) / len(numbers)) ** 0.5
    elif kinds == {list}:
        sizes = [len(value or []) for value in values]
        mean = sum(sizes) / len(sizes)
        found |= {"sum": sum(sizes), "avg": mean, "sumsq": sum(each**2 for each in sizes)}
        found |= {"min": min(sizes), "max": max(sizes)}
        found["stddev"] = (sum((each - mean) ** 2 for each in sizes) / len(sizes)) ** 0.5
    return found


def check_format(format_: str) -> str:
    """The form of a temporal answer: '' (instances), 'temporalValues', 'aggregatedValues'."""
    if format_ in {"", "normalized", "concise"}:
        return ""
    if format_ in {"temporalValues", "aggregatedValues"}:
        return format_
    if format_ in {"simplified", "keyValues"}:
        return "temporalValues"
    raise InvalidRequest(f"format: {format_!r} does not exist here")
