"""wM-Bus telegrams in the clear (OMS): the meter's number, its index now, and its dated indexes of before.

Source: EN 13757-4 (frame, CRC blocks already taken off by the receiver), EN 13757-3 (CI field, headers,
data records: DIF, VIF, types A, D and H of numbers, F and G of times), OMS volume 2. An encrypted telegram
is refused: its key belongs to whoever reads the meters.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from clapas.codecs.errors import BadTelegram

SHORT, LONG, NONE = 0x7A, 0x72, 0x78
HEADERS = {SHORT: 4, LONG: 12, NONE: 0}
INTEGERS = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
DECIMALS = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
FILLER, MANUFACTURER = 0x2F, 0x0F
VOLUME, DATE, MOMENT = range(0x10, 0x18), 0x6C, 0x6D
MOST_EXTENSIONS = 10


class Dated(msgspec.Struct, frozen=True):
    """An index (L); ``at`` civil time by the meter's clock, None: when it was received."""

    at: datetime | None
    litres: float


class Telegram(msgspec.Struct, frozen=True, kw_only=True):
    """A meter's number (eight digits), its index now and those that it keeps of before.

    ``access`` counts the telegrams, modulo 256 (EN 13757-3, 5.9); None in a frame without header.
    """

    meter: str
    now: Dated | None
    before: tuple[Dated, ...]
    access: int | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One data record: function (0 = the value itself), storage number, tariff, VIF, its bytes."""

    function: int
    storage: int
    tariff: int
    kind: int
    vif: int
    plain: bool
    body: bytes


def read_telegram(frame: bytes) -> Telegram:
    """Read a frame from its length byte on. Raises :class:`BadTelegram`."""
    if len(frame) < 12 or frame[0] != len(frame) - 1:
        raise BadTelegram("the length byte does not match", length=len(frame))
    header = HEADERS.get(frame[10])
    if header is None or len(frame) < 11 + header:
        raise BadTelegram(f"CI field {frame[10]:#04x} is not read")
    number = frame[11:15] if frame[10] == LONG else frame[4:8]
    configuration = int.from_bytes(frame[11 + header - 2 : 11 + header], "little") if header else 0
    if configuration & 0x1F00:
        raise BadTelegram("the telegram is encrypted", meter=number[::-1].hex())
    access = frame[11 + header - 4] if header else None
    return _understood(number[::-1].hex(), access, records=list(_records(frame[11 + header :])))


def _understood(meter: str, access: int | None, *, records: list[Record]) -> Telegram:
    """Indexes by storage number, each with the time of the same storage."""
    times: dict[int, datetime] = {}
    litres: dict[int, float] = {}
    for each in records:
        if each.function or each.tariff or not each.plain:
            continue
        if each.vif in VOLUME:
            value = _number(each)
            if value is not None:
                litres.setdefault(each.storage, value * 10.0 ** (each.vif - 0x10 - 3))
        elif each.vif in {DATE, MOMENT}:
            moment = _moment(each)
            if moment is not None:
                times[each.storage] = moment
    past = [Dated(times[n], litres[n]) for n in sorted(litres) if n and n in times]
    now = Dated(times.get(0), litres[0]) if 0 in litres else None
    return Telegram(meter=meter, now=now, before=tuple(past), access=access)


def _records(body: bytes) -> Iterator[Record]:
    at = 0
    while at < len(body):
        if body[at] == FILLER:
            at += 1
            continue
        if body[at] & MANUFACTURER == MANUFACTURER:
            return
        record, at = _record(body, at)
        yield record


def _record(body: bytes, at: int) -> tuple[Record, int]:
    dif, more, at = _extended(body, at)
    vif, extra, at = _extended(body, at)
    storage, tariff = dif >> 6 & 1, 0
    for place, each in enumerate(more):
        storage |= (each & 0x0F) << (1 + 4 * place)
        tariff |= (each >> 4 & 3) << (2 * place)
    kind = dif & 0x0F
    size = 4 if kind == 0x5 else INTEGERS.get(kind, DECIMALS.get(kind, 0))
    if kind == 0xD:
        size, at = _byte(body, at), at + 1
        if size > 0xBF:
            raise BadTelegram("a record of variable length is not text")
    if at + size > len(body):
        raise BadTelegram("a record passes the end of the telegram", place=at)
    found = Record(
        function=dif >> 4 & 3,
        storage=storage,
        tariff=tariff,
        kind=kind,
        vif=vif,
        plain=not extra,
        body=body[at : at + size],
    )
    return found, at + size


def _extended(body: bytes, at: int) -> tuple[int, list[int], int]:
    """A DIF or VIF without its extension bit, and the bytes that extend it."""
    first = _byte(body, at)
    more, last = [], first
    at += 1
    while last & 0x80:
        last = _byte(body, at)
        more.append(last & 0x7F)
        at += 1
        if len(more) > MOST_EXTENSIONS:
            raise BadTelegram("a record is extended without end")
    return first & 0x7F, more, at


def _byte(body: bytes, at: int) -> int:
    if at >= len(body):
        raise BadTelegram("the telegram is cut short", place=at)
    return body[at]


def _number(record: Record) -> float | None:
    """An integer (type B) or packed decimal (type A); None for what is marked as no value."""
    if record.kind in INTEGERS:
        return float(int.from_bytes(record.body, "little", signed=True))
    if record.kind in DECIMALS:
        digits = record.body[::-1].hex()
        return float(digits) if digits.isdigit() else None
    return None


def _moment(record: Record) -> datetime | None:
    """Type G (date, two bytes) or type F (date and minute, four bytes); None when marked invalid."""
    body = record.body
    if record.vif == MOMENT and len(body) == 4:
        minute, hour, date = body[0], body[1] & 0x1F, body[2:]
        if minute & 0x80:
            return None
        minute &= 0x3F
    elif record.vif == DATE and len(body) == 2:
        minute, hour, date = 0, 0, body
    else:
        return None
    year = 2000 + ((date[0] >> 5) | (date[1] >> 4 << 3))
    try:
        return datetime(year, date[1] & 0x0F, date[0] & 0x1F, hour, minute)  # noqa: DTZ001 civil time of the meter
    except ValueError:
        return None
