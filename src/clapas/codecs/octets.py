"""Numbers out of bytes, and tables that say where they lie and what they mean."""

from typing import Literal

import msgspec

from clapas.codecs.errors import CodecError
from clapas.domain.message import Reading

Order = Literal["big", "little"]

G = 9.80665
"""Standard gravity, m/s²."""


def number(
    payload: bytes, at: int, *, size: int, order: Order = "big", signed: bool = False
) -> int:
    """The integer of ``size`` bytes at ``at``.

    Raises:
        CodecError: the payload ends before.
    """
    chunk = payload[at : at + size]
    if at < 0 or len(chunk) < size:
        raise CodecError(
            f"the payload is cut short: {at + size} bytes expected, {len(payload)} received",
            expected=at + size,
            received=len(payload),
        )
    return int.from_bytes(chunk, order, signed=signed)


class Field(msgspec.Struct, frozen=True, gc=False):
    """One value: channel, bytes, divisor; then quantity (value in its unit) or unit (UN/CEFACT).

    value = raw / divisor · scale + offset; ``absent`` is the raw value by which a device says that it has
    none; ``flag`` keeps only whether the raw value is zero.
    """

    channel: str
    size: int
    divisor: float = 1
    signed: bool = False
    quantity: str = ""
    unit: str = ""
    at: int = 0
    scale: float = 1
    offset: float = 0
    absent: int | None = None
    flag: bool = False

    def read(self, payload: bytes, start: int, *, order: Order) -> Reading | None:
        """The reading at ``start`` + ``at``, or None when the device has no value."""
        raw = number(payload, start + self.at, size=self.size, order=order, signed=self.signed)
        if raw == self.absent:
            return None
        if self.flag:
            return Reading(self.channel, float(raw != 0), self.quantity, self.unit)
        value = raw / self.divisor
        if self.scale != 1:
            value = round(value * self.scale, 6)
        if self.offset:
            value = round(value + self.offset, 6)
        return Reading(self.channel, value, self.quantity, self.unit)


def read_fields(
    fields: tuple[Field, ...], payload: bytes, *, start: int, order: Order
) -> list[Reading]:
    """The readings of a block whose fields give their own place from its start."""
    return [
        reading
        for field in fields
        if (reading := field.read(payload, start, order=order)) is not None
    ]
