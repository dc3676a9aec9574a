"""Step 5: claim, then keep: history first, outcomes last in it, then the present state.

Everything here is idempotent by (log, sequence) and (series, measured): a batch that was interrupted
anywhere is simply done again when the log hands it out again.
"""

import msgspec

from clapas.domain.identifiers import message_digest
from clapas.domain.message import Observation, ObservationBatch, Outcome, Uplink
from clapas.domain.window import milliseconds
from clapas.pipeline.batch import Batch, Bound, Refusal
from clapas.pipeline.ports import Ports
from clapas.store import Claim, RawRow, Reject, Seen, StateRow

_json = msgspec.json.Encoder().encode
DETAIL = 500


class Kept(msgspec.Struct, frozen=True):
    """What a batch became, for health and tests; ``told`` goes to the rooms downstream."""

    outcomes: tuple[Outcome, ...]
    told: ObservationBatch


async def keep(batch: Batch, ports: Ports) -> Kept:
    """Make the batch durable in both engines."""
    mine = await _claimed(batch, ports)
    accepted = [each for each, own in zip(batch.bound, mine, strict=True) if own]
    observations = [value for each in accepted for value in each.observations]
    outcomes = _outcomes(batch, mine)
    entities = [entity for each in accepted for entity in each.item.uplink.entities]
    if entities:
        await ports.store.entities.upsert(entities)
    rejects = _rejects(batch, outcomes)
    if rejects:
        await ports.store.rejects.keep(rejects)
    await ports.store.history.write(_raw_rows(batch), observations, outcomes=outcomes)
    state = _state(accepted)
    if state:
        await ports.store.state.upsert(state)
    await ports.store.registry.touch(_seen(batch, accepted))
    return Kept(tuple(outcomes), ObservationBatch(observations=observations))


async def _claimed(batch: Batch, ports: Ports) -> list[bool]:
    """Which items are the first of their identity; those without an identity always are."""
    claims = [
        (index, _claim(bound.item.uplink, batch, bound=bound))
        for index, bound in enumerate(batch.bound)
        if bound.item.uplink.message_id is not None
    ]
    mine = [True] * len(batch.bound)
    if claims:
        answers = await ports.store.messages.claim([claim for _, claim in claims])
        for (index, _), answer in zip(claims, answers, strict=True):
            mine[index] = answer
    return mine


def _claim(uplink: Uplink, batch: Batch, *, bound: Bound) -> Claim:
    delivery = batch.deliveries[bound.item.delivery]
    own = uplink.measured or uplink.sent
    return Claim(
        message_digest(uplink.device, uplink.kind, uplink.message_id or ""),
        batch.logs[bound.item.delivery],
        delivery.sequence,
        milliseconds(own) if own else delivery.message.received,
    )


def _outcomes(batch: Batch, mine: list[bool]) -> list[Outcome]:
    """One outcome per message: stored when any of its parts was, else duplicate, else rejected."""
    stored: dict[int, int] = {}
    duplicates: set[int] = set()
    for bound, own in zip(batch.bound, mine, strict=True):
        index = bound.item.delivery
        if not own:
            duplicates.add(index)
        elif bound.observations or index not in batch.refused:
            # A frame that was understood and holds no value (a join, a setting) is kept too.
            stored[index] = stored.get(index, 0) + len(bound.observations)
    return [
        _outcome(
            batch,
            index,
            stored=stored.get(index),
            duplicate=index in duplicates,
        )
        for index in range(len(batch.deliveries))
    ]


def _outcome(batch: Batch, index: int, *, stored: int | None, duplicate: bool) -> Outcome:
    delivery = batch.deliveries[index]
    message = delivery.message
    refusals = batch.refused.get(index, ())
    if stored is not None:
        result, refusal = "stored", Refusal("partial") if refusals else Refusal("")
    elif duplicate:
        result, refusal = "duplicate", Refusal("")
    else:
        result, refusal = "rejected", refusals[0] if refusals else Refusal("empty")
    return Outcome(
        log=batch.logs[index],
        sequence=delivery.sequence,
        source=_source(batch, index),
        device=_device(batch, index),
        result=result,
        reason=refusal.reason,
        detail="; ".join(filter(None, (each.detail for each in refusals)))[:DETAIL],
        observations=stored or 0,
        received=message.received,
    )


