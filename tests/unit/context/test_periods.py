"""Periodic notifications: one that cannot be made is logged, and stops no other."""

import asyncio
from typing import Any, cast

import pytest

from clapas.context.broker import Broker
from clapas.context.periods import Periods


def following(name: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "", {"id": name, "entities": [{"type": "Van"}], "timeInterval": 0.01}, {}


async def test_a_defect_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    periods = Periods(cast("Broker", None))
    periods.following = [following("urn:a"), following("urn:b")]
    running = asyncio.create_task(periods.run())
    async with asyncio.timeout(20):
        while sum("urn:b cannot be made" in each for each in caplog.messages) < 2:
            await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
