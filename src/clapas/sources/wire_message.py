"""A message as it goes over the wire to one of the platform's doors."""

from typing import Literal

import msgspec


class WireMessage(msgspec.Struct, frozen=True, gc=False):
    """``address`` is an MQTT topic, or the path below the platform's address with its query.

    ``time_ms`` is when it was said (milliseconds since 1970), to pace a replay.
    """

    door: Literal["mqtt", "http"]
    address: str
    body: bytes
    time_ms: int = 0
    key: str = ""
    """Idempotency key, for HTTP."""
