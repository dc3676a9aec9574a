"""What an operation of the API is: method, path, handler, what it takes."""

from collections.abc import Awaitable, Callable

import msgspec

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Request, Spec

Handler = Callable[[Broker, Request], Awaitable[Answer]]
FOUNDING = frozenset(
    {("entities",), ("entityOperations", "create"), ("entityOperations", "upsert")}
    | {("temporal", "entities"), ("subscriptions",), ("csourceSubscriptions",)}
    | {("csourceRegistrations",), ("snapshots",), ("jsonldContexts",), ("remote-notify",)}
)
"""What makes a tenant that was not there yet, by POST."""
LINTED = frozenset({"entities", "attrs", "create", "upsert", "update", "merge"})


class Route(msgspec.Struct, frozen=True):
    """One operation: '*' in the path is an argument."""

    method: str
    path: tuple[str, ...]
    handler: Handler
    spec: Spec

    @property
    def founds_tenants(self) -> bool:
        """Whether it may name a tenant that is not there yet (5.5.10; a tenant's identity, 5.2.40; its @contexts)."""
        return self.path[0] in {"info", "jsonldContexts"} or (
            self.method == "POST" and self.path in FOUNDING
        )

    @property
    def linted(self) -> bool:
        """Whether the body holds entities or attributes, whose names are looked at."""
        spec = self.spec
        written = spec.action == "write" and spec.kind == "entity" and spec.body
        return bool(written) and (self.path[-1] in LINTED or self.path == ("entities", "*"))
