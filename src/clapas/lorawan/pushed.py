"""Downlinks that answer no uplink: class C at once, class B in the next ping slot, and multicast groups.

A class C or B device is reached through the gateways that last heard it, best first. A group is sent once to every
gateway needed to cover its members: at the same instant in class B, one after the other in class C, so that copies do
not collide.
"""

import asyncio
import time
from functools import partial
from typing import Final

from clapas.domain.window import instant
from clapas.lorawan import class_b, downlink, queue
from clapas.lorawan.gps import gps_milliseconds
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.radio import Door, Emission, Slot
from clapas.lorawan.scheduler import Candidate, Scheduler
from clapas.lorawan.session import DeviceState, QueueItem, Session

RETRY_S: Final = 1.0
TRIES: Final = 60
"""How often one downlink is tried without any way out before it waits for the next occasion."""
ACK_S: Final = 12.0
"""How long a class C device may take to acknowledge."""
ADVANCE_MS: Final = 3_000
_GAP_S: Final = 0.1
_OVERHEAD: Final = 13
"""Bytes of a frame besides its payload, without options."""


def wants_push(state: DeviceState) -> bool:
    """Whether a device or group has something to send and can be reached at any time."""
    session = state.session
    return bool(session and session.device_class in {"B", "C"} and queue.next_item(state))


async def push(network: Network, scheduler: Scheduler, *, dev_eui: str) -> None:
    """Send what waits for a class B or C device or group; comes back until the queue is empty."""
    if dev_eui in network.pushing:
        return
    network.pushing.add(dev_eui)
    try:
        tries = 0
        while tries < TRIES:
            state = network.state.find(dev_eui)
            if state is None or state.session is None or not wants_push(state):
                return
            queue.expire(network, state, now=wall_ms())
            item = queue.next_item(state)
            if item is not None:
                await _send_item(network, scheduler, state=state, item=item)
            stuck = item is not None and item.state == "queued"
            tries = tries + 1 if stuck else 0
            await asyncio.sleep(RETRY_S if stuck else _GAP_S)
    finally:
        network.pushing.discard(dev_eui)


async def _send_item(
    network: Network, scheduler: Scheduler, *, state: DeviceState, item: QueueItem
) -> None:
    session = state.session
    if session is None:
        return
    slot, gps_ms = place(network, session)
    ways = routes(network, state)
    if not ways:
        item.reason = "NO_GATEWAY"
        return
    room = downlink.room_of(network, session, slot=slot)
    if len(item.data) > room:
        _too_long(network, state.dev_eui, item=item)
        return
    aim = partial(candidate, network, scheduler, dev_eui=session.dev_eui, slot=slot, gps_ms=gps_ms)
    probe = bytes(len(item.data) + _OVERHEAD)
    hindrance = _hindrance(scheduler, [aim(phy=probe, way=way) for way in ways])
    if hindrance is not None:
        item.reason = hindrance
        return
    content = downlink.Content(item=item, more=False)
    phy, f_cnt = await downlink.build(network, session, content=content, room=room)
    item.f_cnt, item.attempts = f_cnt, item.attempts + 1
    if item.confirmed:
        session.confirmed_down = f_cnt & 0xFFFF
    queue.move(network, state.dev_eui, item=item, state="sent")
    outcome = downlink.Outcome(network, session, item=item, f_cnt=f_cnt)
    candidates = [aim(phy=phy, way=way) for way in ways]
    if state.members:
        await _send_all(scheduler, candidates, outcome=outcome, staggered=gps_ms is None)
    else:
        reason = await scheduler.send(candidates, outcome.tell)
        if reason is not None:
            await outcome.failed(reason)
    if item.confirmed:
        network.spawn(_await_ack(network, scheduler, session=session, item=item))


def _too_long(network: Network, dev_eui: str, *, item: QueueItem) -> None:
    """It can never go out at this data rate: failed, and said."""
    queue.move(network, dev_eui, item=item, state="failed", reason="payload_size")
    description = f"downlink {item.id} has {len(item.data)} bytes, too many for the window"
    queue.tell_log(
        network, dev_eui, code="DOWNLINK_PAYLOAD_SIZE", description=description, identity=item.id
    )


