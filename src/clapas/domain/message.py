"""From the frame as received to the observation: the four values of the main path.

RawMessage  what a door wrote to a durable log, untouched
Uplink      the same, read by its connector: who sent it, when, which bytes
Reading     one decoded value, in the device's words and units
Observation one value of one series: quantity's own unit, quality, provenance
"""

from datetime import datetime
from typing import Any

import msgspec

from clapas.domain.device import Entity
from clapas.domain.quality import Quality

Value = float | str | bool | dict[str, Any] | list[Any] | None
"""What an attribute can hold; numbers are floats, geometry and structures are JSON."""


class RawMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message exactly as a door received it; the record format of the log ``UPLINK``.

    ``source`` is the connector's name; ``topic`` its address at the door (MQTT topic, HTTP path);
    ``received`` is in milliseconds since 1970 UTC; ``idempotency`` the sender's own key, if any;
    ``sender`` the authenticated principal's id ('' when the door has none).
    """

    source: str
    topic: str
    received: int
    payload: bytes
    idempotency: str = ""
    sender: str = ""


class Logged(msgspec.Struct, frozen=True, gc=False):
    """A raw message with its place in a durable log: the identity that the ledger counts by."""

    log: int
    sequence: int
    message: RawMessage


class Radio(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How one gateway heard a frame: RSSI in dBm, SNR in dB."""

    gateway: str
    rssi: float | None = None
    snr: float | None = None
    latitude: float | None = None
    longitude: float | None = None


class Uplink(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a connector understood of one raw message.

    ``device`` is the external id in lower case without separators for an EUI, else as sent.
    ``kind`` is 'up' for measurements; other events of a network server ('join', 'ack', 'status',
    'log', 'location', 'txack'…) are kept under their own name and decode to nothing.
    ``message_id`` is the sender's identity of the message (session and counter, deduplication id,
    idempotency key, or source and measured time), never its content alone.
    ``payload`` holds bytes for the model's codec, ``values`` what came decoded already; when both are
    present the model decides which is used.
    """

    source: str
    kind: str = "up"
    device: str
    message_id: str | None = None
    measured: datetime | None = None
    sent: datetime | None = None
    f_port: int | None = None
    f_cnt: int | None = None
    payload: bytes | None = None
    values: "tuple[Reading, ...]" = ()
    """Decoded at the source; codecs are skipped unless the model asks to decode ``payload``."""
    profile: str = ""
    """The network server's or feed's name of the device's model, to guess ours."""
    name: str = ""
    entities: tuple[Entity, ...] = ()
    """Feeds describe the things they speak of; the platform creates or refreshes them."""
    radio: tuple[Radio, ...] = ()
    frequency_hz: int | None = None
    data_rate: str = ""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One decoded value in the device's words.

    ``channel`` is the device's name of it ('temperature', 'index', 'ch2'); ``quantity`` a key of the
    vocabulary when the codec knows it, else ''; the value is already in the quantity's internal unit
    when ``quantity`` is set, else in ``unit`` (UN/CEFACT code, '' when unknown).
    ``measured`` overrides the uplink's time (a frame may carry several past indexes).
    """

    channel: str
    value: Value
    quantity: str = ""
    unit: str = ""
    measured: datetime | None = None
    entity: str = ""
    """Set by feeds whose message speaks of an entity and not of a device's channel."""


class Observation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One value of one series, ready to keep and to tell; the record of the log ``OBSERVATION``.

    Times are milliseconds since 1970 UTC. ``generation`` grows with each re-decode: the newest wins.
    ``deleted`` withdraws the value at (series, measured).
    """

    series: int
    measured: int
    value: Value
    received: int
    log: int
    sequence: int
    quality: int = int(Quality.GOOD)
    codec: int = 0
    generation: int = 0
    deleted: bool = False


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one logged message: its one row of the ledger.

    ``result`` is 'stored', 'duplicate' or 'rejected'; ``reason`` a stable code when rejected;
    ``observations`` how many values it gave (0 for an event such as a join).
    """

    log: int
    sequence: int
    source: str
    device: str
    result: str
    reason: str = ""
    detail: str = ""
    observations: int = 0
    received: int = 0


class ObservationBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message of the log ``OBSERVATION``; fields are only ever added.

    ``replayed`` batches correct history and notify nobody.
    """

    version: int = 1
    observations: list[Observation] = []
    replayed: bool = False
