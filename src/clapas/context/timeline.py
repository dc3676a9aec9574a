"""Reading temporal evolutions from the store: heads, instances, selections, aggregates."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.context.broker import Broker, entity_of
from clapas.context.door.http import Request
from clapas.context.errors import BadRequestData, TooManyResults
from clapas.context.model import Entity
from clapas.context.patterns import check_pattern
from clapas.context.platform_series import Fence, PlatformSeries, bounds, iri_of
from clapas.context.query import q as language
from clapas.context.query.predicate import Compiler
from clapas.context.query.select import type_predicate
from clapas.context.search import Query, Selector, find
from clapas.context.temporal import (
    FIRST,
    LAST,
    Aggregation,
    Row,
    Window,
    aggregated_others,
    aggregates,
    edges_of,
)
from clapas.domain.access import RowFilter
from clapas.domain.device import Series
from clapas.store import filters
from clapas.store.context import PathRefused

MOST_ROWS = 200_000
MOST_ENTITIES = 100_000
MOST_PLATFORM = 200
"""Entities of the platform that one temporal query looks at."""
Values = dict[str, dict[str, list[dict[str, Any]]]]


async def heads(
    broker: Broker, tenant: str, *, ids: Sequence[str], rows: RowFilter
) -> list[Entity]:
    """The heads of evolutions, in the order asked: the broker's own, and the platform's entities."""
    found = await broker.store.rows(
        "heads_of", tenant=tenant, ids=list(ids), **filters.values(rows)
    )
    by_id = {row[0]["@id"]: entity_of(row[0]) for row in found}
    missing = [each for each in ids if each not in by_id]
    if missing and not tenant and broker.platform is not None:
        names = [row[0] for row in await broker.store.rows("of_platform", ids=missing)]
        gone = await _deleted(broker, names, rows=rows)
        names = [each for each in names if each not in gone]
        for doc in await broker.store.many(tenant, names, rows=rows) if names else ():
            by_id[doc["@id"]] = entity_of({key: doc[key] for key in doc if key[0] == "@"})
    return [by_id[each] for each in ids if each in by_id]


async def _deleted(broker: Broker, names: Sequence[str], *, rows: RowFilter) -> set[str]:
    """Entities of the platform whose whole evolution was deleted, and that measured nothing since."""
    fences = {row[0] for row in await broker.store.rows("fences", ids=list(names)) if not row[1]}
    if not fences:
        return set()
    since = await instances_of(
        broker,
        "",
        ids=sorted(fences),
        window=Window(last=1),
        attributes=None,
        datasets=None,
        visible=rows,
    )
    return fences - {row.entity for row in since}


Pairs = list[tuple[PlatformSeries, Series]]


async def _platform(
    broker: Broker,
    tenant: str,
    *,
    ids: Sequence[str],
    rows: RowFilter,
    attributes: Sequence[str] | None,
    datasets: Sequence[str] | None,
) -> Pairs:
    """The platform's series of some entities, but not what the broker keeps itself."""
    platform = broker.platform
    if platform is None or tenant:
        return []
    names = [row[0] for row in await broker.store.rows("of_platform", ids=list(ids))]
    if not names:
        return []
    fences = [Fence(*row) for row in await broker.store.rows("fences", ids=names)]
    platform = platform.fenced(fences)
    everything = {"open": True, "start": FIRST, "end": LAST, **_filters(None, None)}
    kept = await broker.store.rows("evolved_attributes", tenant=tenant, ids=names, **everything)
    found: Pairs = []
    for name in names:
        known = {attribute for entity, attribute, *_ in kept if entity == name}
        found += [
            (platform, each)
            for each in await platform.of(rows, name, known=known)
            if (attributes is None or iri_of(each) in attributes)
            and (datasets is None or each.key.dataset_id in datasets)
        ]
    return found


def _filters(attributes: Sequence[str] | None, datasets: Sequence[str] | None) -> dict[str, Any]:
    return {
        "all_attributes": attributes is None,
        "attributes": list(attributes or ()),
        "all_datasets": datasets is None,
        "datasets": list(datasets or ()),
    }


async def instances_of(
    broker: Broker,
    tenant: str,
    *,
    ids: Sequence[str],
    window: Window,
    attributes: Sequence[str] | None,
    datasets: Sequence[str] | None,
    visible: RowFilter,
) -> list[Row]:
    """Instances in a window, the oldest first. Raises TooManyResults."""
    found = await broker.store.rows(
        "evolution",
        tenant=tenant,
        ids=list(ids),
        last=window.last,
        limit=MOST_ROWS + 1,
        **window.values(),
        **_filters(attributes, datasets),
    )
    if len(found) > MOST_ROWS:
        raise TooManyResults("there are too many instances: narrow the time range")
    rows = [Row(*row) for row in found]
    pairs = await _platform(
        broker, tenant, ids=ids, rows=visible, attributes=attributes, datasets=datasets
    )
    if pairs:
        rows += await pairs[0][0].instances(visible, [each for _, each in pairs], asked=window)
        rows.sort(key=lambda row: (row.entity, row.at or FIRST))
    return rows


