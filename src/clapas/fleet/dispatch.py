"""The queue at work: what is too late leaves it, what is due is sent, what was sent is followed up."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from clapas.codecs import CodecPool
from clapas.codecs.job import DecodeJob
from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput, NotFound, OperatorError
from clapas.domain.identifiers import device_entity
from clapas.domain.window import instant
from clapas.fleet.calendar import Ground, Timing, next_after
from clapas.fleet.carriers import Downlink, carrier_of
from clapas.fleet.orders import closing_of, order
from clapas.fleet.shadow import held
from clapas.sources.speaker import Speaker
from clapas.store import Known, Store
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_commands import Command

ALL = RowFilter(everything=True)
FAILURES = frozenset({"log", "down_nack", "down_failed"})
"""Kinds of events that say, when they name a command, that it did not reach its device."""


class Publisher:
    """Gives a command to its network: by our broker, by the network server's own, or by asking it."""

    def __init__(
        self,
        publish: Callable[[str, bytes], Awaitable[None]],
        ask: Callable[[str, bytes], Awaitable[bytes]] | None = None,
        *,
        speaker: Speaker | None = None,
    ) -> None:
        self._publish = publish
        self._ask = ask
        self._speaker = speaker

    async def give(self, downlink: Downlink, source: str) -> None:
        """Hand a command to a device of that source over.

        Raises InvalidInput when the network says that it cannot take it, OperatorError when it is away.
        """
        if downlink.asks and self._ask is not None:
            said = msgspec.json.decode(await self._ask(downlink.topic, downlink.body))
            if "error" in said:
                raise InvalidInput(str(said.get("detail") or said["error"])[:200])
        elif self._speaker is not None and self._speaker.reaches(source):
            await self._speaker.publish(source, downlink.topic, body=downlink.body)
        else:
            await self._publish(downlink.topic, downlink.body)


async def dispatch(store: Store, publisher: Publisher, *, codecs: CodecPool) -> int:
    """One round of the queue; gives how many commands were sent."""
    await store.commands.expire()
    await plan(store)
    sent = 0
    commands = await store.commands.take()
    keys = {each.key for each in commands}
    known, elsewhere = await store.registry.resolve(keys), await held(store, keys)
    for command in commands:
        if command.key in elsewhere:
            await store.commands.mark(
                command.id, "failed", detail="shadow run: commanded elsewhere"
            )
            continue
        sent += await _send(
            store, command, known=known.get(command.key), publisher=publisher, codecs=codecs
        )
    await follow(store)
    return sent


async def _send(
    store: Store, command: Command, *, known: Known | None, publisher: Publisher, codecs: CodecPool
) -> bool:
    if known is None or known.device.lifecycle in {"retired", "proposed"}:
        await store.commands.mark(command.id, "failed", detail="the device takes no command")
        return False
    try:
        ready = await _encoded(command, known, codecs=codecs)
        downlink = carrier_of(known.device.source)(ready, known.device)
        await publisher.give(downlink, known.device.source)
    except OperatorError as error:
        await store.commands.requeue(command.id, str(error))
        return False
    except InvalidInput as error:
        await store.commands.mark(command.id, "failed", detail=str(error))
        return False
    await _watch(store, command, known=known)
    return True


async def _encoded(command: Command, known: Known, *, codecs: CodecPool) -> Command:
    """The command with its bytes, made by the model's codec when it has an object only."""
    if command.payload or command.object is None or known.device.source == "mqtt_device":
        return command
    if known.model is None:
        raise InvalidInput("without a model nothing encodes this command", device=command.key)
    job = DecodeJob(codec=known.model.codec, payload=b"", script=known.script)
    answer = await codecs.encode(job, command.object)
    if answer.errors:
        raise InvalidInput("; ".join(answer.errors))
    return msgspec.structs.replace(
        command, payload=answer.payload, f_port=command.f_port or answer.f_port
    )


