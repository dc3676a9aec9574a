"""The main path of a frame that the gateways heard: read it from top to bottom.

copies → whose is it? → count → open → converse → tell the log → answer
"""

import asyncio
import time

from clapas.lorawan import clock, conversation, downlink, events, join, mac_commands, queue, rejoin
from clapas.lorawan.ciphers import UP, crypt_f_opts, crypt_payload
from clapas.lorawan.dedup import Gathering
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.frames import DataFrame, JoinRequest, RejoinRequest, parse
from clapas.lorawan.mic import same, uplink_mic_10, uplink_mic_11
from clapas.lorawan.network import FrameLog, Network, wall_ms
from clapas.lorawan.radio import Reception
from clapas.lorawan.regions.plan import Region
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.session import Session, Verdict, new_session_id
from clapas.lorawan.wishes import Wishes, ask


async def handle(network: Network, scheduler: Scheduler, *, gathering: Gathering) -> None:
    """Take one transmission through every step."""
    frame = parse(gathering.copies[0].phy)
    if isinstance(frame, JoinRequest):
        await join.handle(network, scheduler, gathering=gathering, request=frame)
    elif isinstance(frame, RejoinRequest):
        await rejoin.handle(network, scheduler, gathering=gathering, request=frame)
    else:
        await _data(network, scheduler, gathering=gathering, frame=frame)


async def _data(
    network: Network, scheduler: Scheduler, *, gathering: Gathering, frame: DataFrame
) -> None:
    copies = gathering.best_first()
    dr = network.region.dr_of(copies[0].data_rate)
    owner = identify(network, frame, first=copies[0], dr=dr)
    if owner is None:
        return
    session, f_cnt, verdict = owner
    device = await network.register.speaking(session.dev_eui)
    if device is not None and not device.enabled:
        network.reject("disabled_device", copies[0], device=session.dev_eui)
        return
    accepted = events.Accepted(
        session=session,
        device=device,
        copies=copies,
        frame=frame,
        f_cnt=f_cnt,
        data=_open_payload(session, frame, f_cnt=f_cnt),
        dr=dr,
    )
    _show(network, accepted, verdict=verdict)
    if verdict == "repeated":
        network.counts["repeated"] += 1
        await _answer_again(network, scheduler, accepted=accepted)
        return
    await _new(network, scheduler, accepted=accepted, verdict=verdict)


def identify(
    network: Network, frame: DataFrame, *, first: Reception, dr: int
) -> tuple[Session, int, Verdict] | None:
    """The session whose key signed the frame, its 32-bit counter, and what that counter means."""
    sessions = network.state.at_address(frame.dev_addr)
    if not sessions:
        known = network.prefix.holds(frame.dev_addr)
        network.reject(
            "unknown_dev_addr" if known else "foreign_network",
            first,
            detail=f"{frame.dev_addr:08x}",
        )
        return None
    message = first.phy[:-4]
    for session in sessions:
        channel = channel_number(network.region, session, frequency=first.frequency)
        for counter in session.candidates(frame.f_cnt):
            if not signed(session, frame, message=message, f_cnt=counter, dr=dr, channel=channel):
                continue
            verdict = session.judge(counter)
            if verdict == "replayed":
                return _reset(network, session, frame=frame, first=first)
            return session, counter, verdict
    for session in sessions:
        channel = channel_number(network.region, session, frequency=first.frequency)
        if signed(session, frame, message=message, f_cnt=frame.f_cnt, dr=dr, channel=channel):
            return _reset(network, session, frame=frame, first=first)
    network.reject("bad_mic", first, detail=f"{frame.dev_addr:08x}")
    return None


def signed(
    session: Session, frame: DataFrame, *, message: bytes, f_cnt: int, dr: int, channel: int
) -> bool:
    """Whether the session's keys and this counter give the frame's MIC."""
    address = frame.dev_addr
    if not session.newer:
        return same(
            uplink_mic_10(session.keys.f_nwk_s_int, message, dev_addr=address, f_cnt=f_cnt),
            frame.mic,
        )
    conf = session.confirmed_down if frame.ack else 0
    found = uplink_mic_11(
        session.keys,
        message,
        dev_addr=address,
        f_cnt=f_cnt,
        conf_f_cnt=conf,
        tx_dr=dr,
        tx_ch=channel,
    )
    return same(found, frame.mic)


