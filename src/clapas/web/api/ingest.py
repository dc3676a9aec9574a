"""The HTTP doors of the durable log, as bare ASGI: the native one and each connector's ``/in/<name>``.

The charter is asked by the guard before the door opens; a 202 follows the log, and none is given while
room on the disk is short.
"""

from typing import TYPE_CHECKING, Any, cast

from litestar import asgi

from clapas.domain.access import Principal
from clapas.domain.errors import DiskFull
from clapas.sources.doors import Scope as DoorScope
from clapas.sources.doors import in_door
from clapas.web.guard import asks

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

NATIVE = "/in/http_push"


async def _known(scope: DoorScope, connector: str) -> Principal:
    """Who pushes: the authentication layer said it, and the guard asked the charter."""
    del connector
    return cast("Principal", scope["user"])


async def _door(scope: "Scope", receive: "Receive", send: "Send", path: str) -> None:
    services = scope["litestar_app"].state.services
    door = in_door(services.bus.publish_uplinks, _known, limit=services.settings.largest_ingest)
    if not services.has_room():
        raise DiskFull("new messages are refused until there is room on the disk of the platform")
    inner: dict[str, Any] = {**scope, "path": path}
    await door(inner, cast("Any", receive), cast("Any", send))


@asgi("/api/v1/uplinks", opt=asks("publish", "uplink"), copy_scope=True)
async def uplinks(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """``{device, time?, values}``, an array of them, or SenML (RFC 8428)."""
    await _door(scope, receive, send, NATIVE)


@asgi("/in", is_mount=True, opt=asks("publish", "uplink"), copy_scope=True)
async def connector(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """A message in the wire form of one connector (webhooks of network servers, feeds)."""
    await _door(scope, receive, send, f"/in/{scope['path'].strip('/')}")


HANDLERS = (uplinks, connector)
