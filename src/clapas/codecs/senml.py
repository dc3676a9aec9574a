"""Sensor Measurement Lists in JSON (RFC 8428), both ways.

Records are resolved by section 4.6: base name, time, unit, value and sum are applied, times below 2**28
seconds are relative to now (section 4.5.3). Units of the SenML registry (section 12.1, RFC 8798) are
turned into the quantity's own.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from clapas.codecs.errors import CodecError
from clapas.domain.message import Reading, Value

MAX_RECORDS = 1000
MAX_BYTES = 65_536
RELATIVE = 2**28
"""Seconds below which a SenML time is relative to the moment of reception."""
VERSION = 10

UNITS: dict[str, tuple[str, float, float]] = {
    "Cel": ("temperature", 1, 0),
    "K": ("temperature", 1, -273.15),
    "%RH": ("relative_humidity", 0.01, 0),
    "Pa": ("atmospheric_pressure", 0.01, 0),
    "hPa": ("atmospheric_pressure", 1, 0),
    "lx": ("illuminance", 1, 0),
    "%EL": ("battery_level", 0.01, 0),
    "V": ("voltage", 1, 0),
    "A": ("current", 1, 0),
    "W": ("power", 1, 0),
    "kW": ("power", 1000, 0),
    "kWh": ("energy_index", 1, 0),
    "Wh": ("energy_index", 0.001, 0),
    "J": ("energy_index", 1 / 3_600_000, 0),
    "var": ("reactive_power", 1, 0),
    "Hz": ("frequency", 1, 0),
    "pH": ("ph", 1, 0),
    "S/m": ("conductivity", 10_000, 0),
    "m": ("distance", 1, 0),
    "mm": ("distance", 0.001, 0),
    "km/h": ("vehicle_speed", 1, 0),
    "m3": ("water_index", 1, 0),
    "l": ("water_index", 0.001, 0),
    "m3/s": ("flow", 3600, 0),
    "l/s": ("flow", 3.6, 0),
    "m/s": ("wind_speed", 1, 0),
    "W/m2": ("solar_radiation", 1, 0),
    "kg": ("weight", 1, 0),
    "ppm": ("co2", 1, 0),
    "ug/m3": ("pm25", 1, 0),
    "dB": ("sound_level", 1, 0),
    "dBm": ("rssi", 1, 0),
    "count": ("count_index", 1, 0),
    "deg": ("tilt", 1, 0),
}
"""SenML unit → quantity, scale, offset, where the record's name does not say better."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record as sent (section 4.3), labels as in the RFC."""

    base_name: str = msgspec.field(name="bn", default="")
    base_time: float = msgspec.field(name="bt", default=0.0)
    base_unit: str = msgspec.field(name="bu", default="")
    base_value: float = msgspec.field(name="bv", default=0.0)
    base_sum: float = msgspec.field(name="bs", default=0.0)
    version: int = msgspec.field(name="bver", default=0)
    name: str = msgspec.field(name="n", default="")
    unit: str = msgspec.field(name="u", default="")
    value: float | None = msgspec.field(name="v", default=None)
    text: str | None = msgspec.field(name="vs", default=None)
    flag: bool | None = msgspec.field(name="vb", default=None)
    data: str | None = msgspec.field(name="vd", default=None)
    sum: float | None = msgspec.field(name="s", default=None)
    time: float = msgspec.field(name="t", default=0.0)
    update: float | None = msgspec.field(name="ut", default=None)


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved record (section 4.6): full name, absolute time, one value or sum."""

    name: str
    unit: str
    value: Value
    sum: float | None
    time: datetime


def resolve(payload: bytes, received: datetime) -> list[Resolved]:
    """The records of a pack, resolved; a time of zero is the moment of reception.

    Raises:
        CodecError: not SenML, a name that is missing or has forbidden characters, or a version too new.
    """
    records = _parse(payload)
    resolved: list[Resolved] = []
    base = Record()
    for record in records:
        base = _merge(base, record)
        value = _value(record, base)
        total = None if record.sum is None and not record.base_sum else record.sum or 0.0
        if value is None and total is None:
            if record.name or record.time:
                raise CodecError("a SenML record has neither a value nor a sum")
            continue
        name = base.base_name + record.name
        _check_name(name)
        resolved.append(
            Resolved(
                name=name,
                unit=record.unit or base.base_unit,
                value=value,
                sum=None if total is None else total + base.base_sum,
                time=_moment(base.base_time + record.time, received),
            )
        )
    return resolved


def decode_senml(payload: bytes, received: datetime) -> list[Reading]:
    """A pack's readings; the channel is the resolved name, a sum's has the suffix ``.sum``."""
    readings = []
    for record in resolve(payload, received):
        quantity, scale, offset = UNITS.get(record.unit, ("", 1, 0))
        if record.unit in {"%", "/"}:
            quantity = ""
        for suffix, value in (("", record.value), (".sum", record.sum)):
            if value is None:
                continue
            if quantity and isinstance(value, float):
                kept: Value = value * scale + (offset if not suffix else 0)
                readings.append(Reading(record.name + suffix, kept, quantity, measured=record.time))
            else:
                readings.append(
                    Reading(record.name + suffix, value, unit=record.unit, measured=record.time)
                )
    return readings


def encode_senml(records: Iterable[Resolved]) -> bytes:
    """A pack of resolved records, the first one's time as base time."""
    pack: list[Record] = []
    base: float | None = None
    for each in records:
        moment = each.time.timestamp()
        base = moment if base is None else base
        value = each.value
        pack.append(
            Record(
                base_time=base if not pack else 0.0,
                name=each.name,
                unit=each.unit,
                time=moment - base,
                value=None if isinstance(value, (bool, str)) else _number(value),
                text=value if isinstance(value, str) else None,
                flag=value if isinstance(value, bool) else None,
                sum=each.sum,
            )
        )
    return msgspec.json.encode(pack)


