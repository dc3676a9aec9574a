"""Read what still waits in the raw logs without taking it: for a copy.

A message leaves the log ``UPLINK`` when the pipeline has acknowledged it; the listener's own log may keep
it longer, for other subscribers. Messages are asked for one by one (JetStream API, "STREAM.MSG.GET"): a
work queue allows no second consumer.
"""

import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from clapas.bus.nats import NatsBus
from clapas.bus.port import Delivery
from clapas.bus.topics import MQTT_PREFIX, topic_of
from clapas.domain.errors import EngineUnavailable
from clapas.domain.keys import LOG_MQTT, LOG_UPLINK, MQTT_STREAM, UPLINK_STREAM
from clapas.domain.message import RawMessage

STREAMS = {LOG_UPLINK: UPLINK_STREAM, LOG_MQTT: MQTT_STREAM}
NO_MESSAGE = 10037
"""JetStream's error code of "no message found"."""


async def waiting(bus: NatsBus, log: str, *, last: int) -> AsyncIterator[Delivery]:
    """The messages of a log up to a sequence included, oldest first. Raises EngineUnavailable.

    What is acknowledged while this reads may be left out: it has its outcome by then.
    """
    sequence = 1
    while sequence <= last:
        found = await _from(bus.client, STREAMS[log], sequence=sequence)
        if found is None or found["seq"] > last:
            return
        yield Delivery(log, found["seq"], _message(log, found), "")
        sequence = found["seq"] + 1


async def _from(client: Client, stream: str, *, sequence: int) -> dict[str, Any] | None:
    """The first message at or after a sequence."""
    asked = json.dumps({"seq": sequence, "next_by_subj": ">"}).encode()
    try:
        answer = await client.request(f"$JS.API.STREAM.MSG.GET.{stream}", asked, timeout=10)
        body: dict[str, Any] = json.loads(answer.data)
    except (NatsError, TimeoutError, ValueError) as error:
        raise EngineUnavailable("the durable log does not answer", engine="nats") from error
    if body.get("error", {}).get("err_code") == NO_MESSAGE:
        return None
    if "error" in body:
        raise EngineUnavailable(f"the durable log refuses: {body['error']}", engine="nats")
    found: dict[str, Any] = body["message"]
    return found


def _message(log: str, found: dict[str, Any]) -> RawMessage:
    payload = base64.b64decode(found.get("data", ""))
    stored = int(datetime.fromisoformat(found["time"]).timestamp() * 1000)
    if log == LOG_MQTT:
        return RawMessage(LOG_MQTT, topic_of(found["subject"][len(MQTT_PREFIX) :]), stored, payload)
    try:
        return msgspec.msgpack.decode(payload, type=RawMessage)
    except msgspec.DecodeError:
        return RawMessage("unknown", found["subject"], stored, payload)
