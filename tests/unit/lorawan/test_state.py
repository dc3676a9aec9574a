"""What the network server remembers survives: a killed process, a cut write, a snapshot taken meanwhile."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import DiskFull
from clapas.lorawan.keys import session_keys_10
from clapas.lorawan.session import QueueItem, Session
from clapas.lorawan.state import State

KEYS = session_keys_10(bytes(16), bytes(16))
EUI = "0011223344556677"

_SPENDER = """
import asyncio, sys
from pathlib import Path
from clapas.lorawan.keys import session_keys_10
from clapas.lorawan.session import Session
from clapas.lorawan.state import State

async def main():
    state = State(Path(sys.argv[1]), counter_block=8, journal_bytes=4_000)
    device = state.obtain("0011223344556677")
    if device.session is None:
        device.session = Session(id="s", dev_eui=device.dev_eui, dev_addr=1, keys=session_keys_10(bytes(16), bytes(16)))
        await state.save(device)
    session = device.session
    while True:
        device.join_nonce += 1
        await state.save(device)
        print("nonce", device.join_nonce, flush=True)
        for turn in range(5):
            print("down", await state.reserve(session, application=False), flush=True)
            session.count(session.f_cnt_up)
            state.counted(session)
            print("up", session.f_cnt_up, flush=True)

asyncio.run(main())
"""


def _session(**facts: object) -> Session:
    return Session(id="s", dev_eui=EUI, dev_addr=7, keys=KEYS, **facts)  # type: ignore[arg-type]


def _spend(folder: Path, lines: int) -> list[tuple[str, int]]:
    """Run a process that spends counters and nonces, kill it in full flight, and give what it had told."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SPENDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as told:
        found = [told.readline().split() for _line in range(lines)]
        os.kill(process.pid, signal.SIGKILL)
        found += [line.split() for line in told]
    process.wait()
    return [(name, int(number)) for name, number in (line for line in found if len(line) == 2)]


def test_no_counter_and_no_nonce_comes_twice_over_kills(tmp_path: Path) -> None:
    told = [pair for lines in (60, 7, 133, 300) for pair in _spend(tmp_path, lines)]
    for name in ("down", "nonce", "up"):
        spent = [number for kind, number in told if kind == name]
        assert len(spent) > 20
        assert spent == sorted(set(spent)), f"{name} went back"
    assert (tmp_path / "snapshot").exists(), "the journal was folded meanwhile"


async def test_sessions_queue_and_nonces_come_back(tmp_path: Path) -> None:
    state = State(tmp_path)
    device = state.obtain(EUI)
    device.session, device.dev_nonces = _session(), (3, 9)
    await state.save(device)
    device.session.count(5)
    state.counted(device.session)
    device.queue = [QueueItem(id="a", f_port=1, data=b"x")]
    state.queued(EUI, QueueItem(id="b", f_port=1, data=b"y"))
    state.dropped(EUI, "b")
    await state.fold()
    state.counted(device.session)
    await state.close()
    again = State(tmp_path)
    found = again.find(EUI)
    assert found is not None
    assert found.session is not None
    assert (found.session.f_cnt_up, found.dev_nonces) == (6, (3, 9))
    assert again.at_address(7) == (found.session,)
    await again.close()
    third = State(tmp_path)
    restored = third.find(EUI)
    assert restored is not None
    assert [(each.id, each.data) for each in restored.queue] == [("a", b"x")]
    await third.close()


async def test_a_downlink_that_was_being_sent_waits_again_after_a_restart(tmp_path: Path) -> None:
    state = State(tmp_path)
    await state.save(state.obtain(EUI))
    state.queued(EUI, QueueItem(id="a", f_port=1, data=b"x", state="sent"))
    await state.close()
    again = State(tmp_path)
    found = again.find(EUI)
    assert found is not None
    assert [(each.id, each.state, each.reason) for each in found.queue] == [
        ("a", "queued", "restart")
    ]
    await again.close()


def _journal(folder: Path) -> Path:
    (journal,) = folder.glob("journal-*")
    return journal


def _cut_journal(folder: Path, cut: int) -> None:
    journal = _journal(folder)
    journal.write_bytes(journal.read_bytes()[:-cut])


