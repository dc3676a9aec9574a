"""wM-Bus telegrams in the clear (OMS), as gateways hear them: the index now, and the dated indexes of before.

Topic ``wmbus/<gateway>/telegram`` or ``POST /in/wmbus``: ``{"telegram": "<hex>", "received"?, "rssi"?}``, an
array of these, or telegrams in hexadecimal, one a line. Frames from their length byte on, CRC blocks taken
off, as receivers give them. ``?timezone=`` is that of the meters' clocks (Europe/Paris without it). A
gateway hears every meter around: those that nobody registered are for the operator to keep or to leave.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from clapas.codecs.errors import BadTelegram
from clapas.codecs.wmbus import Dated, Telegram, read_telegram
from clapas.domain.message import Radio, RawMessage, Reading, Uplink
from clapas.domain.window import instant
from clapas.sources.contract import Connector, Example
from clapas.sources.errors import Incomplete, Malformed, Oversized
from clapas.sources.wire import bounded, device_key, first, moment, plausible, query, read

MOST = 500
"""Telegrams of one body."""
LONGEST_HEX = 2 * 256
HEARD_TWICE_MS = 600_000
"""Two gateways hear the same telegram: the meter's counter names it within so long."""
HEX = re.compile(rb"[0-9a-fA-F\s|_]+")
ZONE = "Europe/Paris"


class Heard(msgspec.Struct, gc=False, omit_defaults=True):
    """One telegram: hexadecimal, when it was heard, and how well (dBm)."""

    telegram: str
    received: str | float | None = None
    rssi: float | None = None


DECODER = msgspec.json.Decoder(Heard)
_MANY: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


def split(message: RawMessage) -> Sequence[RawMessage]:
    """One message a telegram, so that an encrypted one is one reject; what cannot be cut stays whole."""
    try:
        parts = list(_parts(bounded(message)))
    except (Oversized, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return (message,)
    if not 1 < len(parts) <= MOST:
        return (message,)
    return tuple(
        msgspec.structs.replace(
            message,
            payload=part,
            idempotency=f"{message.idempotency}#{place}" if message.idempotency else "",
        )
        for place, part in enumerate(parts)
    )


def _parts(payload: bytes) -> Iterator[bytes]:
    if payload.lstrip()[:1] == b"[":
        yield from (bytes(each) for each in _MANY.decode(payload))
    elif HEX.fullmatch(payload):
        yield from (line for line in payload.splitlines() if line.strip())
    else:
        yield payload


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink a telegram."""
    found = list(_each(message))
    if not found:
        raise Incomplete("no telegram", field="telegram")
    return tuple(_uplink(each, message) for each in found)


def _each(message: RawMessage) -> Iterator[Heard]:
    payload = bounded(message)
    try:
        parts = list(_parts(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("the telegrams cannot be read", detail=str(error)) from None
    if len(parts) > MOST:
        raise Oversized("too many telegrams", size=len(parts), limit=MOST)
    for part in parts:
        if HEX.fullmatch(part):
            yield Heard(part.decode())
        else:
            yield read(DECODER, msgspec.structs.replace(message, payload=part))


def _uplink(heard: Heard, message: RawMessage) -> Uplink:
    told = _telegram(heard.telegram)
    when = moment(heard.received, received=message.received) or instant(message.received)
    bucket = int(when.timestamp() * 1000) // HEARD_TWICE_MS
    gateway = first(message.topic, position=1) if message.topic.startswith("wmbus/") else ""
    return Uplink(
        source="wmbus",
        device=device_key(told.meter),
        message_id=None if told.access is None else f"{told.meter}/{told.access}/{bucket}",
        measured=when,
        values=tuple(_readings(told, message)),
        radio=(Radio(gateway=gateway or "wmbus", rssi=heard.rssi),) if heard.rssi is not None else (),
    )  # fmt: skip


def _telegram(text: str) -> Telegram:
    digits = re.sub(r"[\s|_]", "", text)
    if len(digits) > LONGEST_HEX:
        raise Oversized("a telegram has 256 bytes at most", size=len(digits), limit=LONGEST_HEX)
    try:
        return read_telegram(bytes.fromhex(digits))
    except ValueError:
        raise Malformed("the telegram is not hexadecimal", field="telegram") from None
    except BadTelegram as error:
        raise Malformed(str(error), **error.values) from None


def _readings(told: Telegram, message: RawMessage) -> Iterator[Reading]:
    """The indexes in m³: the present one when it was heard, those of before at their own times."""
    if told.now is None and not told.before:
        raise Incomplete("the telegram holds no volume", meter=told.meter)
    zone = _zone(query(message.topic).get("timezone", ZONE))
    for each in told.before:
        at = _at(each, zone, received=message.received)
        if at is not None:
            yield Reading("water_index", each.litres / 1000, "water_index", "", at)
    if told.now is not None:
        yield Reading("water_index", told.now.litres / 1000, "water_index")


def _at(each: Dated, zone: ZoneInfo, *, received: int) -> datetime | None:
    if each.at is None:
        return None
    return plausible(each.at.replace(tzinfo=zone).astimezone(UTC), received=received)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Malformed("no such timezone", timezone=name[:60]) from None


_FRAME = "1e44ee4d785634123c067a8f0000000c1348550000426c7f2c4c1300500000"
_STAMP = 1_579_068_000
_TIME = datetime(2020, 1, 15, 6, tzinfo=UTC)
_VALUES = (
    Reading("water_index", 5.0, "water_index", "", _TIME - timedelta(days=15, hours=7)),
    Reading("water_index", 5.548, "water_index"),
)
EXAMPLES = (
    Example(
        RawMessage("wmbus", "/in/wmbus", _STAMP * 1000, f'{{"telegram":"{_FRAME}"}}'.encode()),
        (
            Uplink(
                source="wmbus",
                device="12345678",
                message_id=f"12345678/143/{_STAMP * 1000 // HEARD_TWICE_MS}",
                measured=_TIME,
                values=_VALUES,
            ),
        ),
    ),
    Example(
        RawMessage("wmbus", "wmbus/toit-mairie/telegram", (_STAMP + 3) * 1000, _FRAME.encode()),
        (
            Uplink(
                source="wmbus",
                device="12345678",
                message_id=f"12345678/143/{_STAMP * 1000 // HEARD_TWICE_MS}",
                measured=_TIME + timedelta(seconds=3),
                values=_VALUES,
            ),
        ),
    ),
)
CONNECTOR = Connector(
    name="wmbus",
    parse=parse,
    examples=EXAMPLES,
    topics=("wmbus/+/telegram",),
    http="wmbus",
    split=split,
)
