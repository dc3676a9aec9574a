"""The MAC conversation with a device: what it says, what is answered, what the network asks.

One request of a kind is pending at a time. A request that is refused three times, or never answered in nine, is no
longer made in the session.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from clapas.domain.window import instant
from clapas.lorawan import adr
from clapas.lorawan.bits import Command
from clapas.lorawan.gps import gps_milliseconds
from clapas.lorawan.regions.plan import Region, mask_plan
from clapas.lorawan.session import Session

REFUSAL: Final = 3
PATIENCE: Final = 9
Values = dict[str, Any]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer needs to know of the uplink: best SNR (dB), gateways, data rate, GPS time of its end."""

    snr: float
    gateways: int
    dr: int
    gps_ms: int
    now: int


class Reply(msgspec.Struct, kw_only=True):
    """What came out of the device's commands."""

    answers: list[Command] = []
    battery: int | None = None
    margin: int | None = None
    changed: bool = False
    """The session's settings moved and are worth writing down."""


def _accepted(session: Session, request: str, values: Values) -> Values | None:
    """The pending request's values when the device agreed to all of it; counts a refusal otherwise."""
    asked: Values | None = session.pending.pop(request, None)
    if asked is None:
        return None
    if all(value for name, value in values.items() if name.endswith(("_ack", "_ok", "_exists"))):
        session.mac_errors.pop(request, None)
        return asked
    session.mac_errors = session.mac_errors | {
        request: session.mac_errors.get(request, 0) + REFUSAL
    }
    return None


def _link_check(
    _session: Session, _values: Values, heard: Heard, reply: Reply, region: Region
) -> None:
    margin = heard.snr - region.data_rate(heard.dr).required_snr
    values = {"margin": min(max(round(margin), 0), 254), "gw_cnt": min(heard.gateways, 255)}
    reply.answers.append(Command("LinkCheckAns", values))


def _link_adr(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "LinkADRReq", values)
    if asked is not None:
        session.dr, session.tx_power, session.nb_trans = (
            asked["dr"],
            asked["tx_power"],
            asked["nb_rep"] or 1,
        )
        if asked["ch_mask_cntl"] == 0 and asked["ch_mask"]:
            session.channels.enabled = tuple(asked["ch_mask"])
        reply.changed = True


def _rx_param(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "RxParamSetupReq", values)
    if asked is not None:
        session.rx2_dr, session.rx1_dr_offset = asked["rx2_dr"], asked["rx1_dr_offset"]
        session.rx2_frequency = asked["frequency"]
        reply.changed = True


def _rx_timing(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "RxTimingSetupReq", values)
    if asked is not None:
        session.rx_delay = asked["delay"] or 1
        reply.changed = True


def _dev_status(
    session: Session, values: Values, heard: Heard, reply: Reply, _region: Region
) -> None:
    session.pending.pop("DevStatusReq", None)
    session.mac_errors.pop("DevStatusReq", None)
    session.status_asked = heard.now
    reply.battery, reply.margin, reply.changed = values["battery"], values["margin"], True


def _new_channel(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "NewChannelReq", values)
    if asked is not None:
        index = asked["ch_index"]
        session.channels.extra = session.channels.extra | {index: asked["freq"]}
        session.channels.enabled = tuple(sorted({*session.channels.enabled, index}))
        reply.changed = True


