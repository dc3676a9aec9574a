"""``clapas bench lorawan_stored``: from the first gateway that hears a frame to its values stored, the platform whole.

The network server runs as its role does, over the platform's durable log; the load comes from a child process over
real UDP (``rate`` unique uplinks a second, 150, each heard by ``copies`` gateways, 4, for ``seconds``, 60). The age of
a value is taken when it is told to the rooms downstream, when it is already in both engines; ``measured`` is the first
reception. Percentiles begin once every device has spoken (its series exist). Options: ``-o name=value``.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from clapas.bus import NatsBus
from clapas.domain.device import CodecRef, Device, Model
from clapas.engines import EngineAddresses
from clapas.lorawan.devices import MemoryDevices
from clapas.lorawan.server import LorawanServer
from clapas.lorawan.settings import Settings
from clapas.ops.benches.ingest import Meter, drained
from clapas.ops.lorawan_load import LOADED, activate, eui, fire
from clapas.store import Store

NEEDS = "platform"
MODEL = "bench-lpp"


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Ages in milliseconds; everything sent is logged, and everything logged is stored."""
    addresses: EngineAddresses = options["addresses"]
    rate, copies = int(options.get("rate") or 150), int(options.get("copies") or 4)
    seconds = float(options.get("seconds") or 60)
    folder = Path(str(options["directory"])) / "lorawan-bench"
    async with Store.open(addresses, pool=2) as store, NatsBus.open(addresses.nats) as bus:
        await bus.prepare()
        await _register(store)
        async with LorawanServer.open(
            Settings(udp_port=0), folder, bus.publish_uplink, MemoryDevices()
        ) as server:
            await activate(server)
            warm, _ = await fire(server, rate=rate, copies=copies, seconds=(LOADED + 0.5) / rate)
            meter = Meter(from_ms=0)
            following = asyncio.create_task(meter.follow(bus))
            sent, elapsed = await fire(server, rate=rate, copies=copies, seconds=seconds, first=1)
            ledger = await drained(store, bus)
            following.cancel()
            figures = server.figures()
            leads = sorted(server.scheduler.leads)
    return {
        "uplinks_per_s": round(len(sent) / elapsed),
        "frames_per_s": round(len(sent) * copies / elapsed),
        "sent": len(sent) + len(warm),
        "lost_before_the_log": len(sent) + len(warm) - figures["uplinks"] - figures["late"],
        "logged": figures["published"],
        "stored": ledger.stored,
        "duplicate": ledger.duplicate,
        "ledger_balanced": ledger.balanced,
        "rejected": ledger.rejected,
        "refused": figures["rejected"],
        "downlink_lead_p01_ms": round(1000 * leads[len(leads) // 100], 1) if leads else None,
        **meter.latencies(),
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
