"""What a temporal query finds, copied into a snapshot (clause 5.16): heads of evolutions and their instances."""

from collections.abc import Mapping
from typing import Any

import msgspec

from clapas.context.broker import Broker, document
from clapas.context.door.http import Request
from clapas.context.door.queryform import request_of_body
from clapas.context.errors import BadRequestData
from clapas.context.model import now_text
from clapas.context.scope_times import evolved
from clapas.context.temporal import Row, read_window
from clapas.context.timeline import heads, instances_of
from clapas.store.context import as_json


async def copy_evolution(
    broker: Broker, request: Request, *, scope: str, query: Mapping[str, Any]
) -> int:
    """Keep under ``scope`` the instances that a temporal query finds, in its time range; how many entities.

    Raises BadRequestData, TooManyResults.
    """
    asking = msgspec.structs.replace(request, body=dict(query), params={}, method="GET")
    made, asked = request_of_body(asking, temporal=True)
    inner = query.get("temporalQ")
    if not isinstance(inner, dict) or not inner:
        raise BadRequestData("a temporal query needs temporalQ")
    window = read_window(inner)
    ids = await evolved(broker, made, asked=asked, window=window)
    rows = await instances_of(
        broker,
        request.tenant,
        ids=ids,
        window=window,
        attributes=asked.attributes or None,
        datasets=sorted(asked.datasets) if asked.datasets is not None else None,
        visible=request.rows,
    )
    found = [
        document(each) for each in await heads(broker, request.tenant, ids=ids, rows=request.rows)
    ]
    await broker.store.run("fill_snapshot_heads", scope=scope, docs=as_json(found))
    await broker.store.run("evolve", tenant=scope, rows=as_json([_copied(each) for each in rows]))
    return len(found)


def _copied(row: Row) -> dict[str, Any]:
    now = now_text()
    doc = {"createdAt": now, "modifiedAt": now, **row.doc}
    return {"entity": row.entity, "attribute": row.attribute, "dataset": row.dataset, "doc": doc}
