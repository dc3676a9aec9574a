"""The language of Milesight's sensors: channel id, channel type, little-endian value, again and again.

Source: the payload tables and examples of Milesight-IoT/SensorDecoders, one README a product. Ids mean
different things from one family to the next: each family's file gives its own table. Channels 0x20 and
0x21 (type 0xCE) are the device's history: a time in seconds since 1970, then values of that time.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from clapas.codecs.device import Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.octets import Field, number, read_fields
from clapas.domain.message import Reading
from clapas.domain.window import instant

Key = tuple[int, int]


class Block(msgspec.Struct, frozen=True):
    """The values of one channel; ``history`` fields are of the time that comes before them."""

    size: int
    fields: tuple[Field, ...] = ()
    history: bool = False


BATTERY = Block(1, (Field("battery", 1, 100, quantity="battery_level"),))
TEMPERATURE = Block(2, (Field("temperature", 2, 10, signed=True, quantity="temperature"),))
HUMIDITY = Block(1, (Field("humidity", 1, 200, quantity="relative_humidity"),))

COMMON: dict[Key, Block] = {
    (0x01, 0x75): BATTERY,
    (0xFF, 0x01): Block(1),
    (0xFF, 0x08): Block(6),
    (0xFF, 0x09): Block(2),
    (0xFF, 0x0A): Block(2),
    (0xFF, 0x0B): Block(1),
    (0xFF, 0x0F): Block(1),
    (0xFF, 0x16): Block(8),
    (0xFF, 0x18): Block(2),
    (0xFF, 0xFE): Block(1),
    (0xFF, 0xFF): Block(2),
}
"""Battery, and what a device says of itself when it joins: versions, serial number, class, start."""

CLIMATE: dict[Key, Block] = {(0x03, 0x67): TEMPERATURE, (0x04, 0x68): HUMIDITY}


def history(*fields: Field) -> Block:
    """A record of the past: four bytes of time, then fields one after the other."""
    placed, at = [], 4
    for field in fields:
        placed.append(msgspec.structs.replace(field, at=at))
        at += field.size
    return Block(at, tuple(placed), history=True)


def decoder(table: Mapping[Key, Block]) -> Callable[[Frame], Sequence[Reading]]:
    """The decoder of a family, from its table of channels."""
    blocks = {**COMMON, **table}

    def decode(frame: Frame) -> Sequence[Reading]:
        payload, at = frame.payload, 0
        readings: list[Reading] = []
        while at < len(payload):
            key = (payload[at], number(payload, at + 1, size=1))
            block = blocks.get(key)
            if block is None:
                raise CodecError(
                    f"channel 0x{key[0]:02x} of type 0x{key[1]:02x} at byte {at} is not known here"
                )
            if at + 2 + block.size > len(payload):
                raise CodecError(f"channel 0x{key[0]:02x} at byte {at} is cut short")
            readings += _block(block, payload, start=at + 2)
            at += 2 + block.size
        return readings

    return decode


def _block(block: Block, payload: bytes, *, start: int) -> list[Reading]:
    found = read_fields(block.fields, payload, start=start, order="little")
    if not block.history:
        return found
    moment = instant(number(payload, start, size=4, order="little") * 1000)
    return [Reading(each.channel, each.value, each.quantity, each.unit, moment) for each in found]
