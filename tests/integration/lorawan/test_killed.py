"""The server is killed in full flight and started again: no device joins again, no counter comes back."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from clapas.ops.simulate_lorawan.fleet import Fleet, Options

_SERVER = """
import asyncio, json, sys
from pathlib import Path
from typing import Any
from clapas.lorawan.devices import LorawanDevice, MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings

async def main(folder, port, devices):
    log = open(Path(folder) / "log", "ab", buffering=0)
    async def publish(message):
        log.write(message.idempotency.encode() + b" " + message.payload + b"\\n")
        return 1
    register = MemoryDevices(tuple(LorawanDevice(dev_eui=eui, app_key=bytes.fromhex(key)) for eui, key in devices))
    async with LorawanServer.open(
        Settings(udp_port=port), Path(folder) / "state", publish=publish, devices=register
    ):
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])))
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def start(folder: Path, port: int, fleet: Fleet) -> asyncio.subprocess.Process:
    devices = json.dumps([(each.eui.hex(), each.app_key.hex()) for each in fleet.devices])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _SERVER,
        str(folder),
        str(port),
        devices,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def read_log(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    lines = (folder / "log").read_bytes().splitlines()
    pairs = (line.decode().split(" ", 1) for line in lines)
    return [(identity, json.loads(body)) for identity, body in pairs if identity.startswith("up:")]


async def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    port = free_port()
    options = Options(
        devices=8,
        gateways=2,
        port=port,
        uplinks_per_hour=1800,
        duration=34,
        start_spread=0.5,
        confirmed=0.5,
        loss=0.0,
    )
    fleet = Fleet(options)
    process = await start(tmp_path, port, fleet)
    running = asyncio.create_task(fleet.run())
    for wait in (18.0, 4.0):
        await asyncio.sleep(wait)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        process = await start(tmp_path, port, fleet)
    before = fleet.counts["uplinks_heard"]
    report = await running
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert set(report["wrong"].values()) == {0}, report
    assert fleet.counts["uplinks_heard"] > before
    joins = {each.eui.hex(): each.seen["joined"] for each in fleet.devices}
    assert set(joins.values()) <= {0, 1}, "nobody had to join again"
    events = read_log(tmp_path)
    names = {identity for identity, _event in events}
    assert len(events) == len(names), "no message was told twice"
    latest = max(event.get("fCnt", 0) for _identity, event in events)
    assert latest > 0
