"""SenML packs (RFC 8428, JSON form): records resolved, then grouped by device and by moment."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from clapas.domain.message import RawMessage, Reading, Uplink, Value
from clapas.sources.errors import Incomplete, Malformed, Oversized
from clapas.sources.wire import MAX_VALUES, device_key, moment, read

RELATIVE_BELOW = 2**28
"""RFC 8428 clause 4.5.3: a time below 2^28 is relative to now."""
MAX_VERSION = 10

UNITS = {
    "Cel": "CEL", "K": "KEL", "%RH": "P1", "%": "P1", "%EL": "P1", "/": "C62", "count": "C62",
    "V": "VLT", "A": "AMP", "W": "WTT", "J": "JOU", "kWh": "KWH", "Hz": "HTZ", "Pa": "PAL",
    "hPa": "A97", "bar": "BAR", "m": "MTR", "mm": "MMT", "m2": "MTK", "m3": "MTQ", "l": "LTR",
    "m3/s": "MQS", "l/s": "G51", "m/s": "MTS", "m/s2": "MSK", "kg": "KGM", "g": "GRM", "s": "SEC",
    "lx": "LUX", "dB": "2N", "dBm": "DBM", "ppm": "59", "ug/m3": "GQ", "mg/l": "M1", "pH": "Q30",
    "deg": "DD", "S/m": "D10", "W/m2": "D54", "lat": "DD", "lon": "DD",
}  # fmt: skip
"""SenML unit (RFC 8428 clause 12.1, RFC 8798) → UN/CEFACT code."""


class Record(msgspec.Struct, gc=False):
    """One SenML record, with the short labels of the RFC."""

    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bv: float = 0.0
    bs: float = 0.0
    bver: int = MAX_VERSION
    n: str = ""
    u: str = ""
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    t: float = 0.0


DECODER: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """A record on its own: base values applied."""

    base: str
    name: str
    time: float
    unit: str
    value: Value


def resolve(pack: Sequence[Record]) -> Iterator[Resolved]:
    """Apply base values to each record in turn (RFC 8428 clause 4.6)."""
    base = Record()
    for record in pack:
        if record.bver > MAX_VERSION:
            raise Malformed("the SenML version is newer than 10", version=record.bver)
        base.bn, base.bt = record.bn or base.bn, record.bt or base.bt
        base.bu, base.bv = record.bu or base.bu, record.bv or base.bv
        base.bs = record.bs or base.bs
        value = _value(record, base)
        if value is not None:
            unit = record.u or base.bu
            yield Resolved(base.bn, record.n, base.bt + record.t, UNITS.get(unit, ""), value)


def _value(record: Record, base: Record) -> Value:
    if record.v is not None:
        return record.v + base.bv
    for other in (record.vs, record.vb, record.vd):
        if other is not None:
            return other
    return None if record.s is None else record.s + base.bs


def uplinks(message: RawMessage, *, source: str, device: str = "") -> tuple[Uplink, ...]:
    """One uplink per device and moment. With ``device`` the names are that device's channels."""
    pack = read(DECODER, message)
    if len(pack) > MAX_VALUES:
        raise Oversized("too many records", size=len(pack), limit=MAX_VALUES)
    groups: dict[tuple[str, float], list[Reading]] = {}
    for each in resolve(pack):
        name, channel = _split(each, device)
        groups.setdefault((name, each.time), []).append(Reading(channel, each.value, "", each.unit))
    if not groups:
        raise Incomplete("the pack has no value")
    return tuple(
        _uplink(message, source, key=key, readings=readings) for key, readings in groups.items()
    )


def _uplink(
    message: RawMessage, source: str, *, key: tuple[str, float], readings: list[Reading]
) -> Uplink:
    name, time = key
    absolute: Any = None
    if time >= RELATIVE_BELOW:
        absolute = moment(time, received=message.received)
    elif time:
        absolute = moment(message.received / 1000 + time, received=message.received)
    stamp = f"{name}@{absolute.isoformat()}" if time >= RELATIVE_BELOW else None
    return Uplink(
        source=source, device=name, message_id=stamp, measured=absolute, values=tuple(readings)
    )


def _split(record: Resolved, device: str) -> tuple[str, str]:
    """Device and channel of a resolved name: the base name is the device, its rest the channel."""
    base = record.base.rstrip(":/.-_")
    if device:
        channel = record.name or base.replace("/", ":").rsplit(":", 1)[-1]
        return device, channel or "value"
    if base and record.name:
        return device_key(base), record.name
    head, _, tail = (base + record.name).replace("/", ":").rpartition(":")
    if not head or not tail:
        raise Incomplete("a SenML name says the device, then the channel", name=tail[:160])
    return device_key(head), tail
