"""End to end: from an MQTT QoS 1 publish to the observation told, with nothing lost.

The generator publishes at a steady rate on the same cores as the platform. Latency is measured from the
moment a message says it was made to the moment its values are told to the rooms downstream, when they
are already in both engines; percentiles begin once every device has spoken (its series exist), five
seconds at least. Loss is what was acknowledged and has no outcome: it must be 0.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from clapas.bus import NatsBus
from clapas.domain.device import CodecRef, Device, Model
from clapas.domain.errors import EngineUnavailable
from clapas.engines import EngineAddresses
from clapas.ops.simulate.bench import (
    PER_MESSAGE,
    BenchDevice,
    BenchKind,
    bench_devices,
    bench_messages,
)
from clapas.ops.simulate.mqtt_publisher import MqttPublisher
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.store import Store

NEEDS = "platform"
TICK_S = 0.05
SCRIPT = """
function decodeUplink(input) {
  var data = {}, b = input.bytes;
  for (var i = 0; i < b.length;) {
    switch (b[i++]) {
      case 1: var t = (b[i] << 8) | b[i + 1]; data.temperature = (t > 32767 ? t - 65536 : t) / 10; i += 2; break;
      case 2: data.humidity = b[i++]; break;
      case 4: data.light = (b[i] << 8) | b[i + 1]; i += 2; break;
      case 5: data.motion = b[i++]; break;
      case 7: data.vdd = (b[i] << 8) | b[i + 1]; i += 2; break;
      default: i = b.length;
    }
  }
  return {data: data};
}
"""
MIXES: dict[str, dict[BenchKind, float]] = {
    "native": {"native": 1.0},
    "lorawan": {"lpp": 0.45, "elsys": 0.5, "script": 0.05},
}


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one steady load; ``rate`` in observations a second, latencies in milliseconds.

    ``patience`` is how many minutes what waits may take to be stored once sending is over (10).
    """
    mix = MIXES[str(options.get("mix") or "native")]
    fleet = bench_devices(int(options.get("devices") or 2000), mix)
    rate = float(options.get("rate") or 15_000)
    seconds = float(options.get("minutes") or 1) * 60
    values = int(options.get("values") or 4)
    addresses: EngineAddresses = options["addresses"]
    async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
        await _register(store, fleet)
        per_message = _mean_values(fleet, values)
        warm_s = max(5.0, len(fleet) / (rate / per_message))
        meter = Meter(from_ms=time.time_ns() // 1_000_000 + int(warm_s * 1000))
        before = await read_ledger(store, bus)
        following = asyncio.create_task(meter.follow(bus))
        begun = time.perf_counter()
        sent, acknowledged = await _send(
            addresses, fleet, rate=rate / per_message, seconds=seconds, values=values
        )
        sending = time.perf_counter() - begun
        ledger = await drained(store, bus, minutes=float(options.get("patience") or 10))
        whole = time.perf_counter() - begun
        following.cancel()
    return {
        "mix": str(options.get("mix") or "native"),
        "asked_observations_per_s": rate,
        "seconds": round(sending, 1),
        "warm_up_s": round(warm_s, 1),
        "messages": sent,
        "messages_per_s": round(sent / sending),
        "observations": meter.observations,
        "observations_per_s": round(meter.observations / whole),
        "drain_s": round(whole - sending, 1),
        "lost": acknowledged - (_accounted(ledger) - _accounted(before)),
        "rejected": ledger.rejected - before.rejected,
        "ledger_balanced": ledger.balanced,
        **meter.latencies(),
        **_memory(Path(str(options["directory"]))),
    }


def _accounted(ledger: Ledger) -> int:
    return ledger.stored + ledger.duplicate


class Meter:
    """Hears what is told downstream, and how old it is then."""

    def __init__(self, *, from_ms: int) -> None:
        self.observations = 0
        self._from = from_ms
        self._ages: list[np.ndarray[Any, Any]] = []

    async def follow(self, bus: NatsBus) -> None:
        """Listen until cancelled."""
        async for batch in bus.follow():
            now = time.time_ns() // 1_000_000
            self.observations += len(batch.observations)
            measured = np.array([each.measured for each in batch.observations])
            self._ages.append(now - measured[measured >= self._from])

    def latencies(self) -> dict[str, float]:
        """Percentiles of the age, milliseconds."""
        ages = np.concatenate([np.empty(0), *self._ages])
        if not ages.size:
            return {}
        return {f"p{p}_ms": float(np.percentile(ages, p)) for p in (50, 95, 99)} | {
            "max_ms": float(ages.max())
        }


def _mean_values(fleet: tuple[BenchDevice, ...], values: int) -> float:
    return sum(PER_MESSAGE.get(each.kind, values) for each in fleet) / len(fleet)


async def _register(store: Store, fleet: tuple[BenchDevice, ...]) -> None:
    script = await store.models.save_script("bench", SCRIPT)
    codecs = {
        "lpp": CodecRef("cayenne", "", "ttn", 1),
        "elsys": CodecRef("python", "elsys", "ttn", 1),
        "script": script,
    }
    await store.models.save(
        [Model(id=f"bench-{kind}", label=kind, codec=codec) for kind, codec in codecs.items()]
    )
    await store.registry.save_devices(
        [
            Device(
                id=uuid5(NAMESPACE_URL, f"clapas:bench:{each.key}"),
                key=each.key,
                model=f"bench-{each.kind}" if each.kind in codecs else "",
            )
            for each in fleet
        ]
    )


async def _send(
    addresses: EngineAddresses,
    fleet: tuple[BenchDevice, ...],
    *,
    rate: float,
    seconds: float,
    values: int,
) -> tuple[int, int]:
    """Publish ``rate`` messages a second by the clock; (sent, acknowledged)."""
    nats = addresses.nats
    async with MqttPublisher(
        nats.mqtt_host, nats.mqtt_port, user=nats.user, password=nats.password, window=20_000
    ) as publisher:
        began = time.perf_counter()
        messages = bench_messages(fleet, rate=rate, values_per_message=values)
        while (elapsed := time.perf_counter() - began) < seconds:
            await publisher.publish_many(_due(messages, int(elapsed * rate) - publisher.sent))
            await asyncio.sleep(TICK_S)
        await publisher.drain(600)
        return publisher.sent, publisher.acknowledged


def _due(messages: Iterator[tuple[str, bytes]], count: int) -> Iterator[tuple[str, bytes]]:
    for _ in range(count):
        yield next(messages)


async def drained(store: Store, bus: NatsBus, *, minutes: float = 10) -> Ledger:
    """The ledger once nothing is on its way. Raises EngineUnavailable when that takes longer."""
    limit = time.monotonic() + minutes * 60
    while time.monotonic() < limit:
        if not sum(state.waiting for state in await bus.log_states()):
            ledger = await read_ledger(store, bus)
            if not ledger.in_flight:
                return ledger
        await asyncio.sleep(0.2)
    raise EngineUnavailable(f"messages are still on their way after {minutes:g} minutes")


def _memory(directory: Path) -> dict[str, Any]:
    """Resident memory of the platform's processes (proportional share), MiB, and files by part."""
    import json

    found = {}
    for name, child in json.loads((directory / "children.json").read_text()).items():
        found[name] = _pss(int(child["process"]["pid"]))
    sizes = {
        part: sum(f.stat().st_size for f in (directory / part).rglob("*") if f.is_file()) >> 20
        for part in ("clickhouse", "nats")
    }
    return {"memory_mib": found, "memory_total_mib": sum(found.values()), "disk_mib": sizes}


def _pss(pid: int) -> int:
    """The process and its children, MiB."""
    total = 0
    for each in (pid, *_descendants(pid)):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total >> 10


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [each for child in map(int, children) for each in (child, *_descendants(child))]
