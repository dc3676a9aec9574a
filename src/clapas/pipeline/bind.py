"""Step 3: device channel → attribute of an entity, value in the quantity's own unit.

Times are the reading's own, else the uplink's, else when the door received it.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from clapas.domain.device import Series, SeriesKey
from clapas.domain.message import Observation, Reading, Value
from clapas.domain.window import milliseconds
from clapas.pipeline.batch import Batch, Bound, Item
from clapas.pipeline.memory import ChannelMemory, Plan
from clapas.pipeline.ports import Ports


async def bind(batch: Batch, ports: Ports) -> Batch:
    """Turn readings into observations; series that are new are created for the whole batch at once."""
    planned = [(item, _planned(item, ports.memory)) for item in batch.items]
    keys = {plan.key for _, plans in planned for plan, _ in plans}
    numbers = await ports.store.series.ensure(keys) if keys else {}
    bound = tuple(_bound(item, plans, numbers=numbers, batch=batch) for item, plans in planned)
    return msgspec.structs.replace(batch, items=(), bound=bound)


def _bound(
    item: Item,
    plans: list[tuple[Plan, Reading]],
    *,
    numbers: Mapping[SeriesKey, Series],
    batch: Batch,
) -> Bound:
    delivery = batch.deliveries[item.delivery]
    received = delivery.message.received
    own = milliseconds(item.uplink.measured) if item.uplink.measured else received
    observations = tuple(
        Observation(
            numbers[plan.key].id,
            milliseconds(reading.measured) if reading.measured else own,
            _value(reading, plan),
            received,
            batch.logs[item.delivery],
            delivery.sequence,
            0,
            item.codec,
        )
        for plan, reading in plans
    )
    places = tuple((plan.key.entity, plan.key.attribute, plan.key.quantity) for plan, _ in plans)
    return Bound(item, observations, places)


def _planned(item: Item, memory: ChannelMemory) -> list[tuple[Plan, Reading]]:
    found: list[tuple[Plan, Reading]] = []
    for reading in item.readings:
        moment = reading.measured or item.uplink.measured
        found.extend(
            (plan, reading) for plan in memory.plans(item, reading) if _holds(plan, moment)
        )
    return found


def _holds(plan: Plan, moment: datetime | None) -> bool:
    if moment is None or (plan.start is None and plan.end is None):
        return plan.end is None
    return (plan.start is None or plan.start <= moment) and (plan.end is None or moment < plan.end)


def _value(reading: Reading, plan: Plan) -> Value:
    value = reading.value
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return value * plan.scale + plan.offset
    return value
