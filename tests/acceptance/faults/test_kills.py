"""kill -9 of any process, at any moment: nothing acknowledged is lost, nothing is counted twice."""

from pathlib import Path

import pytest

from clapas.ops.faults import VICTIMS, Plan, torture

pytestmark = pytest.mark.engines


async def test_thirty_kills_under_load_lose_nothing(tmp_path: Path) -> None:
    report = await torture(tmp_path / "data", Plan(kills=30, rate=400, seed=20261122), tell=print)
    assert report.sound, report
    assert report.acknowledged == report.sent
    assert report.ledger.received >= report.sent
    assert set(report.kills) == set(VICTIMS), "each kind of process was killed at least once"