def _parse(payload: bytes) -> list[Record]:
    if len(payload) > MAX_BYTES:
        raise CodecError(f"a SenML pack is at most {MAX_BYTES} bytes long")
    try:
        raw: Any = msgspec.json.decode(payload)
        records = msgspec.convert(raw, list[Record])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as problem:
        raise CodecError(f"this is not a SenML pack: {problem}") from None
    if len(records) > MAX_RECORDS:
        raise CodecError(f"a SenML pack has at most {MAX_RECORDS} records")
    for record in raw:
        for label in record:
            if label.endswith("_"):
                raise CodecError(f"the SenML field {label!r} must be understood, and is not")
    return records


def _merge(base: Record, record: Record) -> Record:
    version = record.version or base.version
    if version > VERSION:
        raise CodecError(f"SenML version {version} is not known")
    return Record(
        base_name=record.base_name or base.base_name,
        base_time=record.base_time or base.base_time,
        base_unit=record.base_unit or base.base_unit,
        base_value=record.base_value or base.base_value,
        base_sum=record.base_sum or base.base_sum,
        version=version,
    )


def _value(record: Record, base: Record) -> Value:
    if record.text is not None:
        return record.text
    if record.flag is not None:
        return record.flag
    if record.data is not None:
        return record.data
    if record.value is not None:
        return record.value + base.base_value
    return base.base_value if record.base_value else None


def _check_name(name: str) -> None:
    """Section 4.5.1: letters, digits and - : . / _, beginning with a letter or digit."""
    if not name or not name[0].isalnum():
        raise CodecError(f"{name!r} is not a SenML name")
    if not all(each.isascii() and (each.isalnum() or each in "-:./_") for each in name):
        raise CodecError(f"{name!r} is not a SenML name")


def _moment(seconds: float, received: datetime) -> datetime:
    try:
        if not math.isfinite(seconds):
            raise CodecError("a SenML time is not a number")
        if seconds < RELATIVE:
            return received + timedelta(seconds=seconds)
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as problem:
        raise CodecError(f"{seconds} is not a SenML time") from problem


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
