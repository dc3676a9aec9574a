"""What a caller with a part of the rows may write: nothing that lies beyond them."""

from collections.abc import Iterator

from clapas.context.door.http import Request
from clapas.domain.errors import Forbidden
from clapas.store.context import ContextStore


async def refuse_beyond(store: ContextStore, request: Request, *, action: str) -> None:
    """Raises Forbidden when the request names an entity that exists outside the caller's rows."""
    named = sorted(set(_targets(request)))
    if request.rows.everything or not named:
        return
    there = {doc["@id"] for doc in await store.many(request.tenant, named)}
    open_to = {doc["@id"] for doc in await store.many(request.tenant, named, rows=request.rows)}
    if beyond := sorted(there - open_to):
        raise Forbidden("these entities are not yours to change", action=action, id=beyond[0])


def _targets(request: Request) -> Iterator[str]:
    """Ids in the address and in the body: one entity, or the batch of an operation."""
    yield from request.args
    items = request.body if isinstance(request.body, list) else [request.body]
    for item in items:
        name = item.get("id", item.get("@id")) if isinstance(item, dict) else item
        if isinstance(name, str):
            yield name
