"""Rows into Arrow columns, for ClickHouse's inserts."""

import time
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from clapas.domain.message import Observation, Outcome, Value
from clapas.store.values import RawRow

MILLISECONDS = pa.timestamp("ms", "UTC")


def raw_table(rows: Sequence[RawRow]) -> pa.Table:
    """Columns of the table ``raw``."""
    return pa.table(
        {
            "log": pa.array([r.log for r in rows], pa.uint16()),
            "sequence": pa.array([r.sequence for r in rows], pa.uint64()),
            "received": pa.array([r.received for r in rows], MILLISECONDS),
            "source": pa.array([r.source for r in rows], pa.string()),
            "kind": pa.array([r.kind for r in rows], pa.string()),
            "device": pa.array([r.device for r in rows], pa.string()),
            "model": pa.array([r.model for r in rows], pa.string()),
            "topic": pa.array([r.topic for r in rows], pa.string()),
            "payload": pa.array([r.payload for r in rows], pa.binary()),
            "message_id": pa.array([r.message_id for r in rows], pa.string()),
            "idempotency": pa.array([r.idempotency for r in rows], pa.string()),
            "sender": pa.array([r.sender for r in rows], pa.string()),
            "measured": pa.array([r.measured for r in rows], MILLISECONDS),
            "sent": pa.array([r.sent for r in rows], MILLISECONDS),
            "f_port": pa.array([r.f_port for r in rows], pa.uint8()),
            "f_cnt": pa.array([r.f_cnt for r in rows], pa.uint32()),
            "frame": pa.array([r.frame for r in rows], pa.binary()),
            "radio": pa.array([r.radio for r in rows], pa.string()),
            "frequency_hz": pa.array([r.frequency_hz for r in rows], pa.uint64()),
            "data_rate": pa.array([r.data_rate for r in rows], pa.string()),
            "codec": pa.array([r.codec for r in rows], pa.uint16()),
        }
    )


def outcome_table(rows: Sequence[Outcome]) -> pa.Table:
    """Columns of the table ``outcome``; the version is now, so the latest writing wins."""
    return pa.table(
        {
            "log": pa.array([r.log for r in rows], pa.uint16()),
            "sequence": pa.array([r.sequence for r in rows], pa.uint64()),
            "source": pa.array([r.source for r in rows], pa.string()),
            "result": pa.array([r.result for r in rows], pa.string()),
            "reason": pa.array([r.reason for r in rows], pa.string()),
            "observations": pa.array([min(r.observations, 65535) for r in rows], pa.uint16()),
            "received": pa.array([r.received for r in rows], MILLISECONDS),
            "version": pa.array([time.time_ns() // 1_000_000] * len(rows), pa.uint64()),
        }
    )


def is_number(value: Value) -> bool:
    """True when a value belongs to the table of numbers (booleans are 0 and 1 there)."""
    return isinstance(value, int | float)


def number_table(rows: Sequence[Observation]) -> pa.Table:
    """Columns of the table ``observation``."""
    return pa.table(
        {
            "series": pa.array([r.series for r in rows], pa.uint32()),
            "measured": pa.array([r.measured for r in rows], MILLISECONDS),
            "value": pa.array([float(r.value) for r in rows], pa.float64()),  # type: ignore[arg-type]
            **_provenance(rows),
        }
    )


def text_table(rows: Sequence[Observation]) -> pa.Table:
    """Columns of the table ``observation_text``; values as JSON."""
    return pa.table(
        {
            "series": pa.array([r.series for r in rows], pa.uint32()),
            "measured": pa.array([r.measured for r in rows], MILLISECONDS),
            "value": pa.array([msgspec.json.encode(r.value).decode() for r in rows], pa.string()),
            **_provenance(rows),
        }
    )


def _provenance(rows: Sequence[Observation]) -> dict[str, pa.Array]:
    return {
        "lag": pa.array([r.received - r.measured for r in rows], pa.int64()),
        "log": pa.array([r.log for r in rows], pa.uint16()),
        "sequence": pa.array([r.sequence for r in rows], pa.uint64()),
        "quality": pa.array([r.quality for r in rows], pa.uint8()),
        "codec": pa.array([r.codec for r in rows], pa.uint16()),
        "generation": pa.array([r.generation for r in rows], pa.uint32()),
        "deleted": pa.array([int(r.deleted) for r in rows], pa.uint8()),
    }