def _device_time(
    _session: Session, _values: Values, heard: Heard, reply: Reply, _region: Region
) -> None:
    seconds, rest = divmod(heard.gps_ms, 1000)
    values = {"seconds": seconds & 0xFFFFFFFF, "fraction": rest * 256 // 1000}
    reply.answers.append(Command("DeviceTimeAns", values))


def _ping_slot_info(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    session.ping_periodicity = values["periodicity"]
    reply.answers.append(Command("PingSlotInfoAns"))
    reply.changed = True


def _ping_slot_channel(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "PingSlotChannelReq", values)
    if asked is not None:
        session.ping_dr, session.ping_frequency = asked["dr"], asked["freq"]
        reply.changed = True


def _rekey(session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region) -> None:
    session.rekeyed = True
    version = min(values["dev_lorawan_version"], 1)
    reply.answers.append(Command("RekeyConf", {"serv_lorawan_version": version}))
    reply.changed = True


def _reset(_session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region) -> None:
    version = min(values["dev_lorawan_version"], 1)
    reply.answers.append(Command("ResetConf", {"serv_lorawan_version": version}))


def _device_mode(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    session.device_class = "C" if values["class"] == 2 else "A"
    reply.answers.append(Command("DeviceModeConf", {"class": values["class"]}))
    reply.changed = True


def _done(request: str) -> Callable[..., None]:
    def clear(
        session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
    ) -> None:
        _accepted(session, request, values)
        reply.changed = True

    return clear


_READERS: dict[str, Callable[[Session, Values, Heard, Reply, Region], None]] = {
    "LinkCheckReq": _link_check,
    "LinkADRAns": _link_adr,
    "RxParamSetupAns": _rx_param,
    "RxTimingSetupAns": _rx_timing,
    "DevStatusAns": _dev_status,
    "NewChannelAns": _new_channel,
    "DeviceTimeReq": _device_time,
    "PingSlotInfoReq": _ping_slot_info,
    "PingSlotChannelAns": _ping_slot_channel,
    "RekeyInd": _rekey,
    "ResetInd": _reset,
    "DeviceModeInd": _device_mode,
    "DutyCycleAns": _done("DutyCycleReq"),
    "TxParamSetupAns": _done("TxParamSetupReq"),
    "DlChannelAns": _done("DlChannelReq"),
    "BeaconFreqAns": _done("BeaconFreqReq"),
    "ADRParamSetupAns": _done("ADRParamSetupReq"),
    "RejoinParamSetupAns": _done("RejoinParamSetupReq"),
}


def listen(session: Session, commands: list[Command], heard: Heard, region: Region) -> Reply:
    """Take in the device's commands; gives the answers to send back."""
    reply = Reply()
    for command in commands:
        reader = _READERS.get(command.name)
        if reader is not None:
            reader(session, command.values, heard, reply, region)
    return reply


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the network wants of a session."""

    adr: bool
    margin: float
    rx2_dr: int
    rx_delay: int
    extra: tuple[int, ...]
    status_every_ms: int


def _adr_request(session: Session, wishes: Wishes, heard: Heard, region: Region) -> Command | None:
    setting = adr.Setting(heard.dr, session.tx_power, session.nb_trans)
    limits = adr.Limits(
        max_dr=region.adr_max_dr,
        max_tx_power=region.tx_powers - 1,
        required_snr=region.data_rate(heard.dr).required_snr,
        margin=wishes.margin,
    )
    target = adr.decide(setting, limits, session.heard()) if wishes.adr else setting
    wanted: tuple[int, ...] = ()
    if not region.fixed_plan:
        standard = frozenset(range(len(region.channels)))
        network = standard | frozenset(session.channels.extra)
        wanted, _result = mask_plan(
            standard=standard, network=network, device=frozenset(session.channels.enabled)
        )
    if target == setting and not wanted:
        return None
    mask = wanted or session.channels.enabled
    values = {"dr": target.dr, "tx_power": target.tx_power, "nb_rep": target.nb_trans}
    if region.fixed_plan:
        return Command("LinkADRReq", values | {"ch_mask": tuple(range(8)), "ch_mask_cntl": 6})
    return Command("LinkADRReq", values | {"ch_mask": mask, "ch_mask_cntl": 0})


def _channel_request(session: Session, wishes: Wishes, region: Region) -> Command | None:
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


def ask(
    session: Session, wishes: Wishes, heard: Heard, region: Region, *, adr_on: bool
) -> list[Command]:
    """The network's requests that are due, the most useful first.

    ``adr_on`` is the uplink's ADR bit: a device that has it clear keeps its own data rate.
    """
    due = [_channel_request(session, wishes, region), _receive_request(session, wishes)]
    if adr_on and wishes.adr:
        due.append(_adr_request(session, wishes, heard, region))
    if wishes.status_every_ms and heard.now - session.status_asked >= wishes.status_every_ms:
        due.append(Command("DevStatusReq"))
    return [each for each in due if each and session.mac_errors.get(each.name, 0) < PATIENCE]


def sent(session: Session, commands: list[Command]) -> None:
    """Remember the requests that really went out, to read their answers."""
    for command in commands:
        if command.name.endswith("Req"):
            session.pending = session.pending | {command.name: command.values}
            session.mac_errors = session.mac_errors | {
                command.name: session.mac_errors.get(command.name, 0) + 1
            }


def gps_now(wall_ms: int) -> int:
    """Our wall clock as GPS milliseconds."""
    return gps_milliseconds(instant(wall_ms))
