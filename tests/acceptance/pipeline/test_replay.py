"""Replay: a corrected codec says what it would change, changes it once, and notifies nobody."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.acceptance.pipeline.conftest import RECEIVED, device
from tests.acceptance.pipeline.test_one_message import lorawan

from clapas.bus import Delivery
from clapas.domain.access import RowFilter
from clapas.domain.device import Model
from clapas.domain.errors import InvalidInput
from clapas.domain.window import Window, instant
from clapas.pipeline import Ports, handle
from clapas.pipeline.replay import Difference, replay

pytestmark = pytest.mark.engines
ALL = RowFilter(everything=True)
KEY = "0011223344556677"
TOPIC = f"application/1/device/{KEY}/event/up"
WINDOW = Window(instant(RECEIVED) - timedelta(hours=1), instant(RECEIVED) + timedelta(hours=1))
WRONG = "function decodeUplink(i){ return {data:{temperature:i.bytes[0], extra: 1}} }"
RIGHT = "function decodeUplink(i){ return {data:{temperature:i.bytes[0]/2, level: 0.3}} }"


async def with_codec(ports: Ports, script: str) -> None:
    codec = await ports.store.models.save_script("thermo", script)
    await ports.store.models.save([Model(id="thermo", label="Thermo", codec=codec)])
    await ports.store.registry.save_devices([device(KEY, model="thermo")])


async def replayed(ports: Ports, *, commit: bool) -> Difference:
    return [found async for found in replay(ports, WINDOW, commit=commit)][-1]


async def temperatures(ports: Ports) -> list[float]:
    (now,) = [
        each for each in await ports.store.state.latest(ALL) if each.attribute == "temperature"
    ]
    (history,) = await ports.store.history.read(ALL, [now.series], window=WINDOW, step="raw")
    return history.values


async def test_a_corrected_codec(ports: Ports, logged: Callable[..., Delivery]) -> None:
    await with_codec(ports, WRONG)
    frames = [logged(lorawan(bytes([40 + n]), n + 1), topic=TOPIC) for n in range(3)]
    await handle(frames, ports)
    assert await temperatures(ports) == [40, 41, 42]
    unchanged = await replayed(ports, commit=False)
    assert (unchanged.values, unchanged.same) == (6, 6)

    await with_codec(ports, RIGHT)
    while (await ports.store.registry.resolve([KEY]))[KEY].script != RIGHT:
        pass
    tried = await replayed(ports, commit=False)
    assert (tried.changed, tried.added, tried.gone) == (3, 3, 3)
    assert await temperatures(ports) == [40, 41, 42], "a dry run writes nothing"

    done = await replayed(ports, commit=True)
    assert (done.changed, done.added, done.gone) == (3, 3, 3)
    assert await temperatures(ports) == [20, 20.5, 21]
    (now,) = [
        each for each in await ports.store.state.latest(ALL) if each.attribute == "temperature"
    ]
    assert now.value == 21
    again = await replayed(ports, commit=False)
    assert (again.changed, again.added, again.gone) == (0, 0, 0)


async def test_what_is_no_longer_kept_cannot_be_replayed(ports: Ports) -> None:
    with pytest.raises(InvalidInput):
        await replayed(ports, commit=False)
