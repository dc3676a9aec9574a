"""What travels along the main path: frozen values, replaced at each step, never filled in."""

from typing import NamedTuple

import msgspec

from clapas.bus import Delivery
from clapas.domain.message import Observation, Reading, Uplink
from clapas.store import Known


class Refusal(NamedTuple):
    """Why a message, or one part of it, went no further: a stable code and a detail for people."""

    reason: str
    detail: str = ""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One uplink of one message, with what is known of its device."""

    delivery: int
    """Index of the message in the batch."""
    uplink: Uplink
    known: Known | None = None
    readings: tuple[Reading, ...] = ()
    codec: int = 0


class Bound(msgspec.Struct, frozen=True, gc=False):
    """An item with its observations, and for each of them the entity and attribute it belongs to."""

    item: Item
    observations: tuple[Observation, ...] = ()
    places: tuple[tuple[str, str, str], ...] = ()
    """(entity, attribute, quantity) of each observation."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch on its way. ``refused`` holds, per message, the refusals of its parts."""

    deliveries: tuple[Delivery, ...]
    logs: tuple[int, ...]
    """The ledger's number of each delivery's log."""
    items: tuple[Item, ...] = ()
    bound: tuple[Bound, ...] = ()
    refused: dict[int, tuple[Refusal, ...]]
    origins: dict[int, Uplink]
    """The first uplink that each understood message holds: its connector, its device."""

    def refuse(self, delivery: int, refusal: Refusal) -> None:
        """Note a refusal; the only thing that grows in a batch."""
        self.refused[delivery] = (*self.refused.get(delivery, ()), refusal)
