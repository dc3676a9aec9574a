"""Notifications that must arrive: from sensors, over MQTT, and after a broker that was killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import httpx
import msgspec
import pytest
from tests.integration.context.receiver import Receiver

from clapas.bus import MemoryBus
from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation, ObservationBatch
from clapas.engines import EngineAddresses
from clapas.engines.ports import free_port
from clapas.store import Store
from clapas.store.values import StateRow

KILLED = """
import asyncio, os, sys
import httpx, msgspec
from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.engines import EngineAddresses
from clapas.store import Store

async def main():
    addresses = msgspec.json.decode(sys.argv[1], type=EngineAddresses)
    urn, uri = sys.argv[2:]
    settings = msgspec.structs.replace(CONFORMANCE, attempts=20)
    async with Store.open(addresses, pool=3) as store, open_door(
        store, None, charter=Charter.standard(), settings=settings
    ) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as api:
            wish = {"type": "Subscription", "entities": [{"id": urn, "type": "T"}],
                    "notification": {"endpoint": {"uri": uri}}}
            (await api.post("/subscriptions", json=wish)).raise_for_status()
            first = {"id": urn, "type": "T", "level": -1}
            (await api.post("/entities", json=first)).raise_for_status()
            for level in range(20):
                path = f"/entities/{urn}/attrs/level"
                (await api.patch(path, json={"value": level})).raise_for_status()
            print("written", flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.clause("5.8.6")
async def test_nothing_is_lost_when_the_broker_is_killed(
    broker_database: EngineAddresses, urn: str
) -> None:
    """What was written before a kill -9 is notified by whoever starts afterwards, each change once at least."""
    receiver, port = Receiver(), free_port()
    uri = f"http://127.0.0.1:{port}/notify"
    addresses = msgspec.json.encode(broker_database).decode()
    script = [sys.executable, "-c", KILLED, addresses, urn, uri]
    broker = await asyncio.to_thread(
        subprocess.Popen, script, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "src"}
    )
    assert broker.stdout is not None
    assert (await asyncio.to_thread(broker.stdout.readline)).strip() == b"written"
    broker.send_signal(signal.SIGKILL)
    await asyncio.to_thread(broker.wait)
    broker.stdout.close()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port)
    settings = msgspec.structs.replace(CONFORMANCE, attempts=20)
    async with (
        server,
        Store.open(broker_database, pool=3) as store,
        open_door(store, None, charter=Charter.standard(), settings=settings),
    ):
        levels: set[int] = set()
        while len(levels) < 21:
            levels.add((await receiver.next())[1]["data"][0]["level"]["value"])
    assert levels == set(range(-1, 20))


@pytest.mark.clause("5.8.6")
async def test_sensors_notify(store: Store, urn: str) -> None:
    """What a sensor measures is notified like a write; what the broker wrote itself is not told twice."""
    receiver, bus = Receiver(), MemoryBus()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
    await store.entities.upsert([Entity(id=urn, type="Roof")])
    key = SeriesKey(entity=urn, attribute="temperature", quantity="temperature")
    series = (await store.series.ensure([key]))[key]
    charter = Charter.standard()
    async with (
        server,
        open_door(store, None, charter=charter, settings=CONFORMANCE, bus=bus) as door,
    ):
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://b/ngsi-ld/v1") as api:
            wish = {
                "type": "Subscription",
                "entities": [{"id": urn, "type": "Roof"}],
                "watchedAttributes": ["temperature"],
                "q": "temperature>20",
                "notification": {"endpoint": {"uri": uri}, "format": "keyValues"},
            }
            assert (await api.post("/subscriptions", json=wish)).status_code == 201
            await asyncio.sleep(1)
            own = await store.messages.log_id("api", "1")
            for value, log in ((19.0, 99), (21.5, 99), (22.5, own), (23.5, 99)):
                now = int(time.time() * 1000)
                await store.state.upsert([StateRow(series.id, urn, "temperature", value, now, now)])
                told = Observation(series.id, now, value, now, log, now)
                await bus.publish_observations(ObservationBatch(observations=[told]))
                await asyncio.sleep(0.5)
            heard = [(await receiver.next())[1]["data"][0]["temperature"] for _ in range(2)]
    assert heard == [21.5, 23.5]


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[int]:
    """The port of an MQTT broker that asks for a name and a password."""
    port, passwords = free_port(), tmp_path / "passwords"
    make = ["mosquitto_passwd", "-b", "-c", str(passwords), "city", "secret"]
    await asyncio.to_thread(subprocess.run, make, check=True)
    passwords.chmod(0o644)
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
    )
    process = await asyncio.create_subprocess_exec("mosquitto", "-c", str(settings))
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except ConnectionError:
            await asyncio.sleep(0.1)
    yield port
    process.terminate()
    await process.wait()


@pytest.mark.clause("7.2")
@pytest.mark.parametrize("version", ["mqtt5.0", "mqtt3.1.1"])
async def test_mqtt(api: httpx.AsyncClient, urn: str, mosquitto: int, version: str) -> None:
    """A notification over MQTT: topic, user and password of the address, metadata beside the body."""
    topic = f"city/{urn[-8:]}/told"
    uri = f"mqtt://city:secret@127.0.0.1:{mosquitto}/{topic}"
    info = [{"key": "MQTT-Version", "value": version}, {"key": "MQTT-QoS", "value": "1"}]
    wish = {
        "type": "Subscription",
        "entities": [{"id": urn, "type": "Building"}],
        "notification": {
            "endpoint": {
                "uri": uri,
                "accept": "application/json",
                "notifierInfo": info,
                "receiverInfo": [{"key": "Authorization", "value": "Bearer x"}],
            }
        },
    }
    assert (await api.post("/subscriptions", json=wish)).status_code == 201
    await asyncio.sleep(1)
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto, username="city", password="secret"
    ) as listener:
        await listener.subscribe(topic, qos=1)
        body = {"id": urn, "type": "Building", "name": "Tower"}
        assert (await api.post("/entities", json=body)).status_code == 201
        async with asyncio.timeout(20):
            message = await anext(aiter(listener.messages))
    assert isinstance(message.payload, bytes)
    told = json.loads(message.payload)
    assert told["metadata"]["Content-Type"] == "application/json"
    assert told["metadata"]["Authorization"] == "Bearer x"
    assert "json-ld#context" in told["metadata"]["Link"]
    assert told["body"]["type"] == "Notification"
    assert told["body"]["data"][0]["name"]["value"] == "Tower"
