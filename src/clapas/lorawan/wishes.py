"""What the network wants of a session, and the requests that bring it there."""

import msgspec

from clapas.lorawan import adr
from clapas.lorawan.airtime import eirp_index
from clapas.lorawan.bits import Command
from clapas.lorawan.conversation import PATIENCE, Heard
from clapas.lorawan.regions.plan import Region, mask_blocks, mask_plan
from clapas.lorawan.session import Session


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the network wants of a session."""

    adr: bool
    margin: float
    rx2_dr: int
    rx_delay: int
    extra: tuple[int, ...]
    status_every_ms: int
    enabled: frozenset[int] = frozenset()
    """Channel numbers wanted in a fixed plan."""
    dwell: bool = False


def _adr_request(
    session: Session, wishes: Wishes, *, heard: Heard, region: Region
) -> list[Command]:
    setting = adr.Setting(heard.dr, session.tx_power, session.nb_trans)
    limits = adr.Limits(
        max_dr=region.adr_max_dr,
        max_tx_power=region.tx_powers - 1,
        required_snr=region.data_rate(heard.dr).required_snr,
        margin=wishes.margin,
    )
    target = adr.decide(setting, limits, history=session.heard())
    blocks = _masks(session, wishes, region=region)
    if target == setting and not blocks:
        return []
    values = {"dr": target.dr, "tx_power": target.tx_power, "nb_rep": target.nb_trans}
    if not blocks and region.fixed_plan:
        blocks = mask_blocks(wishes.enabled or frozenset(range(len(region.channels))))
    blocks = blocks or [(0, session.channels.enabled)]
    return [
        Command("LinkADRReq", values | {"ch_mask": mask, "ch_mask_cntl": control})
        for control, mask in blocks
    ]


def _masks(
    session: Session, wishes: Wishes, *, region: Region
) -> list[tuple[int, tuple[int, ...]]]:
    """The channel masks that bring the device to the network's channels; empty when it uses them already."""
    device = frozenset(session.channels.enabled)
    if region.fixed_plan:
        return mask_blocks(wishes.enabled) if wishes.enabled and wishes.enabled != device else []
    standard = frozenset(range(len(region.channels)))
    mask, _wanted = mask_plan(
        standard=standard, network=standard | frozenset(session.channels.extra), device=device
    )
    return [(0, mask)] if mask else []


def _channel_request(session: Session, wishes: Wishes, *, region: Region) -> Command | None:
    if region.fixed_plan:
        return None
    first = len(region.channels)
    for index, frequency in enumerate(wishes.extra, first):
        if session.channels.extra.get(index) != frequency:
            values = {"ch_index": index, "freq": frequency, "min_dr": 0, "max_dr": 5}
            return Command("NewChannelReq", values)
    return None


def _receive_request(session: Session, wishes: Wishes) -> Command | None:
    if session.rx2_dr != wishes.rx2_dr:
        values = {"rx2_dr": wishes.rx2_dr, "rx1_dr_offset": session.rx1_dr_offset, "opt_neg": False}
        return Command("RxParamSetupReq", values | {"frequency": session.rx2_frequency})
    if session.rx_delay != wishes.rx_delay:
        return Command("RxTimingSetupReq", {"delay": wishes.rx_delay})
    return None


def _dwell_request(session: Session, wishes: Wishes, *, region: Region) -> Command | None:
    if not region.tx_param_setup or session.dwell == wishes.dwell:
        return None
    values = {"uplink_dwell_time": wishes.dwell, "downlink_dwell_time": wishes.dwell}
    return Command("TxParamSetupReq", values | {"max_eirp": eirp_index(region.max_eirp)})


def ask(
    session: Session, wishes: Wishes, *, heard: Heard, region: Region, adr_on: bool
) -> list[Command]:
    """The network's requests that are due, the most useful first.

    ``adr_on`` is the uplink's ADR bit: a device that has it clear keeps its own data rate.
    """
    due = [
        _channel_request(session, wishes, region=region),
        _receive_request(session, wishes),
        _dwell_request(session, wishes, region=region),
    ]
    if adr_on and wishes.adr:
        due += _adr_request(session, wishes, heard=heard, region=region)
    if wishes.status_every_ms and heard.now - session.status_asked >= wishes.status_every_ms:
        due.append(Command("DevStatusReq"))
    return [each for each in due if each and session.mac_errors.get(each.name, 0) < PATIENCE]