def _source(batch: Batch, index: int) -> str:
    """The connector that understood the message; the door's own name when none did."""
    origin = batch.origins.get(index)
    return origin.source if origin else batch.deliveries[index].message.source


def _device(batch: Batch, index: int) -> str:
    origin = batch.origins.get(index)
    return origin.device if origin else ""


def _rejects(batch: Batch, outcomes: list[Outcome]) -> list[Reject]:
    return [
        Reject(
            log=outcome.log,
            sequence=outcome.sequence,
            source=outcome.source,
            device=outcome.device,
            reason=outcome.reason,
            detail=outcome.detail,
            received=outcome.received,
            topic=batch.deliveries[index].message.topic,
            preview=batch.deliveries[index].message.payload[:256],
        )
        for index, outcome in enumerate(outcomes)
        if outcome.result == "rejected"
    ]


def _raw_rows(batch: Batch) -> list[RawRow]:
    first = {each.item.delivery: each for each in reversed(batch.bound)}
    return [
        _raw_row(batch, index, bound=first.get(index)) for index in range(len(batch.deliveries))
    ]


def _raw_row(batch: Batch, index: int, *, bound: Bound | None) -> RawRow:
    """The raw row; ``kind`` stays empty for a refused message, which replay leaves to retry."""
    delivery = batch.deliveries[index]
    message = delivery.message
    row = RawRow(
        log=batch.logs[index],
        sequence=delivery.sequence,
        source=_source(batch, index),
        received=message.received,
        payload=message.payload,
        topic=message.topic,
        idempotency=message.idempotency,
        sender=message.sender,
        kind="",
    )
    uplink = batch.origins.get(index)
    if uplink is None:
        return row
    known = bound.item.known if bound else None
    return msgspec.structs.replace(
        row,
        kind=uplink.kind if bound else "",
        device=uplink.device,
        model=known.device.model if known else "",
        message_id=uplink.message_id or "",
        measured=milliseconds(uplink.measured) if uplink.measured else None,
        sent=milliseconds(uplink.sent) if uplink.sent else None,
        f_port=uplink.f_port,
        f_cnt=uplink.f_cnt,
        frame=uplink.payload or b"",
        radio=_json(uplink.radio).decode() if uplink.radio else "",
        frequency_hz=uplink.frequency_hz,
        data_rate=uplink.data_rate,
        codec=bound.item.codec if bound else 0,
    )


def _state(accepted: list[Bound]) -> list[StateRow]:
    """The newest value of each series in the batch: the present state needs no other."""
    newest: dict[int, tuple[Observation, tuple[str, str, str]]] = {}
    for bound in accepted:
        for value, place in zip(bound.observations, bound.places, strict=True):
            held = newest.get(value.series)
            if held is None or held[0].measured <= value.measured:
                newest[value.series] = (value, place)
    return [
        StateRow(
            value.series,
            place[0],
            place[1],
            value.value,
            value.measured,
            value.received,
            value.quality,
            value.log,
            value.sequence,
            value.codec,
        )
        for value, place in newest.values()
    ]


def _seen(batch: Batch, accepted: list[Bound]) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    for bound in accepted:
        if bound.item.known is None:
            continue
        best = max(bound.item.uplink.radio, key=lambda radio: radio.rssi or -999, default=None)
        seen[bound.item.uplink.device] = Seen(
            batch.deliveries[bound.item.delivery].message.received,
            best.rssi if best else None,
            best.snr if best else None,
            best.gateway if best else "",
            _battery(bound),
        )
    return seen


def _battery(bound: Bound) -> float | None:
    for value, place in zip(bound.observations, bound.places, strict=True):
        if place[2] == "battery_level" and isinstance(value.value, float):
            return value.value
    return None