@pytest.mark.parametrize("cut", [1, 5, 9])
async def test_a_record_cut_short_is_left_out_and_the_rest_is_read(
    tmp_path: Path, cut: int
) -> None:
    state = State(tmp_path)
    for number in range(3):
        await state.save(state.obtain(f"{number:016x}"))
    await state.close()
    _cut_journal(tmp_path, cut)
    again = State(tmp_path)
    assert len(again) == 2
    await again.save(again.obtain("f" * 16))
    await again.close()
    last = State(tmp_path)
    assert len(last) == 3
    await last.close()


async def test_a_full_disk_is_told_to_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tmp_path)
    monkeypatch.setattr(
        os, "write", lambda _file, _data: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(DiskFull):
        await state.save(state.obtain(EUI))
    monkeypatch.undo()
    await state.close()


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """The kernel writes no file beyond ``size`` bytes: a write that reaches it is cut short."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_nothing_is_lost_behind_a_record_that_the_disk_cut_short(tmp_path: Path) -> None:
    state = State(tmp_path)
    await state.save(state.obtain("0" * 16))
    journal = _journal(tmp_path)
    whole = journal.stat().st_size
    with _room_for(whole + 10), pytest.raises(DiskFull):
        await state.save(state.obtain("1" * 16))
    assert journal.stat().st_size == whole
    await state.save(state.obtain("2" * 16))
    await state.close()
    again = State(tmp_path)
    assert {each.dev_eui for each in again.devices()} == {"0" * 16, "2" * 16}
    await again.close()


async def test_two_who_ask_at_once_never_get_the_same_counter_and_a_restart_none_of_theirs(
    tmp_path: Path,
) -> None:
    state = State(tmp_path, counter_block=2)
    device = state.obtain(EUI)
    device.session = _session()
    await state.save(device)

    async def meanwhile() -> None:
        state.note(device)

    noting = asyncio.create_task(meanwhile())
    asked = [state.reserve(device.session, application=False) for _turn in range(9)]
    counters = await asyncio.gather(*asked)
    await noting
    assert sorted(counters) == list(range(9))
    again = State(tmp_path)
    session = again.obtain(EUI).session
    assert session is not None
    assert await again.reserve(session, application=False) >= 9
    await again.close()
    await state.close()


async def test_a_counter_is_given_only_when_its_block_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tmp_path)
    device = state.obtain(EUI)
    device.session = _session()
    await state.save(device)
    with monkeypatch.context() as broken:
        broken.setattr("os.fdatasync", lambda _file: (_ for _ in ()).throw(OSError(5, "dead disk")))
        for _attempt in range(2):
            with pytest.raises(DiskFull):
                await state.reserve(device.session, application=False)
    assert await state.reserve(device.session, application=False) == 2
    await state.close()


async def test_many_waiters_share_a_flush(tmp_path: Path) -> None:
    state = State(tmp_path)
    await asyncio.gather(*(state.save(state.obtain(f"{number:016x}")) for number in range(200)))
    await state.close()
    again = State(tmp_path)
    assert len(again) == 200
    await again.close()


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60))
def test_a_counter_is_accepted_once_whatever_the_order(order: list[int]) -> None:
    session = _session()
    accepted = []
    for counter in order:
        if session.judge(counter) in {"new", "late"}:
            session.count(counter)
            accepted.append(counter)
    assert len(accepted) == len(set(accepted))
    highest = 0
    for counter in order:
        highest = max(highest, counter)
        if highest - counter < 63:
            assert counter in accepted


@given(st.integers(0, 2**32 - 70_000), st.integers(0, 60_000))
def test_sixteen_bits_stand_for_the_right_counter(next_expected: int, ahead: int) -> None:
    session = _session(f_cnt_up=next_expected)
    assert next_expected + ahead in session.candidates((next_expected + ahead) & 0xFFFF)


async def test_a_device_that_joined_anew_is_counted_once(tmp_path: Path) -> None:
    state = State(tmp_path)
    device = state.obtain(EUI)
    device.session = _session()
    state.put(device)
    device.next_session = Session(id="t", dev_eui=EUI, dev_addr=8, keys=KEYS)
    state.put(device)
    assert [len(state.at_address(address)) for address in (7, 8)] == [1, 1]
    assert state.sessions == 1
    await state.close()
