"""Protocol Buffers on the wire, for the one family of messages that gateways speak: tables in, plain values out.

The decoded form is that of proto3's JSON (camel case names, enums by name, bytes as base64), so that a gateway's JSON
and its protobuf are read by the same code. Source: protobuf.dev, encoding; unknown fields are skipped.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from clapas.lorawan.errors import FrameError

MAX_DEPTH = 8


class Field(msgspec.Struct, frozen=True):
    """A field: JSON name; kind 'uint' 'int' 'bool' 'float' 'double' 'string' 'bytes' 'message' 'enum'."""

    name: str
    kind: str
    message: "Mapping[int, Field] | None" = None
    names: tuple[str, ...] = ()
    repeated: bool = False


Schema = Mapping[int, Field]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise FrameError("protobuf: a number does not end")


def _raw(data: bytes, at: int, *, wire: int) -> tuple[int | bytes, int]:
    if wire == 0:
        return _varint(data, at)
    if wire == 2:
        size, at = _varint(data, at)
    elif wire in {1, 5}:
        size = 8 if wire == 1 else 4
    else:
        raise FrameError("protobuf: unknown wire type", wire=wire)
    if at + size > len(data):
        raise FrameError("protobuf: the message is cut short")
    return data[at : at + size], at + size


def decode(data: bytes, schema: Schema, *, depth: int = 0) -> dict[str, Any]:
    """A message as the dictionary that its JSON would be; raises :class:`FrameError`."""
    if depth > MAX_DEPTH:
        raise FrameError("protobuf: nested too deep")
    found: dict[str, Any] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        raw, at = _raw(data, at, wire=key & 7)
        field = schema.get(key >> 3)
        if field is None:
            continue
        value = _value(raw, field, depth=depth)
        if field.repeated:
            found.setdefault(field.name, []).append(value)
        else:
            found[field.name] = value
    return found


def _value(raw: int | bytes, field: Field, *, depth: int) -> Any:
    if isinstance(raw, int):
        return _number(raw, field)
    if field.kind == "message":
        return decode(raw, field.message or {}, depth=depth + 1)
    try:
        return _READERS[field.kind](raw)
    except (KeyError, ValueError, struct.error) as wrong:
        raise FrameError(f"protobuf: {field.name} is not what it should be") from wrong


_READERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": lambda raw: b64encode(raw).decode(),
    "string": lambda raw: raw.decode(),
    "float": lambda raw: struct.unpack("<f", raw)[0],
    "double": lambda raw: struct.unpack("<d", raw)[0],
}


def _number(raw: int, field: Field) -> Any:
    if field.kind == "bool":
        return bool(raw)
    if field.kind == "int":
        return raw - (1 << 64) if raw >> 63 else raw
    if field.kind == "enum":
        return field.names[raw] if raw < len(field.names) else str(raw)
    if field.kind == "uint":
        return raw
    raise FrameError(f"protobuf: {field.name} is not what it should be")


def _put_varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(values: Mapping[str, Any], schema: Schema) -> bytes:
    """The inverse of :func:`decode`; names that the schema does not know are left out."""
    out = b""
    for number, field in schema.items():
        if field.name not in values:
            continue
        value = values[field.name]
        for each in value if field.repeated else (value,):
            out += _field(number, field, value=each)
    return out


def _field(number: int, field: Field, *, value: Any) -> bytes:
    if field.kind in {"uint", "int", "bool"}:
        return _put_varint(number << 3) + _put_varint(int(value))
    if field.kind == "enum":
        return _put_varint(number << 3) + _put_varint(field.names.index(value))
    if field.kind in {"float", "double"}:
        wide = field.kind == "double"
        return _put_varint(number << 3 | (1 if wide else 5)) + struct.pack(
            "<d" if wide else "<f", value
        )
    if field.kind == "message":
        body = encode(value, field.message or {})
    else:
        body = b64decode(value) if field.kind == "bytes" else str(value).encode()
    return _put_varint(number << 3 | 2) + _put_varint(len(body)) + body