def channel_number(region: Region, session: Session, *, frequency: int) -> int:
    """The device's own number of the channel (a 1.1 MIC is bound to it)."""
    for number, channel in enumerate(region.channels):
        if channel.frequency == frequency:
            return number
    return next(
        (number for number, extra in session.channels.extra.items() if extra == frequency), 255
    )


def _reset(
    network: Network, session: Session, *, frame: DataFrame, first: Reception
) -> tuple[Session, int, Verdict] | None:
    """An ABP device that started again at zero is taken back when its owner allowed it; else a replay."""
    device = network.register.cached(session.dev_eui)
    fresh = frame.f_cnt < 128 and not session.joined
    if device is None or not device.counter_reset or not fresh:
        network.reject("replayed", first, device=session.dev_eui, detail=f"counter {frame.f_cnt}")
        return None
    session.id, session.f_cnt_up, session.seen, session.history = new_session_id(), 0, 0, b""
    network.state.note(network.state.obtain(session.dev_eui))
    queue.tell_log(
        network,
        session.dev_eui,
        code="UPLINK_F_CNT_RESET",
        description="the device started its counter again",
        identity=session.id,
    )
    return session, frame.f_cnt, "new"


def _open_payload(session: Session, frame: DataFrame, *, f_cnt: int) -> bytes:
    key = session.keys.app_s if frame.f_port else session.keys.nwk_s_enc
    return crypt_payload(key, frame.payload, direction=UP, dev_addr=frame.dev_addr, f_cnt=f_cnt)


def _commands(network: Network, accepted: events.Accepted) -> bytes:
    """The MAC commands of a frame, in clear: FOpts, or the payload of port 0."""
    session, frame = accepted.session, accepted.frame
    if frame.f_port == 0:
        return accepted.data
    if not session.newer:
        return frame.f_opts
    return crypt_f_opts(
        session.keys.nwk_s_enc,
        frame.f_opts,
        direction=UP,
        dev_addr=frame.dev_addr,
        f_cnt=accepted.f_cnt,
        erratum=network.settings.f_opts_erratum,
    )


async def _new(
    network: Network, scheduler: Scheduler, *, accepted: events.Accepted, verdict: Verdict
) -> None:
    session = accepted.session
    await _promote(network, session)
    _count(session, accepted)
    network.credit(accepted.copies)
    network.rejections.joins.pop(session.dev_eui, None)
    network.counts["late" if verdict == "late" else "uplinks"] += 1
    logged = network.publisher.send(
        events.up(accepted, network.gateways, region=network.region),
        logged=lambda: network.state.counted(session),
    )
    content = _converse(network, accepted)
    if verdict == "late":
        return
    queue.acknowledge(network, session, ack=accepted.frame.ack)
    await clock.answer(network, accepted)
    for listener in tuple(network.listeners):
        await listener(accepted)
    if accepted.frame.confirmed:
        session.confirmed_up = accepted.f_cnt
        content.ack = await _logged_in_time(network, accepted, logged=logged)
    await downlink.answer(network, scheduler, accepted=accepted, content=content)


async def _promote(network: Network, session: Session) -> None:
    """The first uplink of a new session ends the old one."""
    state = network.state.obtain(session.dev_eui)
    if state.next_session is session:
        state.session, state.next_session = session, None
        await network.state.save(state)


def _count(session: Session, accepted: events.Accepted) -> None:
    session.count(accepted.f_cnt)
    session.hear(accepted.f_cnt, accepted.copies[0].snr)
    session.last_seen = accepted.copies[0].received
    session.last_dr = session.dr = accepted.dr
    session.last_gateways = tuple(copy.gateway for copy in accepted.copies[:8])
    if accepted.device is not None and not session.newer:
        session.device_class = accepted.device.device_class
    if session.device_class == "B" and not accepted.frame.bit4:
        session.device_class = "A"


