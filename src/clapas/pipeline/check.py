"""Step 4: quality flags. Values are flagged, not dropped; only an impossible time is refused."""

import math
from datetime import UTC, datetime

import msgspec

from clapas.domain.message import Observation
from clapas.domain.quality import Quality
from clapas.domain.quantities import quantity
from clapas.domain.window import milliseconds
from clapas.pipeline.batch import Batch, Bound, Refusal
from clapas.pipeline.settings import Limits

EARLIEST = milliseconds(datetime(1970, 1, 2, tzinfo=UTC))
"""Clocks that were never set speak of 1970-01-01; real archives of a city begin later."""


def check(batch: Batch, limits: Limits) -> Batch:
    """Flag values out of range, late or from the future; refuse times that cannot be."""
    return msgspec.structs.replace(
        batch, bound=tuple(_checked(each, batch, limits=limits) for each in batch.bound)
    )


def _checked(bound: Bound, batch: Batch, *, limits: Limits) -> Bound:
    good: list[Observation] = []
    places: list[tuple[str, str, str]] = []
    for observation, place in zip(bound.observations, bound.places, strict=True):
        lag = observation.received - observation.measured
        if lag < -limits.future_reject_s * 1000 or observation.measured < EARLIEST:
            batch.refuse(bound.item.delivery, Refusal("impossible_time", place[1]))
            continue
        if isinstance(observation.value, float) and not math.isfinite(observation.value):
            batch.refuse(bound.item.delivery, Refusal("not_a_number", place[1]))
            continue
        flags = _flags(observation, place[2], lag=lag, limits=limits)
        good.append(
            observation
            if not flags
            else msgspec.structs.replace(observation, quality=observation.quality | flags)
        )
        places.append(place)
    return Bound(bound.item, tuple(good), tuple(places))


def _flags(observation: Observation, key: str, *, lag: int, limits: Limits) -> int:
    flags = 0
    if lag < -limits.future_flag_s * 1000:
        flags |= Quality.FUTURE
    elif lag > limits.late_s * 1000:
        flags |= Quality.LATE
    if isinstance(observation.value, float):
        known = quantity(key)
        if not known.low <= observation.value <= known.high:
            flags |= Quality.OUT_OF_RANGE
    return int(flags)
