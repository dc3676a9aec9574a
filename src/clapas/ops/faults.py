"""Break the platform on purpose, and count: the proof of the ledger.

A platform of its own is started as a user starts it. A publisher sends numbered messages by MQTT QoS 1,
noting every acknowledgement, while processes are killed at random moments with ``kill -9``: the engines,
our roles, and the parent itself, which is then started again. At the end each acknowledged number must be
in history exactly once, and the ledger must add up.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec

from clapas.bus import NatsBus
from clapas.domain.device import Device
from clapas.domain.errors import ClapasError, EngineUnavailable
from clapas.engines import EngineAddresses
from clapas.engines.ports import is_free
from clapas.ops.simulate.mqtt_publisher import MqttPublisher
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.store import Store

PARENT = "parent"
VICTIMS = ("postgres", "clickhouse", "nats", "pipeline", "web", PARENT)
DEVICES = 20
LINK = re.compile(r"(http://[0-9.:]+)/entrer\?jeton=(\S+)")
ANSWERS = re.compile(r"answers at http")
FIRST = re.compile(r"jeton=\S+\n")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to break: how many kills, messages per second, and the seed of all chances."""

    kills: int = 30
    rate: int = 400
    seed: int = 1
    pause_s: tuple[float, float] = (0.2, 2.0)
    victims: tuple[str, ...] = VICTIMS


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. ``missing`` acknowledged numbers are lost; ``twice`` are kept more than once."""

    sent: int
    acknowledged: int
    kept: int
    missing: int
    twice: int
    kills: dict[str, int]
    seconds: float
    ledger: Ledger

    @property
    def sound(self) -> bool:
        """Nothing acknowledged is lost, nothing counts twice, and the ledger adds up."""
        ledger = self.ledger
        return (
            not self.missing
            and not self.twice
            and ledger.balanced
            and not ledger.in_flight
            and ledger.stored == self.kept
            and ledger.rejected == 0
        )


class Tree:
    """The platform as a child of this process, started again when its parent is killed."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        self._mqtt_port = _own_port()
        self.link = ""

    async def start(self) -> None:
        """Start it and wait until it answers; the first link it prints is kept."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "clapas", "up", "--data", str(self._data), "--port", "0"),
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "COLUMNS": "300",
                "CLAPAS_ENGINES__MQTT_PORT": str(self._mqtt_port),
            },
        )
        wanted = ANSWERS if self.link else FIRST
        said = ""
        while not wanted.search(said):
            chunk = await self._process.stderr.read(4096) if self._process.stderr else b""
            if not chunk:
                raise EngineUnavailable(f"the platform did not start: {said[-800:]}")
            said += chunk.decode()
        self.link = self.link or said

    def addresses(self) -> EngineAddresses:
        """Where this start's engines answer."""
        text = (self._data / "run" / "addresses.json").read_bytes()
        return msgspec.json.decode(text, type=EngineAddresses)

    async def kill(self, victim: str) -> bool:
        """Kill -9; a killed parent is started again. False when the victim was not there."""
        if victim == PARENT:
            await self._end(signal.SIGKILL)
            await self.start()
            return True
        with contextlib.suppress(OSError, KeyError, ValueError):
            children = json.loads((self._data / "children.json").read_text())
            os.kill(children[victim]["process"]["pid"], signal.SIGKILL)
            return True
        return False

    async def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


def _own_port() -> int:
    """A port that stays ours while the platform is down: not the standard one, nor one lent to clients."""
    while not is_free("127.0.0.1", port := random.randrange(20_000, 30_000)):
        pass
    return port


