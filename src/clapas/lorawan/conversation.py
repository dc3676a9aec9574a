"""The MAC conversation with a device: what it says, what is answered, what awaits its answer.

One request of a kind is pending at a time. A request that is refused three times, or never answered in nine, is no
longer made in the session.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from clapas.domain.window import instant
from clapas.lorawan.bits import Command
from clapas.lorawan.gps import gps_milliseconds
from clapas.lorawan.regions.plan import Region
from clapas.lorawan.session import Session

REFUSAL: Final = 3
PATIENCE: Final = 9
"""Points at which a request is given up: one for each time it was made, three for a refusal."""
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


def _accepted(session: Session, request: str, *, values: Values) -> Values | None:
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
    asked = _accepted(session, "LinkADRReq", values=values)
    if asked is not None:
        session.dr, session.tx_power, session.nb_trans = (
            asked["dr"],
            asked["tx_power"],
            asked["nb_rep"] or 1,
        )
        if asked.get("channels"):
            session.channels.enabled = tuple(asked["channels"])
        reply.changed = True


def _rx_param(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "RxParamSetupReq", values=values)
    if asked is not None:
        session.rx2_dr, session.rx1_dr_offset = asked["rx2_dr"], asked["rx1_dr_offset"]
        session.rx2_frequency = asked["frequency"]
        reply.changed = True


def _rx_timing(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "RxTimingSetupReq", values=values)
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
    asked = _accepted(session, "NewChannelReq", values=values)
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
    asked = _accepted(session, "PingSlotChannelReq", values=values)
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


def _tx_param(
    session: Session, values: Values, _heard: Heard, reply: Reply, _region: Region
) -> None:
    asked = _accepted(session, "TxParamSetupReq", values=values)
    if asked is not None:
        session.dwell = bool(asked["uplink_dwell_time"])
        reply.changed = True


def _done(request: str) -> Callable[..., None]:
    def clear(
        session: Session, values: Values, *, _heard: Heard, reply: Reply, _region: Region
    ) -> None:
        _accepted(session, request, values=values)
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
    "TxParamSetupAns": _tx_param,
    "DlChannelAns": _done("DlChannelReq"),
    "BeaconFreqAns": _done("BeaconFreqReq"),
    "ADRParamSetupAns": _done("ADRParamSetupReq"),
    "RejoinParamSetupAns": _done("RejoinParamSetupReq"),
}


def listen(session: Session, commands: list[Command], *, heard: Heard, region: Region) -> Reply:
    """Take in the device's commands; gives the answers to send back."""
    reply = Reply()
    for command in commands:
        reader = _READERS.get(command.name)
        if reader is not None:
            reader(session, command.values, heard, reply, region)
    return reply


def sent(session: Session, commands: list[Command]) -> None:
    """Remember the requests that really went out, to read their answers."""
    channels: tuple[int, ...] = ()
    counted: set[str] = set()
    for command in commands:
        if not command.name.endswith("Req"):
            continue
        values = command.values
        if command.name == "LinkADRReq":
            channels = _switched_on(channels, values)
            values = values | {"channels": channels}
        session.pending = session.pending | {command.name: values}
        if command.name not in counted:
            counted.add(command.name)
            session.mac_errors = session.mac_errors | {
                command.name: session.mac_errors.get(command.name, 0) + 1
            }


def _switched_on(before: tuple[int, ...], values: Values) -> tuple[int, ...]:
    """The channels that are on after one more LinkADRReq of a run."""
    control, mask = values["ch_mask_cntl"], values["ch_mask"]
    if control in {6, 7}:
        narrow = range(64) if control == 6 else ()
        return (*narrow, *(64 + channel for channel in mask))
    return tuple(sorted({*before, *(16 * control + channel for channel in mask)}))


def gps_now(wall_ms: int) -> int:
    """Our wall clock as GPS milliseconds."""
    return gps_milliseconds(instant(wall_ms))
