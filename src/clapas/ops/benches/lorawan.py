"""``clapas bench lorawan``: what the network server bears, measured on this machine over real UDP.

Five parts, all of them unless ``-o only=steady`` (or ``peak``, ``storm``, ``sessions``, ``mutants``; joined by
commas) asks for some. Options, ``-o name=value``:

* *steady*: ``rate`` unique uplinks a second (150), each heard by ``copies`` gateways (4), for ``seconds`` (20; a
  release run takes 600), through the platform whole: from the first reception to the values stored in both engines.
* *peak*: ``peak`` frames a second (3,000), the durable log stubbed, for ten seconds at most.
* *storm*: ``joins`` devices (440; a release run takes 80,000) join at ``storm_rate`` a second (22) over ``gateways``
  (60). With ``clock=8`` the server and its gateways live on a clock that runs eight times as fast
  (:mod:`clapas.ops.fast_clock`): the storm of an hour lasts eight minutes, the duty cycle still counts its hour.
* *sessions*: the memory of ``sessions`` (80,000), and how long a restart reads them.
* *mutants*: ``mutated`` hostile datagrams (100,000; a release run takes 1,000,000).
"""

import asyncio
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from clapas.bus import NatsBus
from clapas.domain.device import CodecRef, Device, Model
from clapas.domain.errors import InvalidInput
from clapas.domain.message import RawMessage
from clapas.engines import EngineAddresses
from clapas.lorawan.devices import MemoryDevices
from clapas.lorawan.keys import session_keys_10
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.session import Channels, Session
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State
from clapas.ops.benches.ingest import Meter, drained
from clapas.ops.lorawan_load import LOADED, activate, at_share, eui, fire
from clapas.ops.lorawan_mutants import withstand
from clapas.ops.lorawan_storm import Storm, blow
from clapas.store import Store

NEEDS = "platform"
MODEL: Final = "bench-lpp"
MOST_JOINS: Final = 80_000
PEAK_S: Final = 10.0
Options = Mapping[str, Any]


async def run(options: Options) -> dict[str, Any]:
    """The figures of each part. Raises InvalidInput for a part that does not exist."""
    wanted = str(options.get("only") or ",".join(PARTS)).split(",")
    unknown = set(wanted) - PARTS.keys()
    if unknown:
        raise InvalidInput("an unknown part", field="only", accepted=", ".join(PARTS))
    return {name: await PARTS[name](options) for name in wanted}


