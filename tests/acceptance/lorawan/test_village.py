"""A village points its gateways at Clapas: a fleet imported as documented joins, reports, and is commanded.

Everything is done as a person does it: the import of the simulator's file through the API, the pages' own answers,
a command; the gateways speak Semtech UDP for one fleet and Basics Station for the other.
"""

import asyncio
import csv
import json
import socket
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from clapas.bus import NatsBus
from clapas.ops.faults import LINK, Tree
from clapas.ops.simulate.mqtt_publisher import connect_packet, length, text
from clapas.ops.simulate_lorawan.device import Device
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.store import Store

pytestmark = pytest.mark.engines
PASSWORD = "une pierre du clapas 2026"
TOKEN = "jeton-des-passerelles"
FLEETS = {
    "udp": ("--seed", "village"),
    "station": ("--seed", "hameau", "--station", "--token", TOKEN),
}
COMMON = ("--devices", "6", "--gateways", "2", "--loss", "0")


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def simulate(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clapas", "simulate", "lorawan", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    return said.decode()


class Person:
    """An administrator with a browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def enter(self, token: str) -> None:
        """Open the first link, choose a password."""
        await self.post("/session/one-time", {"token": token})
        self.client.headers["X-Clapas-CSRF"] = self.client.cookies.get("clapas_csrf") or ""
        answer = await self.client.put("/api/v1/me/password", json={"password": PASSWORD})
        assert answer.status_code == 204, answer.text

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.client.post(f"/api/v1{path}", json=body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def import_devices(self, file: Path) -> dict[str, Any]:
        """Send a spreadsheet, apply it, wait for its report."""
        content = await asyncio.to_thread(file.read_bytes)
        answer = await self.client.post(
            "/api/v1/imports", params={"name": file.name}, content=content
        )
        number = answer.json()["number"]
        await self.post(f"/imports/{number}/apply")
        async with asyncio.timeout(300):
            while True:
                found = await self.get(f"/imports/{number}")
                if found["state"] in {"applied", "failed"}:
                    assert found["state"] == "applied", found
                    report: dict[str, Any] = found["report"]
                    return report
                await asyncio.sleep(0.5)


SETTINGS = """
[lorawan]
enabled = true
udp_port = {udp}
station_port = {station}
station_tokens = {{ "*" = "{token}" }}
"""


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[tuple[Tree, dict[str, int]]]:
    """A running platform whose gateways' doors are open."""
    ports = {"udp": free_port(socket.SOCK_DGRAM), "station": free_port(socket.SOCK_STREAM)}
    data = tmp_path / "data"
    await asyncio.to_thread(data.mkdir, mode=0o700)
    settings = SETTINGS.format(token=TOKEN, **ports)
    await asyncio.to_thread((data / "clapas.toml").write_text, settings)
    tree = Tree(data)
    try:
        await tree.start()
        yield tree, ports
    finally:
        await tree.stop()


async def settled(store: Store, bus: NatsBus) -> Ledger:
    while (ledger := await read_ledger(store, bus)).in_flight:
        await asyncio.sleep(0.3)
    return ledger


async def until(person: Person, number: int, state: str) -> dict[str, Any]:
    """Wait for a command's state."""
    async with asyncio.timeout(300):
        while True:
            rows = (await person.get("/commands", limit=50))["items"]
            found: dict[str, Any] = next(row for row in rows if row["id"] == number)
            if found["state"] == state:
                return found
            assert found["state"] not in {"failed", "expired"}, found
            await asyncio.sleep(0.5)


async def test_fleets_imported_as_documented_join_report_and_are_commanded(
    village: tuple[Tree, dict[str, int]], tmp_path: Path
) -> None:
    tree, ports = village
    addresses = tree.addresses()
    files = {name: tmp_path / f"{name}.csv" for name in FLEETS}
    for name, options in FLEETS.items():
        await simulate(*COMMON, *options, "--write-devices", str(files[name]))
    found = LINK.search(tree.link)
    assert found is not None
    async with (
        httpx.AsyncClient(base_url=found[1], timeout=30) as client,
        Store.open(addresses, pool=2) as store,
        NatsBus.open(addresses.nats) as bus,
    ):
        person = Person(client)
        await person.enter(found[2])
        for file in files.values():
            report = await person.import_devices(file)
            assert (report["created"], report["keys"], report["bad"]) == (6, 6, 0)
        said, commanded = await asyncio.gather(
            asyncio.gather(*(run(name, ports[name]) for name in FLEETS)),
            asyncio.gather(*(command(person, keys_of(file)) for file in files.values())),
        )
        ledger = await settled(store, bus)
        mine = next(each for each in ledger.by_source if each.source == "lorawan")
        assert ledger.balanced
        assert (mine.rejected, mine.duplicate) == (0, 0), "heard by two gateways, kept once"
        joined = said[0]["joined"] + said[1]["joined"]
        heard = said[0]["uplinks_heard"] + said[1]["uplinks_heard"]
        assert mine.stored >= joined + heard > joined >= 8, (mine, said)
        for device in commanded:
            await seen(person, device, joined)
        await chirpstack_gateway(person, addresses.nats)


async def run(name: str, port: int) -> dict[str, Any]:
    to = ("--to", f"127.0.0.1:{port}", "--uplinks-per-hour", "900", "--minutes", "1.2", "--json")
    report: dict[str, Any] = json.loads(await simulate(*COMMON, *FLEETS[name], *to))
    assert set(report["wrong"].values()) == {0}, report
    assert report["downlinks_received"] > 0
    return report


def keys_of(file: Path) -> set[str]:
    """The DevEUIs of a fleet."""
    return {row["dev_eui"] for row in csv.DictReader(file.read_text().splitlines())}


async def command(person: Person, fleet: set[str]) -> str:
    """A person commands a device of a fleet that has joined: sent in a window, acknowledged, and said so."""
    async with asyncio.timeout(300):
        while not (joined := [each for each in await joined_devices(person) if each in fleet]):
            await asyncio.sleep(0.5)
    device = joined[0]
    order = {"f_port": 10, "payload": "0102", "confirmed": True}
    number = (await person.post(f"/devices/{device}/commands", order))["id"]
    await until(person, number, "confirmed")
    rows = (await person.get("/radio/downlinks"))["items"]
    assert (device, "acknowledged") in [(row["device"], row["state"]) for row in rows]
    return device


async def joined_devices(person: Person) -> list[str]:
    rows = (await person.get("/radio/frames"))["items"]
    return [row["device"] for row in rows if row["direction"] == "up" and row["kind"] == "data"]


async def seen(person: Person, commanded: str, joined: int) -> None:
    """On the map, on the pages of the radio, and in the device's own radio."""
    shown = await person.get("/entities/map", type="Device")
    devices = {row["key"]: row for row in (await person.get("/devices", limit=100))["items"]}
    live = {key for key, row in devices.items() if row["state"] == "online"}
    assert len(live) == joined
    on_map = {each.rpartition(":")[2] for each in shown["ids"]}
    assert live <= on_map, (live, shown["ids"])
    gateways = (await person.get("/gateways"))["items"]
    assert {(row["door"], row["state"]) for row in gateways} == {
        ("udp", "online"),
        ("station", "online"),
    }
    assert {row["longitude"] is not None for row in gateways if row["door"] == "udp"} == {True}
    told = await person.get(f"/devices/{commanded}/radio")
    assert told["links"]["gateways"][0]["frames"] > 0
    assert told["keys"] == ["app_key"]
    cells = (await person.get("/radio/coverage"))["items"]
    assert sum(cell["devices"] for cell in cells) == joined
    entity = f"urn:ngsi-ld:Device:{commanded}"
    values = (await person.get(f"/entities/{entity}"))["attributes"]
    assert {"temperature_1", "humidity_2"} <= {each["attribute"] for each in values}, values


async def chirpstack_gateway(person: Person, nats: Any) -> None:
    """ChirpStack's own gateway software speaks to our broker under a key of its topic alone, and is answered."""
    device, eui = Device(1, "mqtt", place=(0, 0)), "0016c001ff10a235"
    key = device.eui.hex()
    await person.post("/devices", {"key": key, "name": "par MQTT", "source": "lorawan"})
    answer = await person.client.put(
        f"/api/v1/devices/{key}/keys", json={"app_key": device.app_key.hex()}
    )
    assert answer.status_code == 200, answer.text
    scopes = ["publish:topic", "subscribe:topic", f"topic:eu868/gateway/{eui}/#"]
    made = await person.post("/keys", {"name": "passerelle", "scopes": scopes})
    lora = {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}
    frame = {
        "phyPayload": b64encode(device.join()).decode(),
        "txInfo": {"frequency": 868100000, "modulation": {"lora": lora}},
        "rxInfo": {"gatewayId": eui, "rssi": -80, "snr": 8.0, "context": "AAAAAA=="},
    }
    reader, writer = await asyncio.open_connection(nats.mqtt_host, nats.mqtt_port)
    writer.write(connect_packet("passerelle", "passerelle", password=made["secret"]))
    assert (await reader.readexactly(4))[3] == 0
    wanted = text(f"eu868/gateway/{eui}/command/down") + b"\x00"
    writer.write(b"\x82" + length(len(wanted) + 2) + b"\x00\x01" + wanted)
    assert await reader.readexactly(5) == b"\x90\x03\x00\x01\x00"
    body = text(f"eu868/gateway/{eui}/event/up") + json.dumps(frame).encode()
    writer.write(b"\x30" + length(len(body)) + body)
    async with asyncio.timeout(120):
        said = await reader.readuntil(b"context")
    writer.close()
    down = said[said.index(b"{") :].decode()
    assert eui in down
    rows = (await person.get("/radio/frames", gateway=eui))["items"]
    assert rows[-1]["outcome"] == "accepted", rows
    assert rows[-1]["device"] == key
