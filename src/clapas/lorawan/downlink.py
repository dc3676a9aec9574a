"""Downlinks: the bytes of a frame, the class A answer and what becomes of it."""

from typing import Final

import msgspec

from clapas.lorawan import conversation, events, mac_commands, queue
from clapas.lorawan.bits import Command
from clapas.lorawan.ciphers import DOWN, crypt_f_opts, crypt_payload
from clapas.lorawan.frames import DataFrame, MType
from clapas.lorawan.mic import downlink_mic
from clapas.lorawan.network import FrameLog, Network, wall_ms
from clapas.lorawan.radio import Reception, Slot
from clapas.lorawan.scheduler import Attempt, Scheduler
from clapas.lorawan.session import DeviceState, QueueItem, Session

F_OPTS: Final = 15


class Content(msgspec.Struct, kw_only=True):
    """What a downlink carries."""

    ack: bool = False
    more: bool = False
    item: QueueItem | None = None
    commands: list[Command] = []
    adr: bool = True


def fit(content: Content, room: int) -> tuple[bytes, list[Command], bool]:
    """The commands that fit beside the item: bytes, which ones, and whether they go on port 0."""
    limit = min(F_OPTS, room - len(content.item.data)) if content.item else room
    if (
        not content.item
        and sum(len(mac_commands.DOWNLINK.encode_one(each)) for each in content.commands) <= F_OPTS
    ):
        limit = F_OPTS
    chosen: list[Command] = []
    data = b""
    for command in content.commands:
        more = mac_commands.DOWNLINK.encode_one(command)
        if len(data) + len(more) <= limit:
            data += more
            chosen.append(command)
    return data, chosen, content.item is None and len(data) > F_OPTS


async def build(
    network: Network, session: Session, *, content: Content, room: int
) -> tuple[bytes, int]:
    """The bytes of a data downlink and its counter; takes the next counter, once."""
    options, commands, on_port_0 = fit(content, room)
    item = content.item
    port = item.f_port if item else 0 if on_port_0 else None
    application = session.newer and bool(port)
    f_cnt = await network.state.reserve(session, application=application)
    address = session.dev_addr
    payload = item.data if item else options if on_port_0 else b""
    if on_port_0:
        options = b""
    elif session.newer:
        options = crypt_f_opts(
            session.keys.nwk_s_enc,
            options,
            direction=DOWN,
            dev_addr=address,
            f_cnt=f_cnt,
            application_counter=application,
            erratum=network.settings.f_opts_erratum,
        )
    key = session.keys.app_s if port else session.keys.nwk_s_enc
    frame = DataFrame(
        m_type=MType.CONFIRMED_DOWN if item and item.confirmed else MType.UNCONFIRMED_DOWN,
        dev_addr=address,
        f_cnt=f_cnt & 0xFFFF,
        adr=content.adr,
        ack=content.ack,
        bit4=content.more,
        f_opts=options,
        f_port=port,
        payload=crypt_payload(key, payload, direction=DOWN, dev_addr=address, f_cnt=f_cnt),
    )
    message = frame.message()
    conf = session.confirmed_up or 0 if session.newer and content.ack else 0
    code = downlink_mic(
        session.keys.s_nwk_s_int, message, dev_addr=address, f_cnt=f_cnt, conf_f_cnt=conf
    )
    conversation.sent(session, commands)
    return message + code, f_cnt


def windows(network: Network, session: Session, *, copy: Reception, dr: int) -> tuple[Slot, ...]:
    """RX1 and RX2 of an uplink."""
    region = network.region
    rx1_frequency = region.rx1_frequency(copy.frequency)
    rx1 = Slot(
        frequency=rx1_frequency,
        dr=region.rx1_data_rate(dr, session.rx1_dr_offset),
        power=power(network, rx1_frequency),
        delay=session.rx_delay,
    )
    frequency = session.rx2_frequency or region.rx2_frequency
    rx2 = Slot(
        frequency=frequency,
        dr=session.rx2_dr,
        power=power(network, frequency),
        delay=session.rx_delay + 1,
        window=2,
    )
    return (rx1, rx2)


def room_of(network: Network, session: Session, *, slot: Slot) -> int:
    """The most bytes of payload that a window carries."""
    return network.region.payload_size(slot.dr, dwell=session.dwell)


def power(network: Network, frequency: int) -> float:
    """EIRP in dBm that a gateway may use there."""
    band = network.region.sub_band(frequency)
    return min(band.max_eirp, 29.15) if band else network.region.downlink_eirp


