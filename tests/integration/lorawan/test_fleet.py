"""A simulated fleet, written apart from the server, joins and reports through Semtech UDP."""

import asyncio
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec

from clapas.domain.message import RawMessage
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.fleet import Fleet, Options


class Log:
    """A durable log in memory: what was published, in order."""

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []

    async def publish(self, message: RawMessage) -> int:
        self.messages.append(message)
        return len(self.messages)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [
            msgspec.json.decode(each.payload)
            for each in self.messages
            if each.topic.endswith(f"/event/{kind}")
        ]


def register(fleet: Fleet) -> MemoryDevices:
    return MemoryDevices(
        tuple(LorawanDevice(dev_eui=each.eui.hex(), app_key=each.app_key) for each in fleet.devices)
    )


async def first_joined(fleet: Fleet) -> Device:
    """The first device that has a session."""
    while True:
        found = next((each for each in fleet.devices if each.granted is not None), None)
        if found is not None:
            return found
        await asyncio.sleep(0.1)


async def test_the_fleet_reports_through_basics_station_with_its_token(tmp_path: Path) -> None:
    log = Log()
    settings = Settings(udp_port=-1, station_port=0, station_tokens={"*": "s3cret"})
    draft = Fleet(Options(devices=6, gateways=2))
    async with LorawanServer.open(
        settings, tmp_path, publish=log.publish, devices=register(draft)
    ) as server:
        assert server.station is not None
        options = Options(
            devices=6, gateways=2, station=True, port=server.station.port, token="s3cret", uplinks_per_hour=1800,
            duration=26, start_spread=0.5, confirmed=0.5, loss=0.0,
        )  # fmt: skip
        fleet = Fleet(options)
        report = await fleet.run()
    assert report["joined"] >= 4, report
    assert report["uplinks_heard"] > 0
    assert set(report["wrong"].values()) == {0}, report
    ups = log.events("up")
    assert {(each["deviceInfo"]["devEui"], each.get("fCnt", 0)) for each in ups} == set(fleet.heard)
    assert len(ups) == len(fleet.heard)
    assert report["acknowledged"] > 0
    assert report["gateway"]["timesync"] > 0


async def test_every_payload_heard_is_delivered_once_and_downlinks_fall_in_their_windows(
    tmp_path: Path,
) -> None:
    log = Log()
    settings = Settings(udp_port=0)
    draft = Fleet(Options(devices=12, gateways=3))
    async with LorawanServer.open(
        settings, tmp_path, publish=log.publish, devices=register(draft)
    ) as server:
        assert server.udp is not None
        options = Options(
            devices=12, gateways=3, port=server.udp.port, uplinks_per_hour=1800, duration=30, start_spread=1.0,
            confirmed=0.3, loss=0.05,
        )  # fmt: skip
        fleet = Fleet(options)
        running = asyncio.create_task(fleet.run())
        joined = await first_joined(fleet)
        item = await server.enqueue(joined.eui.hex(), f_port=7, data=b"hello", confirmed=True)
        report = await running
        figures = server.figures()
    assert report["joined"] >= 10, report
    assert report["wrong"] == {
        "wrong_window": 0,
        "wrong_frequency": 0,
        "wrong_data_rate": 0,
        "wrong_counter": 0,
    }
    assert report["downlinks_unclaimed"] == 0, report
    ups = log.events("up")
    delivered = [
        (each["deviceInfo"]["devEui"], each.get("fCnt", 0), b64decode(each["data"])) for each in ups
    ]
    assert len(delivered) == len({(eui, counter) for eui, counter, _data in delivered})
    assert {(eui, counter): data for eui, counter, data in delivered} == fleet.heard
    assert figures["rejected"] == {}
    assert joined.received == [b"hello"]
    assert item.state in {"sent", "acknowledged"}
    assert report["acknowledged"] > 0
