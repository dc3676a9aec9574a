"""Bit layouts: how a command's fields lie in its bytes, said once and used both ways.

Everything in LoRaWAN is little-endian with bit 0 first, so a whole command is one integer whose fields are
listed from its lowest bit: ``fields("rx2_dr:4 rx1_dr_offset:3 opt_neg:1 frequency:24:frequency")``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from clapas.lorawan.errors import FrameError

Values = dict[str, Any]


class Field(msgspec.Struct, frozen=True):
    """A run of bits. ``kind`` says how it reads; '-' is a name for bits that mean nothing."""

    name: str
    bits: int
    kind: str = "number"


Tail = Callable[[Values, int], tuple[Field, ...]]
"""More fields after the fixed ones, from the values so far and the number of bytes that remain."""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A command: name, identifier, fields in order from the lowest bit."""

    name: str
    identifier: int
    fields: tuple[Field, ...] = ()
    tail: Tail | None = None

    @property
    def size(self) -> int:
        """Bytes of the fixed part."""
        return sum(field.bits for field in self.fields) // 8


def fields(text: str) -> tuple[Field, ...]:
    """Fields from their short notation: ``name:bits[:kind]``, one bit is a flag."""
    found = []
    for word in text.split():
        name, bits, *kind = word.split(":")
        found.append(
            Field(name, int(bits), kind[0] if kind else "flag" if bits == "1" else "number")
        )
    if sum(field.bits for field in found) % 8:
        raise FrameError("a layout fills whole bytes", layout=text)
    return tuple(found)


FREQUENCY_SPLIT = 12_000_000
"""Above it a frequency counts steps of 200 Hz: 2.4 GHz does not fit in 24 bits of 100 Hz."""


def decode_frequency(raw: int) -> int:
    """24 bits on air → Hz."""
    return raw * (200 if raw >= FREQUENCY_SPLIT else 100)


def encode_frequency(hertz: int) -> int:
    """Hz → 24 bits on air."""
    unit = 200 if hertz >= FREQUENCY_SPLIT * 200 else 100
    if hertz % unit or hertz // unit >= 1 << 24:
        raise FrameError("this frequency cannot be written on air", frequency=hertz)
    return hertz // unit


