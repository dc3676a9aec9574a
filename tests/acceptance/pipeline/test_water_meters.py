"""Water meters of two kinds through the whole path: past indexes in LoRaWAN frames, telegrams in the clear."""

from __future__ import annotations

import base64
import json
import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.acceptance.pipeline.conftest import RECEIVED, device

from clapas.domain.access import RowFilter
from clapas.domain.device import CodecRef, Model
from clapas.domain.window import Window, instant
from clapas.pipeline import Ports, handle
from clapas.usecases.water.watch.night import night

if TYPE_CHECKING:
    from collections.abc import Callable

    from clapas.bus import Delivery

    Log = Callable[..., Delivery]

pytestmark = pytest.mark.engines
EUI = "0c1a10070000a1b2"
NUMBER = "12345678"
DAYS, LEAKING, PAST = 25, 6, 15
NOW = instant(RECEIVED).replace(minute=0, second=0, microsecond=0)


def indexes() -> list[int]:
    """Litres at each hour of a home that leaks 9 L/h during the last six days."""
    random = np.random.default_rng(8)
    hours = np.arange(DAYS * 24)
    used = random.gamma(0.4, 30.0, len(hours)) * (random.random(len(hours)) < 0.45)
    leaked = 9.0 * (hours >= (DAYS - LEAKING) * 24)
    return [int(each) for each in 1000 + np.cumsum(used + leaked)]


def moment(hour: int) -> datetime:
    return NOW - timedelta(hours=DAYS * 24 - 1 - hour)


def frame(litres: list[int], hour: int) -> bytes:
    """A Qalcosonic W1's extended frame of this hour: its index now, then those of sixteen past hours."""
    first = hour - PAST - 1
    body = struct.pack("<IBI", int(moment(hour).timestamp()), 0, litres[hour])
    body += struct.pack("<II", int(moment(first).timestamp()), litres[first])
    steps = (litres[first + n + 1] - litres[first + n] for n in range(PAST))
    return body + b"".join(struct.pack("<H", each) for each in steps)


def chirpstack(payload: bytes, counter: int, hour: int) -> bytes:
    return json.dumps(
        {
            "deduplicationId": f"00000000-0000-0000-0000-{counter:012d}",
            "time": moment(hour).isoformat(),
            "deviceInfo": {"devEui": EUI, "deviceProfileName": "qalcosonic"},
            "devAddr": "01020304",
            "fCnt": counter,
            "fPort": 100,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": [{"gatewayId": "aa00000000000001", "rssi": -101, "snr": -3.0}],
        }
    ).encode()


def telegram(litres: int, access: int) -> str:
    """An OMS telegram with the index in litres, eight packed digits."""
    digits = bytes.fromhex(f"{litres:08d}")[::-1].hex()
    body = f"44ee4d785634123c067a{access % 256:02x}000000" + f"0c13{digits}"
    return f"{len(body) // 2:02x}{body}"


async def test_sixteen_past_indexes_a_frame_make_the_hours_and_the_leak(
    ports: Ports, logged: Log
) -> None:
    litres = indexes()
    model = Model(id="w1", label="W1", codec=CodecRef(kind="python", name="axioma_w1"))
    await ports.store.models.save([model])
    await ports.store.registry.save_devices([device(EUI, model="w1")])
    topic = f"application/a/device/{EUI}/event/up"
    frames = [
        logged(chirpstack(frame(litres, hour), number, hour), topic=topic)
        for number, hour in enumerate(range(20, DAYS * 24, 12), start=1)
    ]
    frames[3], frames[4] = frames[4], frames[3]
    kept = await handle([*frames, frames[7]], ports)
    assert {each.result for each in kept.outcomes} <= {"stored", "duplicate"}
    told = await night(ports.store, now=NOW)
    assert (told["meters"], told["alerts"]) == (1, 1)
    assert told["readings"] >= len(litres) - 40
    cases = await ports.store.water.page(RowFilter(everything=True))
    assert 8.0 <= cases.items[0].rate <= 11.0
    assert cases.items[0].entity == f"urn:ngsi-ld:Device:{EUI}"


async def test_telegrams_heard_by_two_gateways_make_one_meter_and_its_leak(
    ports: Ports, logged: Log
) -> None:
    litres = indexes()
    await ports.store.registry.save_devices([device(NUMBER)])
    deliveries = [
        logged(
            telegram(each, hour).encode(),
            topic=f"wmbus/{gateway}/telegram",
            received=int(moment(hour).timestamp() * 1000) + late,
        )
        for hour, each in enumerate(litres)
        for gateway, late in (("toit", 0), ("clocher", 900))
    ]
    kept = await handle(deliveries, ports)
    results = [each.result for each in kept.outcomes]
    assert (results.count("stored"), results.count("duplicate")) == (len(litres), len(litres))
    told = await night(ports.store, now=NOW)
    assert (told["meters"], told["readings"], told["alerts"]) == (1, len(litres) - 1, 1)
    series = await ports.store.state.latest(RowFilter(everything=True), quantity="water_index")
    assert (series[0].entity, series[0].value) == (
        f"urn:ngsi-ld:Device:{NUMBER}",
        litres[-1] / 1000,
    )
    window = Window(datetime(2026, 5, 1, tzinfo=UTC), NOW + timedelta(hours=1))
    (history,) = await ports.store.history.read(
        RowFilter(everything=True), [series[0].series], window=window, step="raw", max_points=10_000
    )
    assert len(history.times) == len(litres)
