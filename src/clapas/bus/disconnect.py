"""Closing connections of the broker whose rights have changed: they come back and are asked again.

The server's system account lists connections (``CONNZ``) and closes one (``KICK``); see the NATS
documentation, "System events". A server of somebody else may not offer it: that is logged, and rights
then change at the next connection.
"""

import asyncio
import json
import logging
from collections.abc import Collection
from typing import Any

import nats
from nats.errors import Error as NatsError

from clapas.engines.addresses import NATS_ACCOUNT, NATS_SYSTEM_USER, NatsAddress

log = logging.getLogger(__name__)

PAGE = 1024
TIMEOUT_S = 5.0


async def disconnect(address: NatsAddress, names: Collection[str]) -> int:
    """Close the connections granted to these names; gives how many."""
    if not names:
        return 0
    try:
        async with asyncio.timeout(2 * TIMEOUT_S):
            client = await nats.connect(
                address.url,
                user=NATS_SYSTEM_USER,
                password=address.password,
                allow_reconnect=False,
                connect_timeout=int(TIMEOUT_S),
                error_cb=_ignore,
            )
            try:
                return await _close(client, frozenset(names))
            finally:
                await client.close()
    except (NatsError, OSError, TimeoutError) as error:
        log.warning("connections keep their rights until they come back: %s", error)
        return 0


async def _ignore(_: Exception) -> None:
    """Told by what fails next."""


async def _close(client: Any, names: frozenset[str]) -> int:
    closed, offset = 0, 0
    while True:
        asked = {"auth": True, "acc": NATS_ACCOUNT, "limit": PAGE, "offset": offset}
        answer = await client.request(
            "$SYS.REQ.SERVER.PING.CONNZ", json.dumps(asked).encode(), timeout=TIMEOUT_S
        )
        told = json.loads(answer.data)
        server, found = told["server"]["id"], told["data"].get("connections", [])
        for each in found:
            if each.get("authorized_user") in names:
                body = json.dumps({"cid": each["cid"]}).encode()
                await client.request(f"$SYS.REQ.SERVER.{server}.KICK", body, timeout=TIMEOUT_S)
                closed += 1
        offset += len(found)
        if len(found) < PAGE:
            return closed