async def answer(
    network: Network, scheduler: Scheduler, *, accepted: events.Accepted, content: Content
) -> str | None:
    """Answer an uplink in its windows; None when something is on its way, else why not."""
    session = accepted.session
    device = network.state.obtain(session.dev_eui)
    slots = windows(network, session, copy=accepted.copies[0], dr=accepted.dr)
    content.item = _choose(network, device, session=session, slots=slots)
    content.more = sum(each.state == "queued" for each in device.queue) > (1 if content.item else 0)
    needed = len(content.item.data) if content.item else 0
    fitting = tuple(slot for slot in slots if room_of(network, session, slot=slot) >= needed)
    if not (content.item or content.ack or content.commands or accepted.frame.adr_ack_req):
        return None
    room = min(room_of(network, session, slot=slot) for slot in fitting)
    phy, f_cnt = await build(network, session, content=content, room=room)
    if content.item:
        content.item.f_cnt, content.item.attempts = f_cnt, content.item.attempts + 1
        if content.item.confirmed:
            session.confirmed_down = f_cnt & 0xFFFF
        queue.move(network, session.dev_eui, item=content.item, state="sent")
    candidates = scheduler.candidates(
        dev_eui=session.dev_eui,
        phy=phy,
        copies=accepted.copies,
        slots=fitting,
        uplink_dr=accepted.dr,
    )
    outcome = Outcome(network, session, item=content.item, f_cnt=f_cnt)
    reason = await scheduler.send(candidates, outcome.tell)
    if reason is not None:
        await outcome.failed(reason)
    return reason


def _choose(
    network: Network, device: DeviceState, *, session: Session, slots: tuple[Slot, ...]
) -> QueueItem | None:
    """The next item that one of the windows can carry; one that none ever could is given up."""
    queue.expire(network, device, now=wall_ms())
    item = queue.next_item(device)
    if item is None:
        return None
    most = max(room_of(network, session, slot=slot) for slot in slots)
    if len(item.data) <= most:
        return item
    item.attempts += 1
    if item.attempts >= 10 * network.settings.confirmed_attempts:
        queue.move(network, device.dev_eui, item=item, state="failed", reason="payload_size")
        description = f"downlink {item.id} has {len(item.data)} bytes, the windows carry {most}"
        queue.tell_log(
            network,
            device.dev_eui,
            code="DOWNLINK_PAYLOAD_SIZE",
            description=description,
            identity=item.id,
        )
    return None


class Outcome:
    """What becomes of one downlink once its gateways have answered."""

    def __init__(
        self, network: Network, session: Session, *, item: QueueItem | None, f_cnt: int
    ) -> None:
        self._network = network
        self._session = session
        self._item = item
        self._f_cnt = f_cnt

    async def tell(self, attempt: Attempt, error: str | None) -> None:
        """Called once by the scheduler."""
        emission = attempt.current.emission
        self._network.show(
            FrameLog(
                at=wall_ms(),
                direction="down",
                kind="data",
                outcome=error or "sent",
                gateway=emission.gateway,
                device=self._session.dev_eui,
                dev_addr=f"{self._session.dev_addr:08x}",
                f_cnt=self._f_cnt,
                f_port=self._item.f_port if self._item else None,
                frequency=emission.slot.frequency,
                data_rate=emission.data_rate.text,
                size=len(emission.phy),
                phy=emission.phy.hex(),
            )
        )
        if error is not None:
            await self.failed(error)
            return
        self._network.counts["downlinks"] += 1
        if self._item:
            label = self._network.register.cached(self._session.dev_eui)
            message = events.txack(
                self._session, label, item=self._item, gateway=emission.gateway, received=wall_ms()
            )
            self._network.publisher.tell(message)
            if not self._item.confirmed:
                self._network.finished.append((self._session.dev_eui, self._item))
                self._leave()

    def _leave(self) -> None:
        device = self._network.state.find(self._session.dev_eui)
        if device is not None and self._item is not None:
            device.queue = [each for each in device.queue if each is not self._item]
            self._network.state.dropped(device.dev_eui, self._item.id)

    async def failed(self, reason: str) -> None:
        """No gateway sent it: the item waits for the next window, or is given up after its attempts."""
        if self._item is None:
            return
        if self._item.attempts < self._network.settings.confirmed_attempts:
            queue.move(
                self._network, self._session.dev_eui, item=self._item, state="queued", reason=reason
            )
            return
        queue.move(
            self._network, self._session.dev_eui, item=self._item, state="failed", reason=reason
        )
        description = f"no gateway could send downlink {self._item.id}: {reason}"
        queue.tell_log(
            self._network,
            self._session.dev_eui,
            code="DOWNLINK_GATEWAY",
            description=description,
            identity=self._item.id,
        )
