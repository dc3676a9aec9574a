"""The daily backup is due at a civil hour, keeps so many files, and says how it went."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clapas.domain.errors import DiskFull
from clapas.ops.keeping.copy import own_files
from clapas.ops.keeping.schedule import attempt, name_at, next_due, prune, read_health


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-10T00:30+00:00", "2026-01-10T01:00+00:00"),
        ("2026-01-10T01:00+00:00", "2026-01-11T01:00+00:00"),
        ("2026-07-10T00:30+00:00", "2026-07-11T00:00+00:00"),
        ("2026-03-28T12:00+00:00", "2026-03-29T01:00+00:00"),
        ("2026-10-24T12:00+00:00", "2026-10-25T00:00+00:00"),
    ],
)
def test_two_o_clock_in_paris(now: str, due: str) -> None:
    found = next_due(datetime.fromisoformat(now), 2, timezone="Europe/Paris")
    assert found == datetime.fromisoformat(due)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    names = [name_at(datetime(2026, 1, day, tzinfo=UTC)) for day in range(1, 6)]
    for name in [*names, "of-somebody-else.backup"]:
        (tmp_path / name).touch()
    prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *names[3:],
        "of-somebody-else.backup",
    ]


async def test_a_failure_is_told_and_the_last_good_one_remembered(tmp_path: Path) -> None:
    async def good(target: Path) -> None:
        await asyncio.to_thread(target.write_bytes, b"backup")

    async def bad(_: Path) -> None:
        raise DiskFull

    first = await attempt(tmp_path, tmp_path, make=good)
    assert (first.error, first.size) == ("", 6)
    second = await attempt(tmp_path, tmp_path, make=bad)
    assert second.error
    assert read_health(tmp_path) == second
    assert second.last_ok == first.last_ok


def test_a_copy_takes_secrets_but_neither_its_own_key_nor_other_backups(tmp_path: Path) -> None:
    for name in (
        "clapas.toml", "secrets/pepper", "secrets/backup.key", "run/addresses.json", "lock",
        "postgres/PG_VERSION", "nats/ports.json", "nats/jetstream/x", "copies/clapas-1.backup",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = own_files(tmp_path, without=tmp_path / "copies")
    assert sorted(found) == ["clapas.toml", "nats/ports.json", "secrets/pepper"]