def _hindrance(scheduler: Scheduler, candidates: list[Candidate]) -> str | None:
    """Why no gateway may send now: the item then waits, and neither an attempt nor a counter is spent."""
    now = time.monotonic()
    reasons = [scheduler.refusal(each, now) for each in candidates]
    return None if None in reasons else reasons[0]


async def _send_all(
    scheduler: Scheduler, candidates: list[Candidate], *, outcome: downlink.Outcome, staggered: bool
) -> None:
    """A group's frame on every gateway; it counts as sent when one of them sent it."""
    reasons = []
    for each in candidates:
        reasons.append(await scheduler.send([each], outcome.tell))
        if staggered:
            await asyncio.sleep(each.seconds + _GAP_S)
    if all(reason is not None for reason in reasons):
        await outcome.failed(reasons[0] or "NO_GATEWAY")


async def _await_ack(
    network: Network, scheduler: Scheduler, *, session: Session, item: QueueItem
) -> None:
    attempt = item.attempts
    await asyncio.sleep(ACK_S)
    if item.state == "sent" and item.attempts == attempt:
        queue.acknowledge(network, session, ack=False)
        await push(network, scheduler, dev_eui=session.dev_eui)


def place(network: Network, session: Session) -> tuple[Slot, int | None]:
    """Where and when: RX2 at once in class C, the next ping slot in class B (GPS milliseconds)."""
    region = network.region
    if session.device_class != "B":
        frequency = session.rx2_frequency or region.rx2_frequency
        return Slot(
            frequency=frequency,
            dr=session.rx2_dr,
            power=downlink.power(network, frequency),
            window=2,
        ), None
    after = gps_milliseconds(instant(wall_ms())) + ADVANCE_MS
    slot_ms = class_b.next_ping_slot(
        after, session.dev_addr, ping_nb=class_b.ping_slots(session.ping_periodicity)
    )
    frequency = session.ping_frequency or region.class_b.ping_frequency
    if region.class_b.hop > 1 and not session.ping_frequency:
        beacon = slot_ms // class_b.BEACON_PERIOD_MS
        frequency += (session.dev_addr + beacon) % region.class_b.hop * region.class_b.step
    dr = session.ping_dr if session.ping_dr is not None else region.class_b.ping_dr
    return Slot(frequency=frequency, dr=dr, power=downlink.power(network, frequency)), slot_ms


def routes(network: Network, state: DeviceState) -> list[tuple[str, Door]]:
    """The gateways to use, with their doors; class B needs gateways that know GPS time."""
    session = state.session
    if session is None:
        return []
    wanted = cover(network, state) if state.members else session.last_gateways
    found = []
    for gateway in wanted:
        known = network.gateways.get(gateway)
        door = network.doors.get(known.door) if known else None
        if known and door and door.reaches(gateway) and (session.device_class != "B" or known.gps):
            found.append((gateway, door))
    return found


def cover(network: Network, group: DeviceState) -> tuple[str, ...]:
    """Few gateways that together reach every member: those given to the group, then the greedy choice."""
    chosen = list(group.session.last_gateways) if group.session else []
    left: dict[str, set[str]] = {}
    for member in group.members:
        state = network.state.find(member)
        heard = set(state.session.last_gateways) if state and state.session else set()
        if heard and not heard & set(chosen):
            left[member] = heard
    while left:
        votes: dict[str, int] = {}
        for heard in left.values():
            for gateway in heard:
                votes[gateway] = votes.get(gateway, 0) + 1
        best = max(sorted(votes), key=lambda gateway: votes[gateway])
        chosen.append(best)
        left = {member: heard for member, heard in left.items() if best not in heard}
    return tuple(chosen)


def candidate(
    network: Network,
    scheduler: Scheduler,
    *,
    dev_eui: str,
    phy: bytes,
    slot: Slot,
    gps_ms: int | None,
    way: tuple[str, Door],
) -> Candidate:
    """The emission of an unanswered downlink through one gateway."""
    gateway, door = way
    emission = Emission(
        id=scheduler.number(),
        gateway=gateway,
        dev_eui=dev_eui if len(dev_eui) == 16 else "0101010101010101",
        phy=phy,
        slot=slot,
        data_rate=network.region.data_rate(slot.dr),
        gps_ms=gps_ms,
    )
    wait = 0.0 if gps_ms is None else (gps_ms - gps_milliseconds(instant(wall_ms()))) / 1000
    return scheduler.unanswered(emission, door, start=time.monotonic() + wait)