async def selected(broker: Broker, request: Request, *, asked: Query, window: Window) -> list[str]:
    """The ids of entities of the broker that satisfy a temporal query, whatever their scope was."""
    terms = request.context.terms
    deep: list[str] = []
    if asked.q:
        compiler = Compiler(terms, expanded=asked.expanded)
        deep.append(compiler.predicate(language.parse(asked.q)))
    if asked.geo is not None:
        deep.append(asked.geo.predicate())
    found: dict[str, Any] = {}
    for selector in asked.selectors or (Selector(),):
        if selector.pattern:
            check_pattern(selector.pattern)
        head = type_predicate(selector.kind, terms) if selector.kind else "1 == 1"
        try:
            rows = await broker.store.rows(
                "evolved",
                tenant=request.tenant,
                head=head,
                path=" && ".join(deep) or "1 == 1",
                deep=bool(deep),
                geo=asked.geo.attribute if asked.geo else "",
                pattern=selector.pattern,
                ids=list(selector.ids),
                all_ids=not selector.ids,
                limit=MOST_ENTITIES,
                wanted_datasets=sorted(asked.datasets or ()),
                **window.values(),
                **_filters(
                    asked.attributes if asked.attributes and not deep else None,
                    sorted(asked.datasets) if asked.datasets is not None else None,
                ),
            )
        except PathRefused as error:
            raise BadRequestData(f"the query cannot be evaluated: {error}") from error
        found |= dict(rows)
    geo = asked.geo
    if geo is not None:
        found = {key: value for key, value in found.items() if value and geo.holds(value)}
    return list(found)


async def selected_of_platform(
    broker: Broker, request: Request, *, asked: Query, window: Window
) -> list[str]:
    """The platform's entities whose present state satisfies the query, and that have values in the window."""
    if broker.platform is None or request.tenant or not await broker.store.rows("any_platform"):
        return []
    present = await find(
        broker, "", query=asked, terms=request.context.terms, limit=MOST_PLATFORM, rows=request.rows
    )
    ids = [each.id for each in present.entities]
    rows = await instances_of(
        broker,
        "",
        ids=[row[0] for row in await broker.store.rows("of_platform", ids=ids)],
        window=msgspec.structs.replace(window, last=1),
        attributes=asked.attributes or None,
        datasets=sorted(asked.datasets) if asked.datasets is not None else None,
        visible=request.rows,
    )
    return list(dict.fromkeys(row.entity for row in rows))


async def aggregate(
    broker: Broker,
    tenant: str,
    *,
    ids: Sequence[str],
    window: Window,
    aggregation: Aggregation,
    attributes: Sequence[str] | None,
    datasets: Sequence[str] | None,
    visible: RowFilter,
) -> Values:
    """Aggregates by entity and attribute, one element for each dataset id."""
    span = {key: value for key, value in window.values().items() if key != "property"}
    keys = await broker.store.rows(
        "evolved_attributes", tenant=tenant, ids=list(ids), **span, **_filters(attributes, datasets)
    )
    found: Values = defaultdict(lambda: defaultdict(list))
    start, end = bounds(window)
    for platform, each in await _platform(
        broker, tenant, ids=ids, rows=visible, attributes=attributes, datasets=datasets
    ):
        times, _ = await platform.numbers(visible, each, start=start, end=end)
        if times:
            first, last = (datetime.fromtimestamp(at / 1000, UTC) for at in (times[0], times[-1]))
            edges = _edges(window, aggregation, first=first, last=last)
            buckets = await platform.aggregated(visible, each, asked=window, edges=edges)
            own = {"datasetId": each.key.dataset_id} if each.key.dataset_id else {}
            shown = {"type": "Property", **own, **aggregates(buckets, aggregation, edges=edges)}
            found[each.key.entity][iri_of(each)].append(shown)
    if not keys:
        return found
    edges = _edges(window, aggregation, first=min(k[3] for k in keys), last=max(k[4] for k in keys))
    for entity, attribute, dataset, _, _ in keys:
        where = {"tenant": tenant, "id": entity, "attribute": attribute, "dataset": dataset, **span}
        shown = await _aggregated(broker, where, aggregation=aggregation, edges=edges)
        if shown:
            own = {"datasetId": dataset} if dataset else {}
            found[entity][attribute].append({"type": shown.pop("type"), **own, **shown})
    return found


async def _aggregated(
    broker: Broker, where: dict[str, Any], *, aggregation: Aggregation, edges: list[datetime]
) -> dict[str, Any]:
    """The aggregates of one attribute; empty when it has no value."""
    buckets: dict[int, dict[str, Any]] = defaultdict(dict)
    for bucket, *row in await broker.store.rows("aggregated", edges=edges, **where):
        buckets[bucket] = dict(zip(_COLUMNS, row, strict=True))
    if set(aggregation.methods) & set(_DISPERSED):
        for bucket, *row in await broker.store.rows("dispersed", edges=edges, **where):
            buckets[bucket] |= dict(zip(_DISPERSED, row, strict=True))
    docs: dict[int, list[Any]] = defaultdict(list)
    kind = "Property"
    for bucket, doc in await broker.store.rows("others", edges=edges, **where):
        docs[bucket].append(doc)
        kind = doc["type"]
    for bucket, held in docs.items():
        buckets.setdefault(bucket, aggregated_others(held))
    return {"type": kind, **aggregates(buckets, aggregation, edges=edges)} if buckets else {}


_COLUMNS = ("totalCount", "sum", "avg", "min", "max")
_DISPERSED = ("distinctCount", "stddev", "sumsq")


def _edges(
    window: Window, aggregation: Aggregation, *, first: datetime, last: datetime
) -> list[datetime]:
    start = window.start_at if window.relation in {"after", "between"} else first
    return edges_of(aggregation.period, start.astimezone(UTC), last=last.astimezone(UTC))
