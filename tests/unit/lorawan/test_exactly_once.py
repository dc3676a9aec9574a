"""Whatever the roads lose, double or reorder, each payload that a gateway heard is delivered exactly once."""

import asyncio
import tempfile
from base64 import b64decode
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.lorawan.parts import bench, registered

from clapas.ops.simulate_lorawan.device import Device

ROADS = st.lists(
    st.tuples(st.integers(0, 1), st.lists(st.integers(0, 12), max_size=4)), min_size=1, max_size=12
)
"""For each uplink: the device, and the delays of its copies (none: lost)."""


async def _deliver(
    roads: list[tuple[int, list[int]]],
) -> tuple[set[tuple[str, bytes]], list[tuple[str, bytes]]]:
    devices = [Device(number, "once", place=(0, 0)) for number in range(2)]
    for each in devices:
        each.rate = 5
    with tempfile.TemporaryDirectory() as folder:
        async with bench(Path(folder), *(registered(each) for each in devices)) as it:
            for each in devices:
                await it.join(each)
            heard: set[tuple[str, bytes]] = set()
            arrivals = []
            for at, (number, delays) in enumerate(roads):
                phy, data = devices[number].uplink()
                arrivals += [(at + delay, at, copy, phy) for copy, delay in enumerate(delays)]
                if delays:
                    heard.add((devices[number].eui.hex(), data))
            for moment, _at, copy, phy in sorted(arrivals):
                it.door.hear(phy, gateway=f"gw{copy}")
                if moment % 3 == 0:
                    await asyncio.sleep(0)
                if moment % 5 == 0:
                    it.server.network.dedup.forget()
            await it.settle()
            ups = it.events("up")
    return heard, [(up["deviceInfo"]["devEui"], b64decode(up["data"])) for up in ups]


@settings(max_examples=40)
@given(ROADS)
def test_each_payload_heard_is_delivered_exactly_once(roads: list[tuple[int, list[int]]]) -> None:
    heard, delivered = asyncio.run(_deliver(roads))
    assert len(delivered) == len(heard)
    assert set(delivered) == heard
