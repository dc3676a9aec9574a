"""What the pipeline remembers of each device's channels, so that a reading costs one look-up.

A plan holds as long as the registry hands out the same ``Known`` value: a changed device, model or
binding is a new value, and the memory of the old one is dropped.
"""

from datetime import datetime

import msgspec

from clapas.codecs import guess
from clapas.domain.device import Binding, SeriesKey
from clapas.domain.identifiers import device_entity
from clapas.domain.message import Reading
from clapas.domain.quantities import QUANTITIES
from clapas.pipeline.batch import Item
from clapas.store import Known


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Where one channel goes between two dates, and how its value becomes the kept one."""

    key: SeriesKey
    scale: float = 1.0
    offset: float = 0.0
    start: datetime | None = None
    end: datetime | None = None


class ChannelMemory:
    """Plans by (device or entity, channel); bounded, about 80,000 devices with five channels."""

    def __init__(self, limit: int = 400_000) -> None:
        self._limit = limit
        self._plans: dict[tuple[str, str], tuple[Known | None, tuple[Plan, ...]]] = {}

    def plans(self, item: Item, reading: Reading) -> tuple[Plan, ...]:
        """What to do with this channel of this device."""
        place = (reading.entity or item.uplink.device, reading.channel)
        remembered = self._plans.get(place)
        if remembered is not None and remembered[0] is item.known:
            return remembered[1]
        plans = _decide(item, reading)
        if len(self._plans) >= self._limit:
            self._plans.clear()
        self._plans[place] = (item.known, plans)
        return plans


def _decide(item: Item, reading: Reading) -> tuple[Plan, ...]:
    quantity, scale, offset = _quantity(item, reading)
    bindings = [
        b for b in (item.known.bindings if item.known else ()) if b.channel == reading.channel
    ]
    if bindings:
        guessed = _guessed(item, reading)
        return tuple(
            _bound_plan(each, quantity, scale=1.0, offset=0.0)
            if guessed and (each.scale, each.offset) != (1.0, 0.0)
            else _bound_plan(each, quantity, scale=scale, offset=offset)
            for each in bindings
        )
    entity = reading.entity or device_entity(item.uplink.device)
    attribute = (
        QUANTITIES[quantity].ngsi if _telling(quantity, reading.channel) else reading.channel
    )
    return (Plan(SeriesKey(entity, attribute, quantity), scale, offset),)


def _bound_plan(binding: Binding, quantity: str, *, scale: float, offset: float) -> Plan:
    key = SeriesKey(binding.entity, binding.attribute, binding.quantity or quantity)
    return Plan(
        key,
        scale * binding.scale,
        offset * binding.scale + binding.offset,
        binding.start,
        binding.end,
    )


def _quantity(item: Item, reading: Reading) -> tuple[str, float, float]:
    """The reading's own quantity, else the model's word for it, else what its name says."""
    if reading.quantity in QUANTITIES:
        return reading.quantity, 1.0, 0.0
    model = item.known.model if item.known else None
    unit = reading.unit
    if model is not None:
        unit = unit or model.units.get(reading.channel, "")
        named = model.quantities.get(reading.channel, "")
        if named in QUANTITIES:
            scale, offset = guess.conversion(unit, named)
            return named, scale, offset
    guessed = guess.quantity(reading.channel, unit, value=reading.value)
    return guessed if guessed is not None else ("", 1.0, 0.0)


def _guessed(item: Item, reading: Reading) -> bool:
    """Did only the channel's name tell its quantity? Then a binding's own scale is the whole conversion."""
    model = item.known.model if item.known else None
    named = model.quantities.get(reading.channel, "") if model is not None else ""
    return not ({reading.quantity, named} & set(QUANTITIES))


def _telling(quantity: str, channel: str) -> bool:
    """A channel that is the plain name of its quantity takes its NGSI-LD name; others keep theirs."""
    return quantity not in ("", "number") and channel in (quantity, QUANTITIES[quantity].ngsi)
