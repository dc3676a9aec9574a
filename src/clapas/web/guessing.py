"""What an unknown device probably is: its codec, its channels, their quantities.

Every codec that could read the bytes is tried; the one that gives the most recognised and plausible
values wins. A guess is shown to a person, who accepts it or chooses otherwise.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from clapas.codecs import CodecPool, Decoded, DecodeJob
from clapas.codecs.device import codecs as device_codecs
from clapas.codecs.guess import quantity as guess_quantity
from clapas.domain.device import CodecRef, Model
from clapas.domain.message import Reading, Uplink, Value
from clapas.domain.quantities import quantity

MOST_READINGS = 100
MOST_SCRIPTS = 60
"""Scripts of the catalogue that are tried on one payload; each costs about a millisecond."""


@dataclass(frozen=True, slots=True)
class Codecs:
    """What decodes, and where the text of a script is found by its name and version."""

    pool: CodecPool
    script: Callable[[str, int], Awaitable[str]]


class Guessed(msgspec.Struct, frozen=True, kw_only=True):
    """One channel: its value in the quantity's own unit when the quantity is recognised."""

    channel: str
    value: Value
    quantity: str
    unit: str


class Guess(msgspec.Struct, frozen=True, kw_only=True):
    """The best guess; ``confidence`` is 0 to 1."""

    model: str
    codec: CodecRef
    readings: list[Guessed]
    confidence: float


def name_reading(reading: Reading) -> Guessed:
    """A reading with its quantity and its value in that quantity's unit."""
    value, key = reading.value, reading.quantity
    if not key:
        found = guess_quantity(reading.channel, reading.unit, value=value)
        if found is not None:
            key, scale, offset = found
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = value * scale + offset
    unit = quantity(key).unit if key else reading.unit
    return Guessed(channel=reading.channel, value=value, quantity=key, unit=unit)


def score(readings: Sequence[Guessed]) -> float:
    """How good a reading of a payload looks: recognised and plausible values, 0 to 1."""
    if not readings:
        return 0.0
    good = sum(each.quantity != "" and plausible(each) for each in readings)
    bad = sum(each.quantity != "" and not plausible(each) for each in readings)
    return max(0.0, (good - bad) / len(readings))


def plausible(reading: Guessed) -> bool:
    """Is the value in the range of its quantity?"""
    if not isinstance(reading.value, int | float):
        return True
    kind = quantity(reading.quantity)
    return kind.low <= reading.value <= kind.high


async def guess_uplink(uplink: Uplink, models: Sequence[Model], *, codecs: Codecs) -> Guess:
    """The best guess for what a connector read of a message."""
    given = [name_reading(each) for each in uplink.values[:MOST_READINGS]]
    best = Guess(model="", codec=CodecRef(), readings=given, confidence=score(given))
    if not uplink.payload:
        return best
    tried = _candidates(models)
    jobs = [await _job(uplink, codec, codecs=codecs) for _, codec in tried]
    decoded: list[Decoded] = await codecs.pool.decode(jobs)
    for (model, codec), answer in zip(tried, decoded, strict=True):
        readings = [name_reading(each) for each in answer.readings[:MOST_READINGS]]
        known = (
            [each for each in readings if each.quantity] if codec.kind == "cayenne" else readings
        )
        confidence = score(known) * _trust(codec, uplink.profile)
        if not answer.errors and confidence > best.confidence:
            best = Guess(model=model, codec=codec, readings=readings, confidence=confidence)
    return best


async def _job(uplink: Uplink, codec: CodecRef, *, codecs: Codecs) -> DecodeJob:
    scripted = codec.kind == "javascript"
    return DecodeJob(
        codec=codec,
        script=await codecs.script(codec.name, codec.version) if scripted else "",
        payload=uplink.payload or b"",
        f_port=uplink.f_port,
        received_ms=int(datetime.now(UTC).timestamp() * 1000),
    )


def _candidates(models: Sequence[Model]) -> list[tuple[str, CodecRef]]:
    """(model, codec) worth trying: what is registered first, then every Python codec, Cayenne last."""
    scripts = [each for each in models if each.codec.kind == "javascript"][:MOST_SCRIPTS]
    native = [each for each in models if each.codec.kind in {"python", "cayenne", "senml"}]
    known = [(each.id, each.codec) for each in (*native, *scripts)]
    names = {codec.name for _, codec in known}
    python = [
        (each.name, CodecRef(kind="python", name=each.name, version=each.version))
        for each in device_codecs().values()
        if each.name not in names
    ]
    return [*known, *python, ("cayenne_lpp", CodecRef(kind="cayenne", name="cayenne", version=1))]


def _trust(codec: CodecRef, profile: str) -> float:
    """How far a plausible reading may be believed.

    A profile that names the device says most. Cayenne's bytes name their own types, the generic ones
    too, so that a payload that reads whole is hardly an accident; any other bytes of the right length
    may look plausible under a foreign codec.
    """
    known = device_codecs().get(codec.name)
    if known is not None and any(word in profile.lower() for word in known.profiles):
        return 1.0
    return 0.95 if codec.kind == "cayenne" else 0.9


def sample_bytes(text: str) -> bytes:
    """A sample as a person pastes it: hex, base64 or plain text."""
    bare = "".join(text.split())
    try:
        return bytes.fromhex(bare)
    except ValueError:
        pass
    try:
        return base64.b64decode(bare, validate=True)
    except ValueError:
        return text.encode()
