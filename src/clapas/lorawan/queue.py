"""The queue of downlinks: what waits for a device, in which state, and what is told when it ends."""

import uuid
from typing import Final

from clapas.lorawan import events
from clapas.lorawan.errors import QueueRefused, UnknownDevice
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.session import DeviceState, ItemState, QueueItem, Session

_OPEN_STATES: Final = frozenset({"queued", "sent"})


async def enqueue(
    network: Network,
    dev_eui: str,
    *,
    f_port: int,
    data: bytes,
    confirmed: bool = False,
    priority: int = 0,
    expires: int = 0,
    item_id: str = "",
) -> QueueItem:
    """Queue a downlink; when this returns the request is on the disk. Raises :class:`QueueRefused`.

    An ``item_id`` that waits already is the same request, asked again: it is queued once.
    """
    device = network.state.find(dev_eui)
    if device is None:
        raise UnknownDevice(f"no LoRaWAN device {dev_eui} has been heard", device=dev_eui)
    again = next((each for each in device.queue if item_id and each.id == item_id), None)
    if again is not None:
        return again
    if not 1 <= f_port <= 223 and f_port not in {200, 201, 202, 224}:
        raise QueueRefused("a downlink's port is 1 to 223", f_port=f_port)
    largest = max(network.region.payload_size(dr) for dr in network.region.max_payload)
    if len(data) > largest:
        raise QueueRefused(
            "no data rate of the region carries so many bytes", size=len(data), most=largest
        )
    if (
        len([each for each in device.queue if each.state in _OPEN_STATES])
        >= network.settings.queue_limit
    ):
        raise QueueRefused("this device's queue is full", most=network.settings.queue_limit)
    now = wall_ms()
    item = QueueItem(
        id=item_id or str(uuid.uuid4()), f_port=f_port, data=data, confirmed=confirmed,
        priority=priority, expires=expires, created=now, changed=now,
    )  # fmt: skip
    device.queue = sorted([*device.queue, item], key=lambda each: -each.priority)
    network.state.queued(dev_eui, item)
    await network.state.sync()
    return item


def move(
    network: Network, dev_eui: str, *, item: QueueItem, state: ItemState, reason: str = ""
) -> None:
    """Give a queue item its new state, durably; what is finished leaves the queue."""
    item.state, item.reason, item.changed = state, reason, wall_ms()
    network.state.queued(dev_eui, item)
    if state in _OPEN_STATES:
        return
    device = network.state.find(dev_eui)
    if device is not None:
        device.queue = [each for each in device.queue if each.id != item.id]
    network.state.dropped(dev_eui, item.id)
    network.finished.append((dev_eui, item))


async def cancel(network: Network, dev_eui: str, *, item_id: str) -> QueueItem:
    """Take back a downlink that was not sent yet. Raises :class:`UnknownDevice`, :class:`QueueRefused`."""
    device = network.state.find(dev_eui)
    if device is None:
        raise UnknownDevice(f"no LoRaWAN device {dev_eui} has been heard", device=dev_eui)
    item = next((each for each in device.queue if each.id == item_id), None)
    if item is None or item.state != "queued":
        raise QueueRefused("this downlink waits no more", item=item_id[:64])
    move(network, dev_eui, item=item, state="failed", reason="cancelled")
    await network.state.sync()
    return item


def expire(network: Network, device: DeviceState, *, now: int) -> None:
    """Drop the items whose time has passed, and say so."""
    for item in [each for each in device.queue if each.expires and each.expires <= now]:
        move(network, device.dev_eui, item=item, state="expired")
        tell_log(
            network,
            device.dev_eui,
            code="EXPIRED",
            description=f"downlink {item.id} expired before it could be sent",
            identity=item.id,
        )


def tell_log(network: Network, dev_eui: str, *, code: str, description: str, identity: str) -> None:
    """Publish a 'log' event."""
    message = events.log(
        dev_eui,
        network.register.cached(dev_eui),
        code=code,
        description=description,
        identity=f"{code}-{identity}",
        received=wall_ms(),
    )
    network.publisher.tell(message)


def next_item(device: DeviceState) -> QueueItem | None:
    """The first item that waits; none while a confirmed one awaits its acknowledgement."""
    if any(each.confirmed and each.state == "sent" for each in device.queue):
        return None
    return next((each for each in device.queue if each.state == "queued"), None)


def acknowledge(network: Network, session: Session, *, ack: bool) -> None:
    """Settle the confirmed downlink that awaited this uplink: acknowledged, again, or given up."""
    device = network.state.find(session.dev_eui)
    item = (
        next((each for each in device.queue if each.confirmed and each.state == "sent"), None)
        if device
        else None
    )
    if item is None:
        return
    if not ack and item.attempts < network.settings.confirmed_attempts:
        move(network, session.dev_eui, item=item, state="queued", reason="not_acknowledged")
        return
    move(
        network,
        session.dev_eui,
        item=item,
        state="acknowledged" if ack else "failed",
        reason="" if ack else "not_acknowledged",
    )
    label = network.register.cached(session.dev_eui)
    network.publisher.tell(events.ack(session, label, item=item, received=wall_ms()))
