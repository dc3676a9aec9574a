"""A platform is copied while messages arrive, restored elsewhere, and nothing differs but its later life."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from rich.console import Console

from clapas.app import attached, platform
from clapas.bus import NatsBus
from clapas.commands import keeping
from clapas.domain.device import Device
from clapas.domain.message import RawMessage
from clapas.ops.keeping.errors import TargetNotEmpty, WrongKey
from clapas.ops.keeping.keys import make_key_file
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.store import Store

pytestmark = pytest.mark.engines
QUIET = Console(quiet=True)
BASE = int(time.time() * 1000) - 3_600_000


def message(number: int) -> RawMessage:
    """A message whose value is its number, at its own time."""
    body = f'{{"time": {BASE + number}, "values": {{"number": {number}}}}}'
    return RawMessage("mqtt", f"up/keep-{number % 5}", BASE + number, body.encode())


async def talk(bus: NatsBus, first: int, stop: asyncio.Event) -> None:
    """Publish until told to stop."""
    number = first
    while not stop.is_set():
        await bus.publish_uplinks([message(each) for each in range(number, number + 20)])
        number += 20
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def talking(bus: NatsBus, first: int) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(talk(bus, first, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def values(store: Store, last: int) -> Counter[float]:
    """Every value of the first log, up to a sequence."""
    rows = await store.history.of_messages(1, 1, last=last)
    return Counter(row.value for row in rows if isinstance(row.value, float))


async def settled(store: Store, bus: NatsBus, patience: int = 600) -> Ledger:
    for _ in range(patience):
        ledger = await read_ledger(store, bus)
        if not ledger.in_flight:
            return ledger
        await asyncio.sleep(0.1)
    raise AssertionError("the pipeline does not finish")


async def test_a_copy_made_while_messages_arrive_is_restored_exactly(tmp_path: Path) -> None:
    data, file, key_file = tmp_path / "data", tmp_path / "copy", tmp_path / "key"
    key = make_key_file(key_file)
    async with platform(data, roles=("pipeline",)) as running:
        pepper = running.directory.secret("pepper")
        pepper.write_bytes(b"p" * 32)
        async with (
            Store.open(running.addresses, pool=2) as store,
            NatsBus.open(running.addresses.nats) as bus,
        ):
            await store.registry.save_devices(
                [Device(id=uuid4(), key=f"keep-{n}") for n in range(5)]
            )
            await bus.publish_uplinks([message(number) for number in range(400)])
            await settled(store, bus)
            async with talking(bus, 400):
                made = await keeping._backup(data, file, key=key, console=QUIET)
            assert (await settled(store, bus)).balanced

    position = next(each for each in made.positions if each.name == "uplink")
    assert position.last >= 400
    elsewhere = tmp_path / "elsewhere"
    other = tmp_path / "other"
    make_key_file(other)
    with pytest.raises(WrongKey):
        await keeping._restore(
            file, tmp_path / "never", key_file=other, embedded=False, console=QUIET
        )
    assert list((tmp_path / "never").iterdir()) == []
    done = await keeping._restore(
        file, elsewhere, key_file=key_file, embedded=False, prove=True, console=QUIET
    )
    assert done.identical
    assert done.missing == 0
    assert done.ledger.balanced
    assert done.ledger.received == done.ledger.stored == position.last
    assert (elsewhere / "secrets" / "pepper").read_bytes() == b"p" * 32
    async with attached(elsewhere) as addresses, Store.open(addresses, pool=2) as store:
        found = await values(store, position.last + 10_000)
        assert found == Counter(float(number) for number in range(position.last))
        async with NatsBus.open(addresses.nats) as bus:
            logs = (await read_ledger(store, bus)).logs
            assert sorted(each.name for each in logs if each.open) == ["mqtt", "uplink"]
            assert len({each.log for each in logs}) == len(logs)
    with pytest.raises(TargetNotEmpty):
        await keeping._restore(file, elsewhere, key_file=key_file, embedded=False, console=QUIET)


async def test_what_waits_in_a_log_is_finished_by_the_restore(tmp_path: Path) -> None:
    data, file, key_file = tmp_path / "data", tmp_path / "copy", tmp_path / "key"
    key = make_key_file(key_file)
    async with platform(data, roles=()) as running:
        async with (
            Store.open(running.addresses, pool=2) as store,
            keeping._opened(data) as (_, bus),
        ):
            await store.registry.save_devices(
                [Device(id=uuid4(), key=f"keep-{n}") for n in range(5)]
            )
            await bus.publish_uplinks([message(number) for number in range(30)])
        made = await keeping._backup(data, file, key=key, console=QUIET)
    assert made.waiting == 30
    done = await keeping._restore(
        file, tmp_path / "elsewhere", key_file=key_file, embedded=False, console=QUIET
    )
    assert (done.finished, done.ledger.stored, done.ledger.in_flight) == (30, 30, 0)
