"""The store's public face, as types: what each part promises to the rooms above."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from clapas.domain.access import RowFilter
from clapas.domain.device import (
    Binding,
    CodecRef,
    Device,
    Entity,
    Gateway,
    Model,
    Series,
    SeriesKey,
)
from clapas.domain.message import Observation, ObservationBatch, Outcome
from clapas.domain.window import Window
from clapas.store.values import (
    Aggregate,
    Claim,
    Commune,
    DailyRow,
    DeviceRow,
    EntityRow,
    Frame,
    Known,
    Latest,
    LogCount,
    LogName,
    MapColumns,
    ObservationRow,
    Page,
    Proposal,
    RawRow,
    Reject,
    Seen,
    SeriesHistory,
    StateRow,
    Step,
    TypeCount,
)

Bbox = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""


class Messages(Protocol):
    """Logs and claims: which message is whose, and which is a duplicate (law 3)."""

    async def log_id(self, name: str, incarnation: str) -> int:
        """The number of a log's incarnation (its creation time); made on first use, 1 to 32767."""

    async def logs(self) -> list[LogName]:
        """Every log incarnation known."""

    async def claim(self, claims: Sequence[Claim]) -> list[bool]:
        """For each claim, in order: True = mine (first, or the same (log, sequence) again).

        False = another message had this identity within ten minutes of its own time; later than
        that it is a counter reset, and mine. One statement.
        """

    async def purge(self, *, older_than_hours: int = 48) -> int:
        """Forget claims made long ago; gives how many."""


class Registry(Protocol):
    """Devices, models, codec scripts, bindings, gateways."""

    async def resolve(self, keys: Collection[str]) -> dict[str, Known]:
        """External device ids → what decoding needs; unknown ids are absent. Cached in memory."""

    async def touch(self, seen: Mapping[str, Seen]) -> None:
        """Devices were heard; the newest wins. One statement."""

    async def propose(self, proposals: Sequence[Proposal]) -> None:
        """Keep unknown devices as lifecycle 'proposed'; those already known are left alone."""

    async def devices(
        self,
        rows: RowFilter,
        *,
        q: str = "",
        source: str = "",
        model: str = "",
        lifecycle: str = "",
        commune: str = "",
        after: str | None = None,
        limit: int = 50,
    ) -> Page[DeviceRow]:
        """Devices by key, filtered; ``q`` looks into key and name, without case or accents."""

    async def device(self, key: str) -> DeviceRow:
        """One device. Raises NotFound."""

    async def save_devices(self, devices: Sequence[Device], *, simulated: bool = False) -> None:
        """Create or replace devices by key."""

    async def remove_devices(self, keys: Collection[str]) -> int:
        """Remove devices with their bindings (their history stays)."""

    async def models(self) -> list[Model]:
        """Every model, by id."""

    async def model(self, id: str) -> Model:  # noqa: A002
        """One model. Raises NotFound."""

    async def save_models(self, models: Sequence[Model]) -> None:
        """Create or replace models by id."""

    async def save_script(self, name: str, script: str, *, mode: str = "ttn") -> CodecRef:
        """Keep a codec's script; an unchanged text keeps its version, a new one gets the next."""

    async def script(self, name: str, version: int) -> str:
        """The text of one version. Raises NotFound."""

    async def bind(self, device: str, bindings: Sequence[Binding]) -> None:
        """Replace the bindings of a device (by key). Raises NotFound."""

    async def bindings_of(self, entity: str) -> list[tuple[str, Binding]]:
        """(device key, binding) of every binding to an entity."""

    async def save_gateways(self, gateways: Sequence[Gateway]) -> None:
        """Create or refresh gateways."""

    async def gateways(self) -> list[Gateway]:
        """Every gateway, by id."""

    async def freshness(self, rows: RowFilter, *, now: datetime) -> dict[str, int]:
        """Counts for the home page: devices, seen_1h, late (> 2 intervals), silent (> 5), never."""

    async def remove_simulated(self) -> dict[str, int]:
        """Take the demonstration away: devices, entities, series, state; gives counts by table."""


