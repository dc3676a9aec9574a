"""The values that go in and out of the store. Times in milliseconds are since 1970 UTC."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from clapas.domain.device import Binding, Device, Entity, Model
from clapas.domain.message import Value

Item = TypeVar("Item")

Aggregate = Literal["mean", "min", "max", "sum", "count"]
Step = Literal["auto", "raw", "hour", "day"] | int
"""'auto' chooses by ``max_points``; a number is a step in seconds."""


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list; ``next`` is the opaque cursor of the following one, None at the end."""

    items: list[Item]
    next: str | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A message's claim to be the first of its identity (16 bytes), at its own time."""

    digest: bytes
    log: int
    sequence: int
    own_time_ms: int


class RawRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A raw message as history keeps it, with what its connector read of it.

    ``payload`` is the body at the door, ``frame`` the device's own bytes inside it; ``radio`` a JSON
    array of receptions; ``codec`` the version that decoded it (0: came decoded).
    """

    log: int
    sequence: int
    source: str
    received: int
    payload: bytes
    topic: str = ""
    kind: str = "up"
    device: str = ""
    model: str = ""
    message_id: str = ""
    idempotency: str = ""
    sender: str = ""
    measured: int | None = None
    sent: int | None = None
    f_port: int | None = None
    f_cnt: int | None = None
    frame: bytes = b""
    radio: str = ""
    frequency_hz: int | None = None
    data_rate: str = ""
    codec: int = 0


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A raw row with what became of it."""

    raw: RawRow
    result: str = ""
    reason: str = ""
    observations: int = 0


class StateRow(msgspec.Struct, frozen=True, gc=False):
    """The present value of one series; the newer ``measured`` wins."""

    series: int
    entity: str
    attribute: str
    value: Value
    measured: int
    received: int
    quality: int = 0
    log: int = 0
    sequence: int = 0
    codec: int = 0


class Latest(msgspec.Struct, frozen=True, gc=False):
    """A present value as it is read, with its series' quantity."""

    series: int
    entity: str
    attribute: str
    quantity: str
    value: Value
    measured: int
    received: int
    quality: int
    log: int
    sequence: int
    codec: int


class Known(msgspec.Struct, frozen=True):
    """A device with all that decoding needs: its model, the codec's script, the open bindings."""

    device: Device
    model: Model | None = None
    script: str = ""
    bindings: tuple[Binding, ...] = ()


class Seen(msgspec.Struct, frozen=True, gc=False):
    """A device was heard: when (ms) and how (RSSI dBm, SNR dB, by which gateway)."""

    received: int
    rssi: float | None = None
    snr: float | None = None
    gateway: str = ""
    battery_level: float | None = None
    """0 to 1; None leaves the last one known."""


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """An unknown device that was heard: it waits, proposed, for somebody to accept it."""

    key: str
    source: str
    profile: str = ""
    name: str = ""
    model: str = ""


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device as lists show it: with its last reception and its expected interval (seconds)."""

    device: Device
    rssi: float | None = None
    snr: float | None = None
    gateway: str = ""
    battery_level: float | None = None
    interval_s: int | None = None
    simulated: bool = False
    model_label: str = ""


class EntityRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entity as lists show it; ``headline`` is its most telling present value."""

    entity: Entity
    updated: datetime | None = None
    headline: Latest | None = None


class MapColumns(msgspec.Struct, frozen=True, kw_only=True):
    """All points of a map, column by column; ``measured`` in ms (None: never)."""

    ids: list[str]
    types: list[str]
    longitudes: list[float]
    latitudes: list[float]
    measured: list[int | None]
    values: list[float | None]
    qualities: list[int]
    etag: str


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be kept, with its reason and the beginning of its body."""

    log: int
    sequence: int
    source: str
    reason: str
    received: int
    device: str = ""
    detail: str = ""
    topic: str = ""
    preview: bytes = b""
    id: int = 0
    retried: datetime | None = None


class LogCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of one source ended one way, counted from outcome rows."""

    source: str
    result: str
    reason: str
    messages: int


class LogName(msgspec.Struct, frozen=True):
    """A log's incarnation and its number."""

    id: int
    name: str
    incarnation: str


class SeriesHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The history of one series, column by column. ``step`` in seconds, 0 = raw, 86400 = civil day.

    ``values`` holds the aggregate asked for; ``minimum`` and ``maximum`` keep the extremes of each
    step, so that a down-sampled chart never hides a peak. ``qualities`` joins the flags of the step.
    """

    series: int
    step: int
    times: list[int]
    values: list[float]
    minimum: list[float]
    maximum: list[float]
    counts: list[int]
    qualities: list[int]
    complete: bool = True
    """False when a limit cut the answer."""


class ObservationRow(msgspec.Struct, frozen=True, gc=False):
    """One kept value with its provenance (generation included), as replay compares it."""

    series: int
    measured: int
    value: Value
    received: int
    log: int
    sequence: int
    quality: int
    codec: int
    generation: int


class Commune(msgspec.Struct, frozen=True, kw_only=True):
    """A commune of the territory: INSEE code, simplified contour (GeoJSON), people, town hall."""

    code: str
    name: str
    population: int | None = None
    contour: dict[str, Any] | None = None
    longitude: float | None = None
    latitude: float | None = None
    townhall: dict[str, Any] | None = None


class TypeCount(msgspec.Struct, frozen=True):
    """How many visible entities have a type."""

    type: str
    count: int


class DailyRow(msgspec.Struct, frozen=True, gc=False):
    """One civil day of one quantity over all visible series."""

    day: str
    minimum: float
    mean: float
    maximum: float
    count: int
    series: int