def _heard(accepted: events.Accepted) -> conversation.Heard:
    best = accepted.copies[0]
    gps = next((copy.gps_ms for copy in accepted.copies if copy.gps_ms is not None), None)
    first = min(copy.received for copy in accepted.copies)
    return conversation.Heard(
        snr=best.snr,
        gateways=len({copy.gateway for copy in accepted.copies}),
        dr=accepted.dr,
        gps_ms=gps if gps is not None else conversation.gps_now(first),
        now=wall_ms(),
    )


def _converse(network: Network, accepted: events.Accepted) -> downlink.Content:
    """Read the device's commands; gives the answers and what the network asks."""
    session, device = accepted.session, accepted.device
    heard = _heard(accepted)
    commands = mac_commands.decode_commands(_commands(network, accepted), uplink=True)
    reply = conversation.listen(session, commands, heard=heard, region=network.region)
    if reply.battery is not None and reply.margin is not None:
        message = events.status(
            session,
            device,
            margin=reply.margin,
            battery=reply.battery,
            f_cnt=accepted.f_cnt,
            received=heard.now,
        )
        network.publisher.tell(message)
    asked = ask(
        session,
        wishes(network, device),
        heard=heard,
        region=network.region,
        adr_on=accepted.frame.adr,
    )
    if reply.changed:
        network.state.note(network.state.obtain(session.dev_eui))
    return downlink.Content(commands=[*reply.answers, *asked])


def wishes(network: Network, device: LorawanDevice | None) -> Wishes:
    """What the network wants of a device's session."""
    settings = network.settings
    margin = (
        device.adr_margin_db
        if device and device.adr_margin_db is not None
        else settings.adr_margin_db
    )
    return Wishes(
        adr=settings.adr and (device is None or device.adr),
        margin=margin,
        rx2_dr=network.rx2_dr,
        rx_delay=settings.rx1_delay,
        extra=network.extra,
        enabled=frozenset(settings.enabled_channels or ()),
        dwell=settings.dwell_400ms,
        status_every_ms=settings.device_status_hours * 3_600_000,
    )


async def _logged_in_time(
    network: Network, accepted: events.Accepted, *, logged: "asyncio.Task[int]"
) -> bool:
    """An acknowledgement promises that the log has the message: wait for it as long as RX2 allows."""
    latest = accepted.copies[0].arrived + accepted.session.rx_delay + 1
    left = latest - time.monotonic() - network.settings.downlink_lead_ms / 1000
    done, _late = await asyncio.wait([logged], timeout=max(left, 0))
    return bool(done)


async def _answer_again(
    network: Network, scheduler: Scheduler, *, accepted: events.Accepted
) -> None:
    """A retransmission: its first copy was delivered, only the acknowledgement may have been lost."""
    frame = accepted.frame
    if network.publisher.knows(f"up:{accepted.identity}") or not frame.confirmed:
        return
    accepted.session.confirmed_up = accepted.f_cnt
    await downlink.answer(network, scheduler, accepted=accepted, content=downlink.Content(ack=True))


def _show(network: Network, accepted: events.Accepted, *, verdict: Verdict) -> None:
    best, frame = accepted.copies[0], accepted.frame
    network.show(
        FrameLog(
            at=best.received,
            direction="up",
            kind="data",
            outcome="accepted" if verdict == "new" else verdict,
            gateway=best.gateway,
            gateways=len(accepted.copies),
            device=accepted.session.dev_eui,
            dev_addr=f"{frame.dev_addr:08x}",
            f_cnt=accepted.f_cnt,
            f_port=frame.f_port,
            frequency=best.frequency,
            data_rate=best.data_rate,
            rssi=best.rssi,
            snr=best.snr,
            size=len(best.phy),
            phy=best.phy.hex(),
        )
    )
