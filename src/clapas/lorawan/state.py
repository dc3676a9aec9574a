"""Sessions in memory, found by address or by EUI, every change in the journal.

Journal records are small lists: ``[kind, …]``. Kinds: 'device' (a whole :class:`DeviceState`), 'up' (a counter
moved), 'block' (downlink counters reserved), 'queue' (an item added or changed), 'drop' (an item removed).
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from clapas.lorawan.journal import Journal
from clapas.lorawan.session import GROUP, DeviceState, QueueItem, Session


def _session(device: DeviceState, session_id: str) -> Session | None:
    return next(
        (
            each
            for each in (device.session, device.next_session)
            if each is not None and each.id == session_id
        ),
        None,
    )


def _up(  # noqa: PLR0917 - a record of the journal, in its order
    device: DeviceState, session_id: str, f_cnt_up: int, seen: int, last_seen: int
) -> None:
    session = _session(device, session_id)
    if session is not None and f_cnt_up >= session.f_cnt_up:
        session.f_cnt_up, session.seen, session.last_seen = f_cnt_up, seen, last_seen


def _reserved(  # noqa: PLR0917 - a record of the journal, in its order
    device: DeviceState,
    session_id: str,
    application: bool,  # noqa: FBT001
    limit: int,
) -> None:
    session = _session(device, session_id)
    if session is not None:
        _raise(session, limit, application=application)


def _raise(session: Session, limit: int, *, application: bool) -> None:
    if application:
        session.a_reserved = max(session.a_reserved, limit)
    else:
        session.reserved = max(session.reserved, limit)


def _item(device: DeviceState, item: dict[str, Any]) -> None:
    wanted = msgspec.convert(item, QueueItem)
    _dropped(device, wanted.id)
    device.queue.append(wanted)


def _dropped(device: DeviceState, item_id: str) -> None:
    device.queue = [each for each in device.queue if each.id != item_id]


_CHANGES: dict[str, Callable[..., None]] = {
    "up": _up,
    "block": _reserved,
    "queue": _item,
    "drop": _dropped,
}


def _resume(device: DeviceState) -> None:
    """After a restart every reserved downlink counter counts as used: none may come twice."""
    for session in (device.session, device.next_session):
        if session is not None:
            session.f_cnt_down = max(session.f_cnt_down, session.reserved)
            session.a_f_cnt_down = max(session.a_f_cnt_down, session.a_reserved)
    for item in device.queue:
        if item.state == "sent":
            item.state, item.reason = "queued", "restart"


class State:
    """The memory of the network server."""

    def __init__(
        self, directory: Path, *, counter_block: int = 32, journal_bytes: int = 1 << 26
    ) -> None:
        self._journal = Journal(directory)
        self._block = counter_block
        self._limit = journal_bytes
        self._devices: dict[str, DeviceState] = {}
        self._by_address: dict[int, tuple[Session, ...]] = {}
        self._placed: dict[str, tuple[int, ...]] = {}
        self._unsettled: dict[tuple[str, bool], int] = {}
        """Blocks of downlink counters that are not on the disk yet, with their limit."""
        self._folding: asyncio.Task[None] | None = None
        for record in self._journal.replay():
            self._apply(record)
        for device in self._devices.values():
            self.index(device)
            _resume(device)

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def sessions(self) -> int:
        """How many devices can be heard; one that joined anew has its former session too until it speaks."""
        return len(self._placed)

    def devices(self) -> Iterator[DeviceState]:
        yield from list(self._devices.values())

    def find(self, dev_eui: str) -> DeviceState | None:
        return self._devices.get(dev_eui)

    def obtain(self, dev_eui: str) -> DeviceState:
        """The state of a device, new when it was never heard of."""
        return self._devices.setdefault(dev_eui, DeviceState(dev_eui=dev_eui))

    def at_address(self, dev_addr: int) -> tuple[Session, ...]:
        """The sessions that share an address: the MIC decides between them."""
        return self._by_address.get(dev_addr, ())

    async def save(self, device: DeviceState) -> None:
        """Journal a device whole and wait for the disk: its nonces and session may then be told."""
        self.put(device)
        await self._journal.sync()

    def put(self, device: DeviceState) -> None:
        """Journal a device whole and make it found; durable at the next :meth:`sync`."""
        self._devices[device.dev_eui] = device
        self.index(device)
        self._append(["device", device])

    def note(self, device: DeviceState) -> None:
        """Journal a device whole without waiting (settings that the device will confirm again)."""
        self._append(["device", device])

    def counted(self, session: Session) -> None:
        """Journal an uplink counter."""
        self._append(
            ["up", session.dev_eui, session.id, session.f_cnt_up, session.seen, session.last_seen]
        )

    async def reserve(self, session: Session, *, application: bool) -> int:
        """The next downlink counter; waits for the disk once in a block of them. Raises DiskFull.

        The counter is taken before the wait, so two who ask at once never get the same one; and none is given
        while its block is not on the disk.
        """
        if application:
            counter, session.a_f_cnt_down = session.a_f_cnt_down, session.a_f_cnt_down + 1
        else:
            counter, session.f_cnt_down = session.f_cnt_down, session.f_cnt_down + 1
        limit = session.a_reserved if application else session.reserved
        block = (session.id, application)
        if counter >= limit:
            limit = counter + self._block
            self._append(["block", session.dev_eui, *block, limit])
            _raise(session, limit, application=application)
            self._unsettled[block] = limit
        if block in self._unsettled:
            await self._journal.sync()
            if self._unsettled.get(block) == limit:
                del self._unsettled[block]
        return counter

    def queued(self, dev_eui: str, item: QueueItem) -> None:
        """Journal a queue item, new or changed."""
        self._append(["queue", dev_eui, item])

    def dropped(self, dev_eui: str, item_id: str) -> None:
        """Journal that an item left the queue."""
        self._append(["drop", dev_eui, item_id])

    async def sync(self) -> None:
        await self._journal.sync()

    async def fold(self) -> None:
        """Write a snapshot of everything and forget the journals before it."""
        await self._journal.snapshot(["device", each] for each in self.devices())

    def _append(self, record: list[Any]) -> None:
        self._journal.append(record)
        if self._journal.size > self._limit and (self._folding is None or self._folding.done()):
            self._folding = asyncio.get_running_loop().create_task(self.fold())

    def _apply(self, record: list[Any]) -> None:
        kind, *rest = record
        if kind == "device":
            device = msgspec.convert(rest[0], DeviceState)
            self._devices[device.dev_eui] = device
            return
        known = self._devices.get(rest[0])
        if known is not None:
            _CHANGES[kind](known, *rest[1:])

    def index(self, device: DeviceState) -> None:
        """Make a device's sessions found by their addresses; a group is never heard, only spoken to."""
        if device.dev_eui.startswith(GROUP):
            return
        both = tuple(each for each in (device.session, device.next_session) if each is not None)
        for address in self._placed.pop(device.dev_eui, ()):
            kept = tuple(
                each for each in self.at_address(address) if each.dev_eui != device.dev_eui
            )
            if kept:
                self._by_address[address] = kept
            else:
                self._by_address.pop(address, None)
        for session in both:
            self._by_address[session.dev_addr] = (*self.at_address(session.dev_addr), session)
        if both:
            self._placed[device.dev_eui] = tuple({each.dev_addr for each in both})

    async def close(self) -> None:
        if self._folding is not None:
            await self._folding
        await self._journal.close()