async def _steady(options: Options) -> dict[str, Any]:
    """Ages in milliseconds; everything heard is logged, and everything logged is stored."""
    addresses: EngineAddresses = options["addresses"]
    rate, copies = int(options.get("rate") or 150), int(options.get("copies") or 4)
    folder = Path(str(options["directory"])) / "lorawan-bench"
    async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
        await bus.prepare()
        await _register(store)
        async with LorawanServer.open(
            Settings(udp_port=0), folder, publish=bus.publish_uplink, devices=MemoryDevices()
        ) as server:
            await activate(server)
            warm, _ = await fire(server, rate=rate, copies=copies, seconds=(LOADED + 0.5) / rate)
            await drained(store, bus)
            meter = Meter(from_ms=time.time_ns() // 1_000_000)
            following = asyncio.create_task(meter.follow(bus))
            sent, elapsed = await fire(
                server, rate=rate, copies=copies, seconds=_seconds(options), first=1
            )
            ledger = await drained(store, bus)
            following.cancel()
            figures, leads = server.figures(), sorted(server.scheduler.leads)
    heard = len(sent) + len(warm)
    return {
        "uplinks_per_s": round(len(sent) / elapsed),
        "frames_per_s": round(len(sent) * copies / elapsed),
        "lasted_s": round(elapsed, 1),
        "sent": heard,
        "frames_lost_before_the_server": heard * copies - figures["receptions"],
        "logged": figures["published"],
        "stored": ledger.stored,
        "lost": heard - ledger.stored,
        "duplicate": ledger.duplicate,
        "ledger_balanced": ledger.balanced,
        "rejected": ledger.rejected,
        "refused": figures["rejected"],
        "answers": len(leads),
        "downlink_lead_p01_ms": at_share(leads, 0.01),
        **{f"to_stored_{name}": value for name, value in meter.latencies().items()},
    }


async def _register(store: Store) -> None:
    codec = CodecRef("cayenne", "cayenne", "ttn", 1)
    await store.models.save([Model(id=MODEL, label="LPP", codec=codec)])
    await store.registry.save_devices(
        [
            Device(id=uuid5(NAMESPACE_URL, f"clapas:lorawan:{number}"), key=eui(number), model=MODEL, source="lorawan")
            for number in range(LOADED)
        ]
    )  # fmt: skip


def _seconds(options: Options) -> float:
    return float(options.get("seconds") or 20)


class _Log:
    """Stands where the durable log is: remembers when each uplink came."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.doubles = 0

    async def publish(self, message: RawMessage) -> int:
        if message.topic.endswith("/up"):
            self.doubles += message.idempotency in self.at
            self.at[message.idempotency] = time.time()
        return len(self.at)


async def _peak(options: Options) -> dict[str, Any]:
    """From the gateway's first datagram to the (stubbed) log, milliseconds."""
    log, copies = _Log(), int(options.get("copies") or 4)
    rate = int(options.get("peak") or 3000) // copies
    with tempfile.TemporaryDirectory() as folder:
        async with LorawanServer.open(
            Settings(udp_port=0), Path(folder), publish=log.publish, devices=MemoryDevices()
        ) as server:
            ids = await activate(server)
            sent, elapsed = await fire(
                server, rate=rate, copies=copies, seconds=min(_seconds(options), PEAK_S)
            )
            await asyncio.sleep(1.5)
            figures, leads = server.figures(), sorted(server.scheduler.leads)
    names = ((f"up:{ids[device]}-{counter}", at) for device, counter, at in sent)
    waits = sorted(log.at[name] - at for name, at in names if name in log.at)
    return {
        "uplinks_per_s": round(len(sent) / elapsed),
        "frames_per_s": round(len(sent) * copies / elapsed),
        "sent": len(sent),
        "delivered": len(waits),
        "doubles": log.doubles,
        "receptions": figures["receptions"],
        "p50_ms": at_share(waits, 0.5),
        "p99_ms": at_share(waits, 0.99),
        "downlink_lead_p01_ms": at_share(leads, 0.01),
        "answers": len(leads),
        "refused": figures["rejected"],
    }


async def _storm(options: Options) -> dict[str, Any]:
    storm = Storm(
        joins=min(int(options.get("joins") or 440), MOST_JOINS),
        rate=float(options.get("storm_rate") or 22),
        gateways=int(options.get("gateways") or 60),
        speed=float(options.get("clock") or 1),
    )
    return await asyncio.to_thread(blow, storm)


async def _sessions(options: Options) -> dict[str, Any]:
    return await asyncio.to_thread(_held_aside, int(options.get("sessions") or 80_000))


def _held_aside(count: int) -> dict[str, Any]:
    """Memory of ``count`` sessions with a full history, measured in a fresh process."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    child = context.Process(target=_hold, args=(count, told), daemon=True)
    child.start()
    found: dict[str, Any] = told.get(timeout=300)
    child.join(5)
    return found


def _hold(count: int, told: Any) -> None:
    told.put(asyncio.run(_held(count)))


async def _held(count: int) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder), journal_bytes=1 << 30)
        start = time.monotonic()
        for number in range(count):
            device = state.obtain(f"{number:016x}")
            device.session = _full_session(number)
            state.note(device)
            state.index(device)
        await state.sync()
        wrote = time.monotonic() - start
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        await state.close()
        start = time.monotonic()
        again = State(Path(folder))
        loaded = time.monotonic() - start
        await again.close()
    return {
        "sessions": count,
        "mib": round(used / 1024),
        "journal_s": round(wrote, 1),
        "restart_s": round(loaded, 1),
    }


def _full_session(number: int) -> Session:
    session = Session(
        id=f"{number:016x}",
        dev_eui=f"{number:016x}",
        dev_addr=number,
        keys=session_keys_10(number.to_bytes(16, "big"), number.to_bytes(16, "little")),
        channels=Channels(
            extra={3 + at: 867_100_000 + 200_000 * at for at in range(5)}, enabled=tuple(range(8))
        ),
        last_gateways=("0201000000000001", "0201000000000002"),
    )
    for counter in range(20):
        session.hear(counter, 5.0)
    return session


async def _mutants(options: Options) -> dict[str, Any]:
    return await withstand(int(options.get("mutated") or 100_000))


PARTS: Final[dict[str, Callable[[Options], Awaitable[dict[str, Any]]]]] = {
    "steady": _steady,
    "peak": _peak,
    "storm": _storm,
    "sessions": _sessions,
    "mutants": _mutants,
}
