"""Joins: check the request, remember its nonce, give a session, answer in the join windows.

DevNonce: up to 1.0.3 a device draws it, and none may come twice; from 1.0.4 and in 1.1 it only grows. A device that
forgot its counter says so by "dev_nonce_used" in the page, where :func:`forget_nonces` is one click.
"""

from typing import Final

from clapas.lorawan import accept, events
from clapas.lorawan.addresses import draw_dev_addr
from clapas.lorawan.dedup import Gathering
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.errors import UnknownDevice
from clapas.lorawan.frames import JoinAccept, JoinContext, JoinRequest, seal_join_accept
from clapas.lorawan.keys import SessionKeys, join_keys_10, join_keys_11, js_int_key
from clapas.lorawan.mic import join_mic, same
from clapas.lorawan.network import FrameLog, Network, wall_ms
from clapas.lorawan.radio import Reception
from clapas.lorawan.rejections import Rejection
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.session import Channels, DeviceState, Session, new_session_id

GROWING: Final = frozenset({"1.0.4", "1.1.0"})


def refuse(network: Network, first: Reception, *, dev_eui: str, reason: str) -> None:
    """Refuse a join, remembered by device."""
    network.rejections.add_join(Rejection(reason, first.received, first.gateway, dev_eui))
    network.show(
        FrameLog(
            at=first.received,
            direction="up",
            kind="join_request",
            outcome=reason,
            gateway=first.gateway,
            device=dev_eui,
            frequency=first.frequency,
            data_rate=first.data_rate,
            rssi=first.rssi,
            snr=first.snr,
            size=len(first.phy),
            phy=first.phy.hex(),
        )
    )


def check(
    device: LorawanDevice | None, state: DeviceState | None, *, request: JoinRequest
) -> str | None:
    """Why this join-request is refused, or None."""
    if device is None:
        return "unknown_device"
    if not device.enabled:
        return "disabled_device"
    if len(device.root_key) != 16:
        return "join_no_key"
    if device.join_eui not in {request.join_eui, "0000000000000000"}:
        return "join_eui_mismatch"
    if not same(join_mic(device.root_key, request.message()), request.mic):
        return "join_bad_mic"
    if (
        state is not None
        and not device.any_dev_nonce
        and not nonce_is_fresh(device, state, dev_nonce=request.dev_nonce)
    ):
        return "dev_nonce_used"
    return None


def nonce_is_fresh(device: LorawanDevice, state: DeviceState, *, dev_nonce: int) -> bool:
    """The DevNonce rule of the device's version (TS001-1.0.4 clause 6.2.3)."""
    if device.version in GROWING:
        return not state.dev_nonces or dev_nonce > state.dev_nonces[-1]
    return dev_nonce not in state.dev_nonces


def remember_nonce(device: LorawanDevice, state: DeviceState, *, dev_nonce: int) -> None:
    """Add a DevNonce to those used; a growing one replaces the one before."""
    if device.version in GROWING:
        state.dev_nonces = (dev_nonce,)
    elif dev_nonce not in state.dev_nonces:
        state.dev_nonces = (*state.dev_nonces, dev_nonce)


async def forget_nonces(network: Network, dev_eui: str) -> None:
    """The way out of "DevNonce already used": forget those of a device (it was reset, or changed hands)."""
    state = network.state.find(dev_eui)
    if state is None:
        raise UnknownDevice(f"no LoRaWAN device {dev_eui} has been heard", device=dev_eui)
    state.dev_nonces = ()
    network.rejections.joins.pop(dev_eui, None)
    await network.state.save(state)


