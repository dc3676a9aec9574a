"""Devices, their models and bindings, and the entities of the city that they measure."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Lifecycle = Literal["proposed", "stock", "to_install", "active", "maintenance", "retired"]


class CodecRef(msgspec.Struct, frozen=True, gc=False):
    """Which codec decodes: ``kind`` 'python' | 'javascript' | 'cayenne' | 'senml' | 'none'.

    ``name`` is the Python codec's module name or the script's name; ``mode`` 'ttn' or 'chirpstack';
    ``version`` the number that every value keeps (0: the values came decoded).
    """

    kind: str = "none"
    name: str = ""
    mode: str = "ttn"
    version: int = 0


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A device model: how its bytes are read and what is expected of it."""

    id: str
    label: str
    maker: str = ""
    codec: CodecRef = CodecRef()
    interval_s: int | None = None
    """Expected time between two uplinks, seconds."""
    quantities: dict[str, str] = {}
    """channel → quantity key, for codecs that do not say it themselves."""
    units: dict[str, str] = {}
    """channel → UN/CEFACT code of the value as decoded, when it is not the quantity's own."""
    settings: dict[str, Any] = {}


class Binding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Device channel → entity attribute, between two dates; kept value = value · scale + offset."""

    channel: str
    entity: str
    attribute: str
    quantity: str = ""
    scale: float = 1.0
    offset: float = 0.0
    start: datetime | None = None
    end: datetime | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device of the fleet. ``key`` is its external id (EUI-64 or the sender's own name)."""

    id: UUID
    key: str
    source: str = ""
    model: str = ""
    name: str = ""
    lifecycle: Lifecycle = "active"
    longitude: float | None = None
    latitude: float | None = None
    commune: str = ""
    owner: str = ""
    tags: dict[str, str] = {}
    created: datetime | None = None
    last_seen: datetime | None = None


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the city. ``type`` is a Smart Data Models name; place in WGS 84 degrees."""

    id: str
    type: str
    name: str = ""
    longitude: float | None = None
    latitude: float | None = None
    geometry: dict[str, Any] | None = None
    commune: str = ""
    dataset: str = ""
    """The dataset record (charter) that rules who sees it; '' = the default internal record."""
    simulated: bool = False
    relations: dict[str, str] = {}


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A radio gateway: EUI-64, place, when it was last heard."""

    id: str
    name: str = ""
    longitude: float | None = None
    latitude: float | None = None
    last_seen: datetime | None = None


class SeriesKey(msgspec.Struct, frozen=True, gc=False):
    """What a series is about: entity, attribute (short name or IRI), NGSI-LD dataset id."""

    entity: str
    attribute: str
    quantity: str = ""
    dataset_id: str = ""
    tenant: str = ""


class Series(msgspec.Struct, frozen=True, gc=False):
    """A series with its number, the only thing that history rows carry."""

    id: int
    key: SeriesKey
    dataset: str = ""