def _signed(raw: int, bits: int) -> int:
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _groups(raw: int, bits: int) -> list[dict[str, Any]]:
    data = raw.to_bytes(bits // 8, "little")
    return [
        {"id": data[at] & 3, "address": data[at + 1 : at + 5][::-1].hex()}
        for at in range(0, len(data), 5)
    ]


def _from_groups(groups: list[dict[str, Any]], _bits: int) -> int:
    data = b"".join(bytes((each["id"],)) + bytes.fromhex(each["address"])[::-1] for each in groups)
    return int.from_bytes(data, "little")


_DECODE: dict[str, Callable[[int, int], Any]] = {
    "number": lambda raw, _bits: raw,
    "flag": lambda raw, _bits: bool(raw),
    "signed": _signed,
    "frequency": lambda raw, _bits: decode_frequency(raw),
    "mask": lambda raw, bits: tuple(index for index in range(bits) if raw >> index & 1),
    "bytes": lambda raw, bits: raw.to_bytes(bits // 8, "little").hex(),
    "eui": lambda raw, bits: raw.to_bytes(bits // 8, "big").hex(),
    "wor_snr": lambda raw, _bits: raw - 20,
    "wor_rssi": lambda raw, _bits: -(raw + 15),
    "groups": _groups,
}
_ENCODE: dict[str, Callable[[Any, int], int]] = {
    "number": lambda value, _bits: int(value),
    "flag": lambda value, _bits: int(value),
    "signed": lambda value, bits: (
        value & ((1 << bits) - 1) if -(1 << bits - 1) <= value < 1 << bits - 1 else -1
    ),
    "frequency": lambda value, _bits: encode_frequency(value),
    "mask": lambda value, _bits: sum(1 << index for index in set(value)),
    "bytes": lambda value, _bits: int.from_bytes(bytes.fromhex(value), "little"),
    "eui": lambda value, _bits: int(value, 16) if value else 0,
    "wor_snr": lambda value, _bits: int(value) + 20,
    "wor_rssi": lambda value, _bits: -int(value) - 15,
    "groups": _from_groups,
}


def _read(wanted: tuple[Field, ...], data: bytes, *, into: Values) -> int:
    size = sum(field.bits for field in wanted) // 8
    if len(data) < size:
        raise FrameError("the command is cut short", expected=size, got=len(data))
    whole = int.from_bytes(data[:size], "little")
    for field in wanted:
        if field.name != "-":
            into[field.name] = _DECODE[field.kind](whole & ((1 << field.bits) - 1), field.bits)
        whole >>= field.bits
    return size


def decode(layout: Layout, data: bytes) -> tuple[Values, int]:
    """Read one command's body (after its identifier): the values and the bytes used."""
    values: Values = {}
    used = _read(layout.fields, data, into=values)
    if layout.tail:
        used += _read(layout.tail(values, len(data) - used), data[used:], into=values)
    return values, used


def _write(wanted: tuple[Field, ...], values: Values) -> bytes:
    whole, at = 0, 0
    for field in wanted:
        if field.name != "-":
            raw = _ENCODE[field.kind](values[field.name], field.bits)
            if not 0 <= raw < 1 << field.bits:
                raise FrameError(
                    "a value does not fit its field", field=field.name, value=values[field.name]
                )
            whole |= raw << at
        at += field.bits
    return whole.to_bytes(at // 8, "little")


def encode(layout: Layout, values: Values) -> bytes:
    """Write one command with its identifier; the inverse of :func:`decode`."""
    try:
        body = _write(layout.fields, values)
        if layout.tail:
            body += _write(layout.tail(values, 0), values)
    except (KeyError, ValueError, TypeError, AttributeError) as wrong:
        raise FrameError(f"{layout.name}: {wrong}", command=layout.name) from wrong
    return bytes((layout.identifier,)) + body


class Command(msgspec.Struct, frozen=True):
    """A command by name with its values; ``Unparsed`` keeps bytes that no layout reads."""

    name: str
    values: Values = {}


UNPARSED = "Unparsed"


class Language(msgspec.Struct, frozen=True):
    """The commands of one direction, by identifier and by name."""

    by_identifier: dict[int, Layout]
    by_name: dict[str, Layout]

    def decode(self, data: bytes) -> list[Command]:
        """Read a run of commands; from the first unknown or cut one on, the rest is ``Unparsed``.

        A device that speaks a newer revision must still be heard (TS001 clause 5: stop at the unknown).
        """
        found, at = [], 0
        while at < len(data):
            layout = self.by_identifier.get(data[at])
            try:
                if layout is None:
                    raise FrameError("unknown command", identifier=data[at])
                values, used = decode(layout, data[at + 1 :])
            except FrameError:
                found.append(Command(UNPARSED, {"bytes": data[at:].hex()}))
                break
            found.append(Command(layout.name, values))
            at += 1 + used
        return found

    def encode(self, commands: list[Command]) -> bytes:
        """Write a run of commands; the inverse of :meth:`decode`."""
        return b"".join(self.encode_one(command) for command in commands)

    def encode_one(self, command: Command) -> bytes:
        if command.name == UNPARSED:
            return bytes.fromhex(command.values["bytes"])
        layout = self.by_name.get(command.name)
        if layout is None:
            raise FrameError("this command does not exist in this direction", command=command.name)
        return encode(layout, command.values)


def language(table: str, tails: Mapping[str, Tail] | None = None) -> Language:
    """A language from its table: one line a command, ``identifier name fields…``."""
    layouts = []
    for line in table.strip().splitlines():
        identifier, name, *rest = line.split(maxsplit=2)
        layouts.append(
            Layout(
                name=name,
                identifier=int(identifier, 16),
                fields=fields(rest[0]) if rest else (),
                tail=(tails or {}).get(name),
            )
        )
    return Language(
        {each.identifier: each for each in layouts}, {each.name: each for each in layouts}
    )