async def handle(
    network: Network, scheduler: Scheduler, *, gathering: Gathering, request: JoinRequest
) -> None:
    """A join-request: checked, answered, and told."""
    first = gathering.copies[0]
    device = await network.register.joining(request.dev_eui)
    refusal = check(device, network.state.find(request.dev_eui), request=request)
    if refusal is not None or device is None:
        refuse(network, first, dev_eui=request.dev_eui, reason=refusal or "unknown_device")
        return
    state = network.state.obtain(request.dev_eui)
    remember_nonce(device, state, dev_nonce=request.dev_nonce)
    slots = accept.windows(network, first)
    probe = scheduler.candidates(
        dev_eui=device.dev_eui, phy=bytes(33), copies=gathering.best_first(), slots=slots
    )
    in_the_way = accept.obstacle(scheduler, probe)
    if in_the_way is not None:
        network.state.note(state)
        refuse(network, first, dev_eui=request.dev_eui, reason=in_the_way)
        return
    state.join_nonce += 1
    session, given = new_session(network, device, state=state, nonce=request.dev_nonce)
    give(state, session)
    await network.state.save(state)
    phy = seal(device, given, join_eui=request.join_eui, nonce=request.dev_nonce)
    in_the_way = await accept.send(
        network, scheduler, copies=gathering.best_first(), session=session, phy=phy, slots=slots
    )
    if in_the_way is not None:
        refuse(network, first, dev_eui=request.dev_eui, reason=in_the_way)
        return
    network.counts["joins"] += 1
    network.credit(gathering.copies)
    network.rejections.joins.pop(device.dev_eui, None)
    network.publisher.tell(events.join(session, device, received=first.received))
    _show(network, first, gateways=len(gathering.copies), session=session)


def give(state: DeviceState, session: Session) -> None:
    """Put a new session beside the old one, which stays valid until the device speaks under the new keys."""
    if state.session is None:
        state.session = session
    else:
        state.next_session = session


def new_session(
    network: Network, device: LorawanDevice, *, state: DeviceState, nonce: int
) -> tuple[Session, JoinAccept]:
    """A session for a device that (re)joins, and the accept that gives it."""
    region = network.region
    extra = () if region.fixed_plan else network.extra[:5]
    newer = device.version == "1.1.0"
    channels = frozenset(network.settings.enabled_channels or range(len(region.channels)))
    accept = JoinAccept(
        join_nonce=state.join_nonce,
        net_id=network.net_id,
        dev_addr=draw_dev_addr(network.net_id),
        rx2_dr=network.rx2_dr,
        opt_neg=newer,
        rx_delay=network.settings.rx1_delay,
        cf_list=region.join_cf_list(extra, channels if region.fixed_plan else None),
    )
    first = len(region.channels)
    session = Session(
        id=new_session_id(),
        dev_eui=device.dev_eui,
        dev_addr=accept.dev_addr,
        keys=derive(device, accept, nonce=nonce),
        version=device.version,
        rx_delay=accept.rx_delay,
        rx2_dr=accept.rx2_dr,
        rx2_frequency=region.rx2_frequency,
        channels=Channels(
            extra=dict(enumerate(extra, first)),
            enabled=tuple(sorted(channels))
            if region.fixed_plan
            else tuple(range(first + len(extra))),
        ),
        device_class=device.device_class if not (newer and device.device_class == "C") else "A",
        activated=wall_ms(),
        status_asked=wall_ms(),
    )
    return session, accept


def derive(device: LorawanDevice, accept: JoinAccept, *, nonce: int) -> SessionKeys:
    """The session's keys by the device's version."""
    if accept.opt_neg:
        return join_keys_11(
            device.nwk_key,
            device.app_key,
            join_nonce=accept.join_nonce,
            dev_nonce=nonce,
            join_eui=device.join_eui,
        )
    return join_keys_10(
        device.root_key, join_nonce=accept.join_nonce, dev_nonce=nonce, net_id=accept.net_id
    )


def seal(device: LorawanDevice, accept: JoinAccept, *, join_eui: str, nonce: int) -> bytes:
    """The accept's bytes on air."""
    if not accept.opt_neg:
        return seal_join_accept(accept, device.root_key)
    context = JoinContext(
        js_int_key=js_int_key(device.nwk_key, device.dev_eui), join_eui=join_eui, dev_nonce=nonce
    )
    return seal_join_accept(accept, device.nwk_key, context=context)


def _show(network: Network, first: Reception, *, gateways: int, session: Session) -> None:
    network.show(
        FrameLog(
            at=first.received,
            direction="up",
            kind="join_request",
            outcome="accepted",
            gateway=first.gateway,
            gateways=gateways,
            device=session.dev_eui,
            dev_addr=f"{session.dev_addr:08x}",
            frequency=first.frequency,
            data_rate=first.data_rate,
            rssi=first.rssi,
            snr=first.snr,
            size=len(first.phy),
        )
    )
