"""Reading what the wire brings: bounded JSON, times, base64, device ids, nested objects."""

import math
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec

from clapas.codecs.flat import flatten as leaves_of
from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.domain.message import RawMessage, Reading, Value
from clapas.domain.window import instant
from clapas.sources.errors import (
    BadDeviceId,
    BadTime,
    Foreign,
    FutureDated,
    Malformed,
    Oversized,
)

MAX_BYTES = 1 << 20
MAX_VALUES = 512
FUTURE = timedelta(days=1)
MILLISECONDS_FROM = 1e11
"""A Unix time above this is in milliseconds (in seconds it would be the year 5138)."""
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
CUT = "cut"
"""Query key that a door adds to the topic of a message of which it kept only the beginning."""

T = TypeVar("T")


def bounded(message: RawMessage, limit: int = MAX_BYTES) -> bytes:
    """The payload when it is whole and not too large; raises ``Oversized``."""
    size = len(message.payload)
    cut = query(message.topic).get(CUT, "")
    if cut or size > limit:
        raise Oversized(size=int(cut) if cut.isdecimal() else size, limit=limit)
    return message.payload


def read(decoder: msgspec.json.Decoder[T], message: RawMessage, *, limit: int = MAX_BYTES) -> T:
    """Decode JSON into the decoder's type; raises ``Malformed`` naming the field."""
    try:
        return decoder.decode(bounded(message, limit))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the JSON cannot be read: {error}", detail=str(error)) from None


def query(topic: str) -> dict[str, str]:
    """The query of an HTTP door's topic (``/in/csv_drop/a.csv?separator=;``)."""
    _, _, text = topic.partition("?")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=64)) if text else {}


def device_key(text: str) -> str:
    """The device's normal id; raises ``BadDeviceId``."""
    key = normalise_device(text)
    if not DEVICE.match(key):
        raise BadDeviceId(device=text[:160])
    return key


def local_id(text: str) -> str:
    """A feed's own id made fit for a device key and a URN: forbidden characters become ``_``."""
    key = "".join("_" if each in " .*>/+#<\"'=;()" or each < " " else each for each in text.strip())
    return device_key(key[:128])


def own_device(message: RawMessage, device: str) -> None:
    """A device signed in as itself speaks for itself alone; raises ``Foreign``."""
    kind, _, name = message.sender.partition(":")
    if kind == "device" and normalise_device(name) != device:
        raise Foreign(device=device, sender=message.sender)


def moment(value: Any, *, received: int, zone: ZoneInfo | None = None) -> datetime | None:
    """A time as senders write it: RFC 3339, Unix seconds or milliseconds; None when absent.

    A time without a zone is read in ``zone`` (UTC without one). Raises ``BadTime``, ``FutureDated``.
    """
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        read_time = value
    elif isinstance(value, str):
        read_time = _text_time(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        read_time = _unix_time(value)
    else:
        raise BadTime(time=str(value)[:80])
    if read_time.tzinfo is None:
        read_time = read_time.replace(tzinfo=zone or UTC)
    return plausible(read_time.astimezone(UTC), received=received)


def plausible(measured: datetime, *, received: int) -> datetime:
    """The time itself, when it can be true; raises ``BadTime``, ``FutureDated``."""
    if measured > instant(received) + FUTURE:
        raise FutureDated(time=measured.isoformat(), received=instant(received).isoformat())
    if measured < EARLIEST:
        raise BadTime(time=measured.isoformat())
    return measured


def _text_time(text: str) -> datetime:
    try:
        return msgspec.convert(text.strip(), datetime)
    except msgspec.ValidationError:
        pass
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadTime(time=text[:80]) from None


def _unix_time(number: float) -> datetime:
    seconds = number / 1000 if abs(number) > MILLISECONDS_FROM else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadTime(time=str(number)[:80]) from None


def base64_bytes(text: str, *, limit: int = 4096) -> bytes:
    """The bytes of a base64 text, padding or not; raises ``Malformed``, ``Oversized``."""
    if len(text) > limit:
        raise Oversized(size=len(text), limit=limit)
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Malformed("the payload is not base64", data=text[:80]) from None


def flatten(values: Any) -> tuple[Reading, ...]:
    """An object decoded at the source as readings, nested names joined by a dot."""
    if not isinstance(values, dict):
        return ()
    return tuple(
        Reading(name[:128], value) for name, value in leaves_of(values) if value is not None
    )


def number(value: Any) -> Value:
    """Numbers are floats; an integer too large for one is refused like any infinite number."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Malformed("a number is too large") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed("a number is not finite")
    return value  # type: ignore[no-any-return]


def first(topic: str, *, position: int) -> str:
    """The level of an MQTT topic at that position, '' when the topic is shorter."""
    levels = topic.split("/")
    return levels[position] if position < len(levels) else ""
