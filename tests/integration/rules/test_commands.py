"""``clapas rules`` as it is typed: what it prints, what it keeps, how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clapas.cli import run
from clapas.commands import rules as commands
from clapas.engines import EngineAddresses
from clapas.rules.engine import now_ms
from clapas.store import Store

if TYPE_CHECKING:
    from tests.integration.rules.conftest import Room

HIGH: dict[str, Any] = {
    "id": "high",
    "title": "Réservoir trop plein",
    "target": {"attribute": "level"},
    "when": {"kind": "threshold", "operator": ">", "limit": 4.0},
    "severity": "major",
}
MAD = {**HIGH, "id": "mad", "clear": {"kind": "threshold", "operator": "<", "limit": 9.0}}


class Shell:
    """Types ``clapas rules …``; gives the exit status and what was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: object) -> tuple[int, str]:
        status = await asyncio.to_thread(run, ["rules", *map(str, words)])
        told = self._capsys.readouterr()
        return status, told.out + told.err


@pytest.fixture
def shell(
    room: "Room",
    fresh_database: EngineAddresses,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    @asynccontextmanager
    async def store_of(_: Path) -> AsyncIterator[Store]:
        async with Store.open(fresh_database, pool=2) as store:
            yield store

    monkeypatch.setattr(commands, "store_of", store_of)
    return Shell(capsys)


def written(path: Path, *rules: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"clapas_rules": 1, "rules": rules}))
    return path


async def test_rules_travel_as_files(shell: Shell, room: "Room", tmp_path: Path) -> None:
    file = written(tmp_path / "rules.json", HIGH, MAD)
    status, told = await shell("import", "--dry-run", file)
    assert (status, "created  high" in told) == (1, True)
    assert await room.rules.all() == [], "a dry run keeps nothing"

    status, told = await shell("import", file)
    assert status == 1
    assert "refused  mad: it would be cleared while it is raised" in told
    out = tmp_path / "out.json"
    assert (await shell("export", out))[0] == 0
    assert [each["id"] for each in json.loads(out.read_text())["rules"]] == ["high"]
    assert await shell("import", out) == (0, "same     high\n")

    status, told = await shell("list")
    assert status == 0
    assert told.split() == ["high", "1", "on", "0", "0", "-", "Réservoir", "trop", "plein"]
    assert await shell("remove", "high") == (0, "")
    assert await shell("list") == (0, "")
    assert (await shell("remove", "high"))[0] == 2


async def test_a_file_is_replayed_and_nothing_is_kept(
    shell: Shell, room: "Room", tmp_path: Path
) -> None:
    past = now_ms() - 86_400_000
    batch = room.batch(("tank", past, 2.0), ("tank", past + 60_000, 9.0))
    await room.store.history.keep(batch.observations)
    status, told = await shell("replay", written(tmp_path / "rules.json", HIGH, MAD))
    assert status == 1
    assert told.splitlines() == [
        "high: 1 alarms on 1 of 2 watched, 0.03 a day (history)",
        "mad: refused: it would be cleared while it is raised",
    ]
    assert await room.rules.all() == []


async def test_what_is_no_file_of_rules_is_told(shell: Shell, tmp_path: Path) -> None:
    status, told = await shell("import", tmp_path / "nowhere.json")
    assert (status, "does not exist" in told) == (2, True)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    status, told = await shell("replay", broken)
    assert (status, "this is no file of rules" in told) == (2, True)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"clapas_rules": 7, "rules": []}))
    status, told = await shell("import", other)
    assert (status, "another version" in told) == (2, True)
