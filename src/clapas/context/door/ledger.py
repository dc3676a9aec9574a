"""The delivery ledger's own operation (not in the standard): notifications of it that are sent again."""

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Request
from clapas.context.door.subscriptions import kind_of
from clapas.context.errors import BadRequestData

MOST = 1_000


async def replay(broker: Broker, request: Request) -> Answer:
    """Send deliveries again: ``{"ids": [...]}`` of those that are done. Raises BadRequestData."""
    body = request.body
    ids = body.get("ids") if isinstance(body, dict) else None
    if not isinstance(ids, list) or not ids or len(ids) > MOST:
        raise BadRequestData(f"ids holds 1 to {MOST} numbers of deliveries")
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in ids):
        raise BadRequestData("the ids of deliveries are numbers")
    await broker.store.run(
        "replay",
        tenant=request.tenant,
        kind=kind_of(request)[0],
        subscription=request.args[0],
        ids=ids,
    )
    broker.on_write()
    return Answer(status=204)
