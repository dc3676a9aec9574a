"""Reading temporal evolutions from the store: heads, instances, selections, aggregates."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from clapas.context.broker import Broker, entity_of
from clapas.context.door.http import Request
from clapas.context.errors import BadRequestData, TooManyResults
from clapas.context.model import Entity
from clapas.context.patterns import check_pattern
from clapas.context.query import q as language
from clapas.context.query.select import scope_predicate, type_predicate
from clapas.context.search import Query, Selector
from clapas.context.temporal import (
    Aggregation,
    Row,
    Window,
    aggregated_others,
    aggregates,
    edges_of,
)
from clapas.domain.access import RowFilter
from clapas.store.context import PathRefused

MOST_ROWS = 200_000
MOST_ENTITIES = 100_000
Values = dict[str, dict[str, list[dict[str, Any]]]]


async def heads(broker: Broker, tenant: str, ids: Sequence[str], rows: RowFilter) -> list[Entity]:
    """The heads of evolutions, in the order asked."""
    if not rows.everything and "" not in rows.datasets:
        return []
    found = await broker.store.rows("heads_of", tenant=tenant, ids=list(ids))
    by_id = {row[0]["@id"]: entity_of(row[0]) for row in found}
    return [by_id[each] for each in ids if each in by_id]


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
    ids: Sequence[str],
    window: Window,
    *,
    attributes: Sequence[str] | None,
    datasets: Sequence[str] | None,
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
    return [Row(*row) for row in found]


async def evolved(broker: Broker, request: Request, asked: Query, window: Window) -> list[str]:
    """The ids of entities that satisfy a temporal query, in order."""
    terms = request.context.terms
    deep: list[str] = []
    if asked.q:
        deep.append(language.Compiler(terms).predicate(language.parse(asked.q)))
    if asked.scope:
        deep.append(scope_predicate(asked.scope))
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
    return sorted(found)


async def aggregate(
    broker: Broker,
    tenant: str,
    ids: Sequence[str],
    window: Window,
    aggregation: Aggregation,
    *,
    attributes: Sequence[str] | None,
    datasets: Sequence[str] | None,
) -> Values:
    """Aggregates by entity and attribute, one element for each dataset id."""
    span = {key: value for key, value in window.values().items() if key != "property"}
    keys = await broker.store.rows(
        "evolved_attributes", tenant=tenant, ids=list(ids), **span, **_filters(attributes, datasets)
    )
    if not keys:
        return {}
    edges = _edges(window, aggregation, min(k[3] for k in keys), max(k[4] for k in keys))
    found: Values = defaultdict(lambda: defaultdict(list))
    for entity, attribute, dataset, _, _ in keys:
        where = {"tenant": tenant, "id": entity, "attribute": attribute, "dataset": dataset, **span}
        shown = await _aggregated(broker, where, aggregation, edges)
        if shown:
            own = {"datasetId": dataset} if dataset else {}
            found[entity][attribute].append({"type": shown.pop("type"), **own, **shown})
    return found


async def _aggregated(
    broker: Broker, where: dict[str, Any], aggregation: Aggregation, edges: list[datetime]
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
    return {"type": kind, **aggregates(buckets, aggregation, edges)} if buckets else {}


_COLUMNS = ("totalCount", "sum", "avg", "min", "max")
_DISPERSED = ("distinctCount", "stddev", "sumsq")


def _edges(
    window: Window, aggregation: Aggregation, first: datetime, last: datetime
) -> list[datetime]:
    start = window.start_at if window.relation in {"after", "between"} else first
    return edges_of(aggregation.period, start.astimezone(UTC), last.astimezone(UTC))
