"""``clapas fleet sync`` as a program calls it: its status says whether the comparison was made."""

import asyncio
from pathlib import Path

import pytest

from clapas import cli
from clapas.engines import DataDirectory, EngineAddresses


@pytest.mark.parametrize(
    ("network", "status", "told"),
    [
        ("chirpstack", 1, "fleet.chirpstack_token"),
        ("loriot", 2, "accepted: chirpstack, things_stack"),
    ],
)
async def test_a_comparison_that_was_not_made_ends_in_failure(
    network: str,
    status: int,
    told: str,
    fresh_database: EngineAddresses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("clapas.app.running_addresses", lambda _: fresh_database)
    with DataDirectory.open(tmp_path):
        pass
    typed = ["fleet", "sync", network, "--data", str(tmp_path)]
    assert await asyncio.to_thread(cli.run, typed) == status
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