async def _watch(store: Store, command: Command, *, known: Known) -> None:
    """An opening is followed by its closing, whatever happens to the person who asked for it."""
    if command.opposite is None:
        await store.commands.replace_closings(command.key, command.id)
    if command.longest_s is None:
        return
    at = datetime.now(UTC) + timedelta(seconds=command.longest_s)
    closing = closing_of(command.name, known.model, opening=command.id, at=at)
    if closing is not None:
        await store.commands.add([command.key], closing, actor=command.actor)


async def follow(store: Store) -> None:
    """Acknowledgements of networks, and effects seen in measurements."""
    waiting = await store.commands.waiting()
    if waiting:
        since = min(each.sent or each.created for each in waiting)
        await _answers(store, waiting, since=since)
    for number, key, expect, sent in await store.commands.expecting():
        await _effect(store, number, key=key, expect=expect, sent=sent)


async def _answers(store: Store, commands: list[Command], *, since: datetime) -> None:
    for device, kind, payload in await store.health.answers(since):
        for command in commands:
            if command.key == device and command.reference.encode() in payload:
                await _heard(store, command, kind=kind, payload=payload)


async def _heard(store: Store, command: Command, *, kind: str, payload: bytes) -> None:
    """A network spoke of a command: it went out, the device has it, or it never will.

    Proto3's JSON leaves out what is false: an 'ack' that does not say "acknowledged" is a refusal.
    """
    said = payload.replace(b" ", b"")
    if kind in FAILURES:
        await store.commands.mark(command.id, "failed", detail=_why(kind, payload))
    elif kind == "ack" and b'"acknowledged":true' not in said:
        await store.commands.mark(command.id, "failed", detail="not acknowledged")
    elif kind in {"ack", "down_ack"} and command.expect is None:
        await store.commands.mark(command.id, "confirmed")
    elif command.state == "sent":
        await store.commands.mark(command.id, "acked")


def _why(kind: str, payload: bytes) -> str:
    try:
        told = msgspec.json.decode(payload, type=dict[str, Any])
    except msgspec.MsgspecError:
        return kind
    return str(told.get("description") or kind)[:200]


async def _effect(
    store: Store, number: int, *, key: str, expect: dict[str, Any], sent: datetime
) -> None:
    entity = expect.get("entity") or device_entity(key)
    found = await store.state.latest(ALL, entities=[entity], attribute=expect.get("attribute", ""))
    for latest in found:
        value = latest.value
        if instant(latest.measured) < sent or not isinstance(value, int | float):
            continue
        above, below = expect.get("above"), expect.get("below")
        if (above is None or value > above) and (below is None or value < below):
            await store.commands.mark(number, "confirmed", detail=f"{latest.attribute} = {value}")
            return
    if datetime.now(UTC) - sent > timedelta(seconds=expect.get("within_s", 900)):
        await store.commands.mark(number, "failed", detail="no effect was measured")


async def plan(store: Store) -> None:
    """Schedules whose time has come put their command in the queue, and move on."""
    schedules = [each for each in await store.commands.schedules() if each.enabled]
    now = datetime.now(UTC)
    due = [each for each in schedules if each.next and each.next <= now]
    if not due:
        return
    ground = await ground_of(store)
    for each in due:
        following = next_after(msgspec.convert(each.timing, Timing), now, ground=ground)
        if await store.commands.move_schedule(each.id, was=each.next, to=following):
            query = msgspec.convert(each.target, DeviceQuery)
            keys = await store.fleet.keys(ALL, query)
            await order(store, keys, values=each.command, actor=each.actor)


async def ground_of(store: Store) -> Ground:
    """The territory's zone and middle."""
    zone = await store.territory.zone()
    try:
        box = (await store.territory.get()).bbox
    except NotFound:
        box = None
    west, south, east, north = box or (2.0, 46.0, 3.0, 47.0)
    return Ground(zone=zone, longitude=(west + east) / 2, latitude=(south + north) / 2)
