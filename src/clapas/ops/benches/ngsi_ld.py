"""``clapas bench ngsi_ld``: the broker's door over its own engines, called in the process that serves it.

Batch upserts, single attribute updates, queries by type and q, an aggregated temporal query, and one
burst of notifications to endpoints of which one is dead.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store, migrate

NEEDS = "engines"
BATCH = 500
AT_ONCE = 16


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``entities`` (100,000), ``instances`` (100,000), ``notifications`` (10,000), ``endpoints`` (50)."""
    addresses = options["addresses"]
    entities = int(options.get("entities") or 100_000)
    await migrate(addresses)
    settings = msgspec.structs.replace(CONFORMANCE, largest_body=50_000_000)
    async with (
        Store.open(addresses, pool=20) as store,
        open_door(store, None, Charter.standard(), settings) as door,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=door),
            base_url="http://broker/ngsi-ld/v1",
            timeout=120,
        ) as api,
    ):
        return {
            "entities": entities,
            "batch_upsert_per_s": await _upserts(api, entities),
            "attribute_update_per_s": await _updates(api, entities),
            "query_per_s": await _queries(api),
            "aggregated_p95_ms": await _aggregated(api, int(options.get("instances") or 100_000)),
            **await _notifications(
                api,
                int(options.get("notifications") or 10_000),
                int(options.get("endpoints") or 50),
            ),
        }


def _entity(number: int) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Bench:{number}",
        "type": "Bench",
        "level": {"type": "Property", "value": number % 1000, "unitCode": "P1"},
        "name": {"type": "Property", "value": f"thing {number}"},
        "owner": {"type": "Relationship", "object": f"urn:ngsi-ld:Owner:{number % 100}"},
    }


async def _rate(count: int, call: Callable[[int], Awaitable[httpx.Response]]) -> int:
    """Calls a second, so many at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            answer = await call(number)
            answer.raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return round(count / (time.perf_counter() - began))


async def _upserts(api: httpx.AsyncClient, entities: int) -> int:
    def batch(number: int) -> Awaitable[httpx.Response]:
        rows = [_entity(number * BATCH + each) for each in range(BATCH)]
        return api.post("/entityOperations/upsert", json=rows)

    return BATCH * await _rate(entities // BATCH, batch)


async def _updates(api: httpx.AsyncClient, entities: int) -> int:
    def update(number: int) -> Awaitable[httpx.Response]:
        name = f"urn:ngsi-ld:Bench:{number * 7 % entities}"
        return api.patch(f"/entities/{name}/attrs/level", json={"value": number + 2000})

    return await _rate(2000, update)


async def _queries(api: httpx.AsyncClient) -> int:
    def query(number: int) -> Awaitable[httpx.Response]:
        return api.get("/entities", params={"type": "Bench", "q": f"level>{number % 400}"})

    return await _rate(1000, query)


async def _aggregated(api: httpx.AsyncClient, instances: int) -> float:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    for first in range(0, instances, 10_000):
        values = [
            {
                "type": "Property",
                "value": each % 40,
                "observedAt": (start + timedelta(seconds=30 * each)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for each in range(first, min(first + 10_000, instances))
        ]
        body = {"id": "urn:ngsi-ld:Bench:long", "type": "BenchLong", "level": values}
        (await api.post("/temporal/entities", json=body)).raise_for_status()
    params = {
        "format": "aggregatedValues",
        "aggrMethods": "avg,max",
        "aggrPeriodDuration": "P1D",
    }
    times: list[float] = []
    for _ in range(40):
        began = time.perf_counter()
        answer = await api.get("/temporal/entities/urn:ngsi-ld:Bench:long", params=params)
        answer.raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.quantiles(times, n=20)[-1], 1)


async def _notifications(api: httpx.AsyncClient, wanted: int, endpoints: int) -> dict[str, Any]:
    """So many notifications to endpoints of which one refuses every connection."""
    got = 0

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(size)
                got += 1
                writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for each in range(endpoints):
        uri = "http://127.0.0.1:9/dead" if each == 0 else f"{base}/{each}"
        body = {
            "type": "Subscription",
            "entities": [{"type": "BenchTold"}],
            "notification": {"endpoint": {"uri": uri}},
        }
        (await api.post("/subscriptions", json=body)).raise_for_status()
    await asyncio.sleep(1)
    rounds = wanted // endpoints
    began = time.perf_counter()
    rows = [{**_entity(each), "type": "BenchTold", "id": f"urn:t:{each}"} for each in range(rounds)]
    (await api.post("/entityOperations/create", json=rows)).raise_for_status()
    expected = rounds * (endpoints - 1)
    while got < expected and time.perf_counter() - began < 120:
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    server.close()
    return {
        "notifications": got,
        "notifications_expected": expected,
        "notifications_s": round(seconds, 1),
    }