async def torture(
    data: Path, plan: Plan, *, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Do what the plan says in an empty data directory. Raises EngineUnavailable when it cannot start."""
    chance = random.Random(plan.seed)
    began = time.monotonic()
    tree = Tree(data)
    try:
        await tree.start()
        key = await service_key(tree.link)
        await make_devices(tree.addresses())
        kills: Counter[str] = Counter()
        async with publishing(tree, key, plan=plan) as sender:
            while kills.total() < plan.kills:
                await asyncio.sleep(chance.uniform(*plan.pause_s))
                victim = chance.choice(plan.victims)
                kills[victim] += await tree.kill(victim)
                tell(f"{kills.total()} kills, {sender.acknowledged} acknowledged, last: {victim}")
        return await count(tree.addresses(), sender, kills=kills, seconds=time.monotonic() - began)
    finally:
        await tree.stop()


class Sender:
    """Sends numbered messages until it is told to stop, and notes which were acknowledged."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._base = int(time.time() * 1000) - 3_600_000
        self.sent = 0
        self.done: set[int] = set()

    @property
    def acknowledged(self) -> int:
        return len(self.done)

    def message(self) -> tuple[str, bytes]:
        """The next message: its number is its value, and its time is its own."""
        number = self.sent
        self.sent += 1
        body = {"time": self._base + number, "values": {"number": number}}
        return f"up/fault-{number % DEVICES}", json.dumps(body).encode()

    async def run(self, publisher: MqttPublisher, stop: asyncio.Event) -> None:
        """Send at the rate until ``stop``."""
        while not stop.is_set():
            await publisher.publish_many([self.message() for _ in range(max(1, self._rate // 20))])
            await asyncio.sleep(0.05)


@asynccontextmanager
async def publishing(tree: Tree, key: str, *, plan: Plan) -> AsyncIterator[Sender]:
    """A sender at work; on leaving, everything it sent has been acknowledged."""
    sender, stop = Sender(plan.rate), asyncio.Event()
    address = tree.addresses().nats
    async with MqttPublisher(
        address.mqtt_host,
        address.mqtt_port,
        user="faults",
        password=key,
        on_acknowledged=lambda rank: sender.done.add(rank - 1),
    ) as publisher:
        working = asyncio.create_task(sender.run(publisher, stop))
        try:
            yield sender
            stop.set()
            await working
            await publisher.drain(120)
        finally:
            working.cancel()


async def service_key(said: str) -> str:
    """Enter by the one-time link as a person would, and make a key for the publisher."""
    found = LINK.search(said)
    if found is None:
        raise EngineUnavailable("the platform printed no one-time link")
    address, token = found.groups()
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        (await client.post("/api/v1/session/one-time", json={"token": token})).raise_for_status()
        answer = await client.post(
            "/api/v1/keys",
            json={"name": "faults", "scopes": ["publish", "read", "topic:up/#"]},
            headers={"X-Clapas-CSRF": client.cookies["clapas_csrf"]},
        )
        answer.raise_for_status()
        return str(answer.json()["secret"])


async def make_devices(addresses: EngineAddresses) -> None:
    async with Store.open(addresses, pool=1) as store:
        await store.registry.save_devices(
            [Device(id=uuid4(), key=f"fault-{number}") for number in range(DEVICES)]
        )


async def count(
    addresses: EngineAddresses, sender: Sender, *, kills: Counter[str], seconds: float
) -> Report:
    """Wait until nothing is on its way, then compare what was acknowledged with what is kept."""
    async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
        ledger = await _settled(store, bus)
        kept: Counter[int] = Counter()
        for log in ledger.logs:
            for first in range(1, log.last + 1, 10_000):
                rows = await store.history.of_messages(log.log, first, last=first + 9_999)
                kept.update(int(row.value) for row in rows if isinstance(row.value, float))
    return Report(
        sent=sender.sent,
        acknowledged=sender.acknowledged,
        kept=len(kept),
        missing=len(sender.done - kept.keys()),
        twice=sum(times > 1 for times in kept.values()),
        kills=dict(kills),
        seconds=round(seconds, 1),
        ledger=ledger,
    )


async def _settled(store: Store, bus: NatsBus, *, patience_s: float = 120.0) -> Ledger:
    """The ledger once every received message has its outcome, or as it is when patience ends."""
    limit = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(ClapasError):
            ledger = await read_ledger(store, bus)
            if not ledger.in_flight or time.monotonic() > limit:
                return ledger
        if time.monotonic() > limit + 30:
            raise EngineUnavailable("the ledger cannot be read")
        await asyncio.sleep(0.5)
