"""Step 1: which connector understands the message, and which device sent it."""

from collections.abc import Sequence

import msgspec

from clapas.bus import Delivery
from clapas.domain.errors import ClapasError
from clapas.domain.keys import LOG_MQTT
from clapas.domain.message import RawMessage, Uplink
from clapas.pipeline.batch import Batch, Item, Refusal
from clapas.pipeline.ports import Ports
from clapas.store import Proposal

READY = frozenset({"active", "maintenance", "to_install", "stock"})
"""Life-cycle stages whose messages are kept; a retired or only proposed device is refused."""


async def identify(deliveries: Sequence[Delivery], logs: Sequence[int], *, ports: Ports) -> Batch:
    """Parse each message with its connector, then look all devices up at once.

    ``logs`` gives the ledger's number of each delivery's log.
    """
    batch = Batch(deliveries=tuple(deliveries), logs=tuple(logs), refused={}, origins={})
    parsed: list[tuple[int, Uplink]] = []
    for index, delivery in enumerate(deliveries):
        understood = _parse(delivery.message, ports)
        if isinstance(understood, Refusal):
            batch.refuse(index, understood)
        else:
            batch.origins[index] = understood[0]
            parsed.extend((index, uplink) for uplink in understood)
    known = await ports.store.registry.resolve({up.device for _, up in parsed if not up.entities})
    unknown: dict[str, Uplink] = {}
    items: list[Item] = []
    for index, uplink in parsed:
        found = known.get(uplink.device)
        if uplink.entities or (found is not None and found.device.lifecycle in READY):
            items.append(Item(index, uplink, found))
        elif found is not None and found.device.lifecycle == "retired":
            batch.refuse(index, Refusal("device_retired", uplink.device))
        else:
            unknown[uplink.device] = uplink
            batch.refuse(index, Refusal("unknown_device", uplink.device))
    if unknown:
        await ports.store.registry.propose(
            [Proposal(up.device, up.source, up.profile, up.name) for up in unknown.values()]
        )
    return msgspec.structs.replace(batch, items=tuple(items))


def _parse(message: RawMessage, ports: Ports) -> Sequence[Uplink] | Refusal:
    if len(message.payload) > ports.limits.max_payload:
        return Refusal("too_large", f"{len(message.payload)} bytes")
    if message.source == LOG_MQTT:
        connector = ports.connector_of_topic(message.topic)
    else:
        connector = ports.connectors.get(message.source)
    if connector is None:
        return Refusal("unknown_source", message.topic or message.source)
    try:
        uplinks = connector.parse(message)
    except ClapasError as error:
        return Refusal(str(error.values.get("reason", error.code)), str(error))
    return uplinks or Refusal("empty", "the message holds nothing to keep")
