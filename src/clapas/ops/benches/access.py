"""What the charter, the quotas and the audit trail cost: decisions, filters, counts, hashes.

Times of single decisions are the middle of several rounds; the row filter is asked of PostgreSQL over
a map of entities in several datasets and communes, against the same question without a filter.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from clapas.api_gateway import PLANS, Quotas
from clapas.charter import Charter, Settings, event_of
from clapas.charter.audit import chained, verify_rows
from clapas.domain.access import Principal, Resource, RowFilter, RowRule
from clapas.domain.device import Entity
from clapas.ops.benches import gateway
from clapas.store import Store, migrate
from clapas.store.audit import NOTHING_BEFORE, AuditRow

NEEDS = "doors"
ROUNDS = 7
LEVELS = {"parcs": "ouvert", "sites": "interne", "musee": "restreint", "eau": "personnel"}
READER = Principal(kind="user", id="2", roles=frozenset({"reader"}), communes=frozenset({"34172"}))


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """``devices``: entities under the row filter (80,000). Times in µs and ms, rates per second."""
    entities = int(options.get("devices") or 80_000)
    return {
        **_decisions(),
        **_counts(),
        **_hashes(),
        **await _filter(options, entities),
        **await gateway.run(options),
    }


def _decisions() -> dict[str, float]:
    charter = Charter.standard(Settings(classifications=LEVELS))
    thing = Resource(kind="entity", dataset="parcs", commune="34172")
    charter.decide(READER, "read", resource=thing)
    asked = [Resource(kind="entity", dataset="parcs", commune=str(n)) for n in range(1000)]

    def uncached() -> None:
        charter.adopt()
        charter.decide(READER, "read", resource=thing)
        began = time.perf_counter()
        for each in asked:
            charter.decide(READER, "read", resource=each)
        rounds.append((time.perf_counter() - began) / len(asked) * 1e6)

    rounds: list[float] = []
    for _ in range(ROUNDS):
        uncached()
    cached = _each(lambda: charter.decide(READER, "read", resource=thing), 100_000)
    return {
        "decision_cached_us": round(cached, 3),
        "decision_uncached_us": round(statistics.median(rounds), 1),
        "decision_uncached_best_us": round(min(rounds), 1),
    }


def _each(work: Callable[[], object], times: int) -> float:
    """µs of one call."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(rounds)


def _counts() -> dict[str, float]:
    quotas = Quotas(None)
    limits = dict.fromkeys(PLANS["inscrit"].limits, 10**9)
    spent = _each(lambda: quotas.take("application:1", limits).headers(), 10_000)
    return {"quota_and_headers_us": round(spent, 2)}


def _hashes() -> dict[str, float]:
    event = event_of(
        READER,
        "read",
        resource=Resource(kind="series", dataset="eau"),
        allowed=True,
        articles=("CH-41",),
        scope={"series": 3, "points": 90},
    )
    events = [event] * 50_000
    began = time.perf_counter()
    rows = chained(events, 0, before=NOTHING_BEFORE)
    hashed = time.perf_counter() - began
    kept = [
        AuditRow(seq=row.seq, event=row.event.encode(), hash=bytes.fromhex(row.hash))
        for row in rows
    ]
    began = time.perf_counter()
    verify_rows(kept, 0, before=NOTHING_BEFORE)
    verified = time.perf_counter() - began
    return {
        "audit_hashed_per_s": round(len(events) / hashed),
        "audit_verified_per_s": round(len(events) / verified),
    }


async def _filter(options: Mapping[str, Any], count: int) -> dict[str, float]:
    addresses = options["addresses"]
    await migrate(addresses)
    names = ["", *LEVELS]
    communes = [f"34{n:03}" for n in range(31)]
    async with Store.open(addresses) as store:
        for start in range(0, count, 10_000):
            await store.entities.upsert(
                [
                    Entity(
                        id=f"urn:ngsi-ld:Bench:{n:06}",
                        type="Bench",
                        dataset=names[n % len(names)],
                        commune=communes[n % len(communes)],
                        longitude=3.8 + n / 1e7,
                        latitude=43.6,
                    )
                    for n in range(start, min(start + 10_000, count))
                ]
            )
        everything = RowFilter(everything=True)
        same = RowFilter(
            datasets=frozenset(names[:2]),
            communes=frozenset(communes),
            also=(RowRule(datasets=frozenset(names[2:])),),
        )
        free, filtered = await _side_by_side(
            lambda: store.entities.types(everything), lambda: store.entities.types(same)
        )
    return {
        "entities": count,
        "count_all_ms": round(statistics.median(free), 2),
        "count_filtered_ms": round(statistics.median(filtered), 2),
        "row_filter_extra_ms": round(_extra(free, filtered), 2),
        "row_filter_extra_best_ms": round(min(filtered) - min(free), 2),
    }


def _extra(free: list[float], filtered: list[float]) -> float:
    """The middle of the differences between neighbours: a load that comes and goes touches both."""
    return statistics.median(b - a for a, b in zip(free, filtered, strict=True))


async def _side_by_side(
    *works: Callable[[], Awaitable[object]],
) -> tuple[list[float], ...]:
    """Times in ms of works done in turn, again and again."""
    times: tuple[list[float], ...] = tuple([] for _ in works)
    for _ in range(ROUNDS * 4):
        for work, found in zip(works, times, strict=True):
            began = time.perf_counter()
            await work()
            found.append((time.perf_counter() - began) * 1000)
    return times
