"""A village points its gateway at Clapas: devices of the registry join, report, and the ledger adds up."""

import asyncio
import csv
import json
import os
import socket
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from clapas.bus import NatsBus
from clapas.domain.access import RowFilter
from clapas.domain.device import Device, Model
from clapas.domain.keys import LORAWAN_ASK
from clapas.fleet.sealing import Sealer
from clapas.ops.faults import Tree
from clapas.orders import kept_secret
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.store import Store

pytestmark = pytest.mark.engines
SCRIPT = """
function decodeUplink(input) {
  return {data: {size: input.bytes.length, last: input.bytes[input.bytes.length - 1]}};
}
"""


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def simulate(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clapas", "simulate", "lorawan", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def register(store: Store, data: Path, fleet: Path) -> None:
    """What an import of the same file does: devices, with their keys sealed."""
    sealer = Sealer(kept_secret(data, "fleet"))
    text = await asyncio.to_thread(fleet.read_text)
    rows = list(csv.DictReader(text.splitlines()))
    codec = await store.models.save_script("village", SCRIPT)
    await store.models.save([Model(id="village", label="Village", codec=codec)])
    await store.registry.save_devices(
        [Device(id=uuid4(), key=row["dev_eui"], name=row["name"], model="village") for row in rows]
    )
    await store.fleet.save_sealed(
        [
            {
                "key": row["dev_eui"],
                "kind": "app_key",
                "sealed": sealer.seal(row["dev_eui"], "app_key", bytes.fromhex(row["app_key"])),
            }
            for row in rows
        ]
    )


async def settled(store: Store, bus: NatsBus) -> Ledger:
    while (ledger := await read_ledger(store, bus)).in_flight:
        await asyncio.sleep(0.3)
    return ledger


async def a_command_waits_for_its_device(store: Store, bus: NatsBus) -> None:
    """What the fleet's queue tells the network server is in the device's queue of downlinks."""
    device = (await store.registry.devices(RowFilter(everything=True))).items[0].device
    order = {
        "ask": "enqueue",
        "device": device.key,
        "f_port": 10,
        "data": "AQI=",
        "confirmed": True,
    }
    await bus.tell(LORAWAN_ASK, json.dumps(order).encode())
    queue = {"ask": "queue", "device": device.key}
    waiting = json.loads(await bus.ask(LORAWAN_ASK, json.dumps(queue).encode()))
    assert [each["f_port"] for each in waiting] == [10]


async def test_a_fleet_joins_and_reports_through_udp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_udp_port()
    monkeypatch.setenv("CLAPAS_LORAWAN__ENABLED", "true")
    monkeypatch.setenv("CLAPAS_LORAWAN__UDP_PORT", str(port))
    assert os.environ["CLAPAS_LORAWAN__UDP_PORT"] == str(port)
    data, fleet = tmp_path / "data", tmp_path / "fleet.csv"
    common = ("--devices", "6", "--gateways", "2", "--seed", "village", "--loss", "0")
    await simulate(*common, "--write-devices", str(fleet))
    tree = Tree(data)
    try:
        await tree.start()
        addresses = tree.addresses()
        async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
            await register(store, data, fleet)
            to = ("--to", f"127.0.0.1:{port}", "--uplinks-per-hour", "720")
            said = json.loads(await simulate(*common, *to, "--minutes", "0.6", "--json"))
            ledger = await settled(store, bus)
            mine = next(each for each in ledger.by_source if each.source == "lorawan")
            assert ledger.balanced
            assert mine.rejected == 0, mine
            assert mine.duplicate == 0, "each frame heard by two gateways is one message"
            assert mine.stored >= said["joined"] + said["uplinks_heard"] > said["joined"] > 0, (
                mine,
                said,
            )
            rows = RowFilter(everything=True)
            seen = {each.entity for each in await store.state.latest(rows)}
            assert len(seen) == said["joined"], "each device that joined has a present state"
            await a_command_waits_for_its_device(store, bus)
    finally:
        await tree.stop()
