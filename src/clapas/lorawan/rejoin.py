"""Rejoins of 1.1 devices: type 0 and 2 through the serving network, type 1 with the root key (1.1 clause 6.2.4)."""

from clapas.lorawan import accept, events, join
from clapas.lorawan.dedup import Gathering
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.frames import JoinContext, RejoinRequest, seal_join_accept
from clapas.lorawan.keys import js_enc_key, js_int_key
from clapas.lorawan.mic import join_mic, same
from clapas.lorawan.network import Network
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.session import DeviceState


def check(
    network: Network,
    device: LorawanDevice | None,
    *,
    state: DeviceState | None,
    request: RejoinRequest,
) -> str | None:
    """Why this rejoin-request is refused, or None."""
    if device is None:
        return "unknown_device"
    if device.version != "1.1.0" or state is None or state.session is None or not device.enabled:
        return "rejoin_refused"
    if request.kind != 1 and request.net_id != network.net_id:
        return "rejoin_refused"
    key = (
        js_int_key(device.nwk_key, device.dev_eui)
        if request.kind == 1
        else state.session.keys.s_nwk_s_int
    )
    if not same(join_mic(key, request.message()), request.mic):
        return "join_bad_mic"
    last = state.rejoin_1 if request.kind == 1 else state.rejoin_0
    return "dev_nonce_used" if request.count <= last else None


async def handle(
    network: Network, scheduler: Scheduler, *, gathering: Gathering, request: RejoinRequest
) -> None:
    """A rejoin-request: checked, answered by a join-accept under JSEncKey, and told."""
    first = gathering.copies[0]
    device = await network.register.joining(request.dev_eui)
    state = network.state.find(request.dev_eui)
    refusal = check(network, device, state=state, request=request)
    if refusal is not None or device is None or state is None:
        join.refuse(network, first, dev_eui=request.dev_eui, reason=refusal or "unknown_device")
        return
    if request.kind == 1:
        state.rejoin_1 = request.count
    else:
        state.rejoin_0 = request.count
    state.join_nonce += 1
    session, given = join.new_session(network, device, state=state, nonce=request.count)
    join.give(state, session)
    await network.state.save(state)
    context = JoinContext(
        js_int_key=js_int_key(device.nwk_key, device.dev_eui),
        join_eui=device.join_eui,
        dev_nonce=request.count,
        join_type=request.kind,
    )
    phy = seal_join_accept(given, js_enc_key(device.nwk_key, device.dev_eui), context=context)
    slots = accept.windows(network, first)
    in_the_way = await accept.send(
        network, scheduler, copies=gathering.best_first(), session=session, phy=phy, slots=slots
    )
    if in_the_way is not None:
        join.refuse(network, first, dev_eui=request.dev_eui, reason=in_the_way)
        return
    network.counts["joins"] += 1
    network.publisher.tell(events.join(session, device, received=first.received))