class SeriesStore(Protocol):
    """Series numbers."""

    async def ensure(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Series]:
        """The series of each key, created when missing. Cached; one statement for the misses."""

    async def by_id(self, rows: RowFilter, series: Collection[int]) -> dict[int, Series]:
        """Those of the numbers that exist and may be seen."""

    async def of_entity(self, rows: RowFilter, entity: str) -> list[Series]:
        """Every series of an entity that may be seen."""


class History(Protocol):
    """Raw messages, observations and outcomes in ClickHouse."""

    async def write(
        self,
        raw: Sequence[RawRow],
        observations: Sequence[Observation],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Keep a batch, durable on return; outcomes last. A redelivered batch changes nothing."""

    async def read(
        self,
        rows: RowFilter,
        series: Sequence[int],
        window: Window,
        *,
        step: Step = "auto",
        aggregate: Aggregate = "mean",
        max_points: int = 2000,
    ) -> list[SeriesHistory]:
        """The history of series that may be seen, in their order; the tail of API writes included.

        Aggregates use the usable values of a step; 'raw' gives every value up to a bound.
        """

    async def daily(self, rows: RowFilter, quantity: str, window: Window) -> list[DailyRow]:
        """Minimum, mean and maximum of one quantity per civil day, over all visible series."""

    async def texts(
        self, rows: RowFilter, series: Sequence[int], window: Window, *, limit: int = 1000
    ) -> list[ObservationRow]:
        """Text and structured values of series, newest first."""

    async def observation(self, series: int, measured: int) -> ObservationRow:
        """One value with its provenance. Raises NotFound."""

    async def of_messages(self, log: int, first: int, last: int) -> list[ObservationRow]:
        """The final values that the messages first…last of a log gave, for replay to compare."""

    async def next_generation(self) -> int:
        """A new generation number, above all before."""


class State(Protocol):
    """Present values in PostgreSQL."""

    async def upsert(self, rows: Sequence[StateRow]) -> None:
        """Keep the newer measured value of each series. One statement."""

    async def latest(
        self,
        rows: RowFilter,
        *,
        entities: Collection[str] | None = None,
        series: Collection[int] | None = None,
        attribute: str = "",
        quantity: str = "",
        limit: int = 100_000,
    ) -> list[Latest]:
        """Present values that may be seen, of these entities or series (None: all)."""


class Entities(Protocol):
    """The things of the city."""

    async def upsert(self, entities: Sequence[Entity]) -> None:
        """Create or refresh entities; an empty field of the newcomer keeps what was known."""

    async def page(
        self,
        rows: RowFilter,
        *,
        type: str = "",  # noqa: A002
        q: str = "",
        commune: str = "",
        bbox: Bbox | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[EntityRow]:
        """Entities by id, filtered; ``q`` looks into id and name, without case or accents."""

    async def get(self, rows: RowFilter, id: str) -> EntityRow:  # noqa: A002
        """One entity. Raises NotFound, also when it may not be seen."""

    async def types(self, rows: RowFilter) -> list[TypeCount]:
        """Types with the number of visible entities."""

    async def map(
        self,
        rows: RowFilter,
        *,
        type: str = "",  # noqa: A002
        bbox: Bbox | None = None,
        limit: int = 100_000,
    ) -> MapColumns:
        """All located entities, column by column, with their headline value."""

    async def remove(self, ids: Collection[str]) -> int:
        """Remove entities with their series and state; their history is withdrawn from reads."""


class Rejects(Protocol):
    """Messages that could not be kept."""

    async def keep(self, rejects: Sequence[Reject]) -> None:
        """Keep a batch of rejects; the same (log, sequence) is one reject. One statement."""

    async def page(
        self, *, source: str = "", reason: str = "", after: str | None = None, limit: int = 50
    ) -> Page[Reject]:
        """Rejects that wait, newest first."""

    async def by_id(self, ids: Collection[int]) -> list[Reject]:
        """Rejects by number."""

    async def retried(self, ids: Collection[int]) -> None:
        """Mark rejects as sent through the main path again."""


class Ledger(Protocol):
    """The count of messages, recomputed from outcome rows (law 4)."""

    async def counts(self, log: int, upto: int | None = None) -> list[LogCount]:
        """Messages by source, result and reason, up to a sequence included (None: all)."""

    async def outcomes_upto(self, log: int, sequence: int) -> int:
        """How many messages of a log up to a sequence have their outcome."""

    async def missing(self, log: int, first: int, last: int, *, limit: int = 1000) -> list[int]:
        """Sequences between first and last without an outcome."""

    async def last_by_source(self) -> dict[str, tuple[int, int, int]]:
        """Source → (last received ms, messages in 24 h, rejects in 24 h)."""

    async def rates(self, *, minutes: int = 60) -> list[int]:
        """Messages per minute received over the last minutes, oldest first."""


class Raw(Protocol):
    """Raw messages, the truth that is replayed."""

    async def by_sequence(self, log: int, sequence: int) -> Frame:
        """One raw message and its outcome. Raises NotFound (never kept, or past its retention)."""

    async def by_sequences(self, pairs: Collection[tuple[int, int]]) -> list[RawRow]:
        """Raw messages by (log, sequence)."""

    def read(
        self, window: Window, *, model: str = "", device: str = "", batch: int = 5000
    ) -> AsyncIterator[list[RawRow]]:
        """Raw messages received in a window, in batches by (log, sequence), for replay."""

    async def frames(
        self, device: str, *, after: str | None = None, limit: int = 50
    ) -> Page[Frame]:
        """The last frames of a device, newest first."""

    async def oldest(self) -> datetime | None:
        """When the oldest raw message still kept was received; replay refuses before it."""


class Rollups(Protocol):
    """Hours and civil days, rebuilt from final rows of dirty buckets."""

    async def refresh(self, *, limit: int = 500) -> int:
        """Rebuild dirty buckets; gives how many. Safe to run at any time, by several."""

    async def pending(self) -> int:
        """How many buckets wait."""


class Writes(Protocol):
    """Writes through an API: one PostgreSQL transaction, relayed afterwards."""

    async def put(self, rows: Sequence[StateRow], *, entities: Sequence[Entity] = ()) -> None:
        """Entities, state, history tail and outbox in one transaction; read at once."""

    async def withdraw(self, series: Collection[int], window: Window | None = None) -> None:
        """Delete values (all of a series, or a window), fenced against writes still on their way."""

    async def relay(self, *, limit: int = 1000) -> list[ObservationBatch]:
        """Move waiting writes to ClickHouse, give the batches to publish, then call ``relayed``."""

    async def relayed(self) -> int:
        """Forget the outbox rows given by the last ``relay`` of this store."""


class Territory(Protocol):
    """The territory: name, timezone, communes."""

    async def save(
        self, *, name: str, siren: str, timezone: str, communes: Sequence[Commune]
    ) -> None:
        """Replace the territory."""

    async def get(self) -> dict[str, str | list[float]]:
        """name, siren, timezone, bbox. Raises NotFound when none was created."""

    async def communes(self) -> list[Commune]:
        """Communes by name."""

    async def commune_at(self, points: Sequence[tuple[float, float]]) -> list[str]:
        """The INSEE code of the commune that holds each (longitude, latitude), '' outside."""


class Retention(Protocol):
    """What is kept how long, with proof of what was deleted."""

    async def apply(self, *, now: datetime) -> list[dict[str, str | int]]:
        """Delete what is past its time; gives and keeps one proof per table and partition."""


class Backup(Protocol):
    """Copies of both engines."""

    async def dump(self, directory: Path) -> dict[str, int]:
        """Write a consistent copy; gives rows by table."""

    async def restore(self, directory: Path) -> dict[str, int]:
        """Load a copy into empty databases; gives rows by table. Raises Conflict if not empty."""
