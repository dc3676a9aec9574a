"""Activation by personalisation (ABP): the session is typed in, no join ever comes (TS001-1.0.4 clause 6.3)."""

from clapas.domain.errors import InvalidInput
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.exchange import never_back
from clapas.lorawan.keys import SessionKeys
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.session import WINDOW, Channels, Session, new_session_id


async def personalise(network: Network, device: LorawanDevice) -> Session:
    """Give a device the session that its owner typed in: durable when this returns.

    The same keys at the same address go on where they were: no counter is used twice. Raises InvalidInput for a
    device without such a session.
    """
    given = device.personal
    if given is None:
        raise InvalidInput("this device has no session of its own", device=device.dev_eui)
    region = network.region
    state = network.state.obtain(device.dev_eui)
    session = Session(
        id=new_session_id(),
        dev_eui=device.dev_eui,
        dev_addr=given.dev_addr,
        keys=SessionKeys(
            given.nwk_s_key,
            given.s_nwk_s_int_key or given.nwk_s_key,
            given.nwk_s_enc_key or given.nwk_s_key,
            given.app_s_key,
        ),
        version=device.version,
        f_cnt_up=given.f_cnt_up,
        seen=(1 << WINDOW) - 1 if given.f_cnt_up else 0,
        f_cnt_down=given.f_cnt_down,
        a_f_cnt_down=given.f_cnt_down,
        rx2_dr=region.rx2_dr,
        rx2_frequency=region.rx2_frequency,
        channels=Channels(enabled=tuple(range(len(region.channels)))),
        activated=wall_ms(),
        status_asked=wall_ms(),
        joined=False,
        device_class="C" if device.device_class == "C" else "A",
    )
    never_back(state.session, session)
    state.session, state.next_session = session, None
    await network.state.save(state)
    return session
