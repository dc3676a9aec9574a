"""Retention by the datasets' records: what is past its time is deleted, and the deletion is proven.

Each line of a record's retention names a step: 0 is the raw frames, less than an hour the single values,
an hour (or less than a day) the hours too, a day the days. A raw frame leaves its hash, its radio data
and the version of its codec. GDPR art. 5.1.e; CNIL, durées de conservation, 2020.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from clapas.domain.dataset import DAY_S, DatasetRecord, Keep
from clapas.store import Store
from clapas.store.governance import DeletionProof

VALUES = ("observation", "observation_text")
HOUR_S = 3600


async def apply_retention(
    store: Store, records: Iterable[DatasetRecord], *, now: datetime
) -> dict[str, int]:
    """Delete what is past its time; rows deleted by dataset and table. Safe to repeat."""
    deleted: dict[str, int] = {}
    for record in records:
        for kept, keep in due(record):
            before = (now - timedelta(days=keep.days)).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            proof = DeletionProof(
                why="retention", dataset=record.id, kept=kept, before=before, rows=0, digest=""
            )
            if kept == "raw":
                devices = await store.governance.devices_of(record.id)
                rows = await store.governance.delete_raw(
                    devices, before=before, proof=proof, traces=True
                )
            else:
                rows = await store.governance.delete_values(kept, before=before, proof=proof)
            if rows:
                deleted[f"{record.id}/{kept}"] = rows
    return deleted


def due(record: DatasetRecord) -> Iterator[tuple[str, Keep]]:
    """Which tables each line of a record's retention is about; the shortest time wins."""
    shortest: dict[str, Keep] = {}
    for keep in record.retention:
        for kept in tables(keep.step):
            if kept not in shortest or keep.days < shortest[kept].days:
                shortest[kept] = keep
    yield from shortest.items()


def tables(step: int) -> tuple[str, ...]:
    """The tables whose rows are of that step (seconds)."""
    if step == 0:
        return ("raw",)
    if step < HOUR_S:
        return VALUES
    return (*VALUES, "rollup_hour") if step < DAY_S else ("rollup_day",)
