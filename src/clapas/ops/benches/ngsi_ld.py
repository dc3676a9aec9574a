"""``clapas bench ngsi_ld``: the broker's door over its own engines, called in the process that serves it.

Batch upserts, single attribute updates, queries by type and q, an aggregated temporal query, and one
burst of notifications to endpoints of which one is dead.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import orjson

from clapas.charter import Charter
from clapas.context.door.app import Door
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.domain.errors import ClapasError
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
        open_door(store, None, charter=Charter.standard(), settings=settings) as door,
    ):
        api = Caller(door)
        return {
            "entities": entities,
            "batch_upsert_per_s": await _upserts(api, entities),
            "attribute_update_per_s": await _updates(api, entities),
            "query_per_s": await _queries(api),
            "aggregated_p95_ms": await _aggregated(api, int(options.get("instances") or 100_000)),
            **await _notifications(
                api,
                int(options.get("notifications") or 10_000),
                endpoints=int(options.get("endpoints") or 50),
            ),
        }


class Caller:
    """Calls the door as a server of its process does, so that no client's work is measured with it."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def call(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON of an answer. Raises BenchFailed unless it is a success."""
        content = b"" if body is None else orjson.dumps(body)
        raw = quote(f"/ngsi-ld/v1{path}").encode()
        headers = [(b"host", b"broker"), (b"content-length", str(len(content)).encode())]
        if body is not None:
            headers.append((b"content-type", b"application/json"))
        scope = {
            "type": "http",
            "method": method,
            "path": raw.decode(),
            "raw_path": raw,
            "query_string": urlencode(params or {}).encode(),
            "headers": headers,
        }
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._door(scope, receive, send)
        answer = sent[1]["body"]
        if sent[0]["status"] >= 400:
            raise BenchFailed(f"{method} {path}: {sent[0]['status']} {answer[:200]!r}")
        return orjson.loads(answer) if answer else None


class BenchFailed(ClapasError):
    """The broker refused what the bench asked."""

    code = "bench_failed"


def _entity(number: int) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Bench:{number}",
        "type": "Bench",
        "level": {"type": "Property", "value": number % 1000, "unitCode": "P1"},
        "name": {"type": "Property", "value": f"thing {number}"},
        "owner": {"type": "Relationship", "object": f"urn:ngsi-ld:Owner:{number % 100}"},
    }


async def _rate(count: int, call: Callable[[int], Awaitable[Any]]) -> int:
    """Calls a second, so many at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return round(count / (time.perf_counter() - began))


async def _upserts(api: Caller, entities: int) -> int:
    def batch(number: int) -> Awaitable[Any]:
        rows = [_entity(number * BATCH + each) for each in range(BATCH)]
        return api.call("POST", "/entityOperations/upsert", body=rows)

    return BATCH * await _rate(entities // BATCH, batch)


async def _updates(api: Caller, entities: int) -> int:
    def update(number: int) -> Awaitable[Any]:
        name = f"urn:ngsi-ld:Bench:{number * 7 % entities}"
        return api.call("PATCH", f"/entities/{name}/attrs/level", body={"value": number + 2000})

    return await _rate(2000, update)


async def _queries(api: Caller) -> int:
    def query(number: int) -> Awaitable[Any]:
        return api.call("GET", "/entities", params={"type": "Bench", "q": f"level>{number % 400}"})

    return await _rate(1000, query)


async def _aggregated(api: Caller, instances: int) -> float:
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
        await api.call("POST", "/temporal/entities", body=body)
    params = {
        "format": "aggregatedValues",
        "aggrMethods": "avg,max",
        "aggrPeriodDuration": "P1D",
    }
    times: list[float] = []
    for _ in range(40):
        began = time.perf_counter()
        await api.call("GET", "/temporal/entities/urn:ngsi-ld:Bench:long", params=params)
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.quantiles(times, n=20)[-1], 1)


async def _notifications(api: Caller, wanted: int, *, endpoints: int) -> dict[str, Any]:
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
        await api.call("POST", "/subscriptions", body=body)
    await asyncio.sleep(1)
    rounds = wanted // endpoints
    began = time.perf_counter()
    rows = [{**_entity(each), "type": "BenchTold", "id": f"urn:t:{each}"} for each in range(rounds)]
    await api.call("POST", "/entityOperations/create", body=rows)
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
