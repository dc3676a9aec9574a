"""Replay: decode raw messages of a period again, and say what would change before changing it.

The raw row is the truth and decoding a pure function of (bytes, codec version, binding): replaying
with today's codecs and bindings gives values that are compared with those kept. A commit writes them
under a new generation, withdraws those that are gone, and tells the rooms downstream with ``replayed``
set, so that nobody is notified of the past.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import msgspec

from clapas.bus import Delivery
from clapas.domain.errors import InvalidInput
from clapas.domain.message import Observation, ObservationBatch, RawMessage, Value
from clapas.domain.window import Window, instant
from clapas.pipeline.batch import Batch
from clapas.pipeline.bind import bind
from clapas.pipeline.check import check
from clapas.pipeline.decode import decode
from clapas.pipeline.identify import identify
from clapas.pipeline.ports import Ports
from clapas.store import ObservationRow, RawRow, StateRow
from clapas.store.errors import RawExpired

EXAMPLES = 20


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One value that differs, for the report."""

    what: Literal["changed", "added", "gone"]
    series: int
    measured: int
    before: Value = None
    after: Value = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found: counts, and the first examples."""

    messages: int = 0
    values: int = 0
    same: int = 0
    changed: int = 0
    added: int = 0
    gone: int = 0
    refused: int = 0
    generation: int = 0
    examples: tuple[Change, ...] = ()


async def replay(
    ports: Ports, window: Window, *, model: str = "", device: str = "", commit: bool = False
) -> AsyncIterator[Difference]:
    """Replay the raw messages received in a window; yields the difference so far after each batch.

    Raises InvalidInput when no raw message of the window is kept, RawExpired (which says from when it
    can start) when the retention of their records deleted some.
    """
    oldest = await ports.store.raw.oldest()
    if oldest is None or window.end <= oldest:
        raise InvalidInput("no raw message of that period is kept", oldest=str(oldest or ""))
    expired = await ports.store.governance.expired_in(window, model=model, device=device)
    if expired is not None:
        raise RawExpired(deleted_before=instant(expired).isoformat(), start=expired + 1)
    generation = await ports.store.history.next_generation() if commit else 0
    total = Difference(generation=generation)
    async for rows in ports.store.raw.read(window, model=model, device=device):
        kept = [row for row in rows if row.kind]
        total = await _batch(kept, ports, total=total, commit=commit)
        yield total


async def _batch(
    rows: Sequence[RawRow], ports: Ports, *, total: Difference, commit: bool
) -> Difference:
    decoded = await _decoded(rows, ports)
    after = {
        (value.series, value.measured): value
        for bound in decoded.bound
        for value in bound.observations
    }
    before = await _kept(rows, ports)
    changes = _compare(before, after)
    if commit and changes:
        await _commit(changes, decoded, ports=ports, generation=total.generation)
    counts = {
        what: sum(each.what == what for each in changes) for what in ("changed", "added", "gone")
    }
    return Difference(
        messages=total.messages + len(rows),
        values=total.values + len(after),
        same=total.same + len(after) - counts["changed"] - counts["added"],
        changed=total.changed + counts["changed"],
        added=total.added + counts["added"],
        gone=total.gone + counts["gone"],
        refused=total.refused + len(decoded.refused),
        generation=total.generation,
        examples=(*total.examples, *changes)[:EXAMPLES],
    )


async def _decoded(rows: Sequence[RawRow], ports: Ports) -> Batch:
    deliveries = [
        Delivery(
            "",
            row.sequence,
            RawMessage(
                row.source, row.topic, row.received, row.payload, row.idempotency, row.sender
            ),
            "",
        )
        for row in rows
    ]
    batch = await identify(deliveries, [row.log for row in rows], ports=ports)
    batch = await decode(batch, ports)
    batch = await bind(batch, ports)
    return check(batch, ports.limits)


async def _kept(rows: Sequence[RawRow], ports: Ports) -> dict[tuple[int, int], ObservationRow]:
    """The final values that came from these messages."""
    wanted = {(row.log, row.sequence) for row in rows}
    kept: dict[tuple[int, int], ObservationRow] = {}
    for log in {row.log for row in rows}:
        sequences = [row.sequence for row in rows if row.log == log]
        for value in await ports.store.history.of_messages(
            log, min(sequences), last=max(sequences)
        ):
            if (value.log, value.sequence) in wanted:
                kept[value.series, value.measured] = value
    return kept


def _compare(
    before: dict[tuple[int, int], ObservationRow], after: dict[tuple[int, int], Observation]
) -> list[Change]:
    changes = []
    for key, value in after.items():
        held = before.get(key)
        if held is None:
            changes.append(Change(what="added", series=key[0], measured=key[1], after=value.value))
        elif held.value != value.value:
            changes.append(
                Change(
                    what="changed",
                    series=key[0],
                    measured=key[1],
                    before=held.value,
                    after=value.value,
                )
            )
    changes.extend(
        Change(what="gone", series=key[0], measured=key[1], before=held.value)
        for key, held in before.items()
        if key not in after
    )
    return changes


async def _commit(
    changes: Sequence[Change], batch: Batch, *, ports: Ports, generation: int
) -> None:
    """Write the changes as a generation of their own, then correct the present state."""
    fresh = {
        (value.series, value.measured): (value, place)
        for bound in batch.bound
        for value, place in zip(bound.observations, bound.places, strict=True)
    }
    corrected = [
        msgspec.structs.replace(fresh[each.series, each.measured][0], generation=generation)
        for each in changes
        if each.what != "gone"
    ]
    withdrawn = [
        Observation(each.series, each.measured, 0.0, 0, 0, 0, generation=generation, deleted=True)
        for each in changes
        if each.what == "gone"
    ]
    await ports.store.history.write([], [*corrected, *withdrawn], outcomes=[])
    await ports.store.state.upsert(
        [
            StateRow(
                value.series,
                *fresh[value.series, value.measured][1][:2],
                value.value,
                value.measured,
                value.received,
                value.quality,
                value.log,
                value.sequence,
                value.codec,
            )
            for value in corrected
        ]
    )
    await ports.bus.publish_observations(
        ObservationBatch(observations=[*corrected, *withdrawn], replayed=True)
    )
