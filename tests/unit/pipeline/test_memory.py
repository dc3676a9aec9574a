"""A binding's own scale is the whole conversion of a channel whose meaning was only guessed."""

from uuid import uuid4

import pytest

from clapas.domain.device import Binding, Device, Model
from clapas.domain.message import Reading, Uplink
from clapas.pipeline import ChannelMemory
from clapas.pipeline.batch import Item
from clapas.store import Known

ROOM = "urn:ngsi-ld:IndoorEnvironmentObserved:1"


def plan(scale: float, *, quantity: str = "", model: Model | None = None) -> float:
    """What 41 on the channel RH becomes."""
    binding = Binding(channel="RH", entity=ROOM, attribute="relativeHumidity", quantity="relative_humidity", scale=scale)  # fmt: skip
    known = Known(device=Device(id=uuid4(), key="a"), model=model, bindings=(binding,))
    reading = Reading("RH", 41.0, quantity)
    item = Item(0, Uplink(source="csv_drop", device="a"), known, (reading,))
    (found,) = ChannelMemory().plans(item, reading)
    return 41.0 * found.scale + found.offset


def test_a_scale_that_somebody_wrote_is_not_multiplied_by_a_guess() -> None:
    assert plan(0.01) == pytest.approx(0.41)
    assert plan(1.0) == pytest.approx(0.41)
    told = Model(id="m", label="M", quantities={"RH": "relative_humidity"}, units={"RH": "%"})
    assert plan(1.0, model=told) == pytest.approx(0.41)
    assert plan(0.5, quantity="relative_humidity") == pytest.approx(20.5)
