"""The parts of the bench at their smallest scale: what they claim to measure really happens."""

import asyncio
import time

import pytest

from clapas.domain.errors import InvalidInput
from clapas.ops.benches import lorawan
from clapas.ops.fast_clock import run_fast
from clapas.ops.lorawan_mutants import withstand
from clapas.ops.lorawan_storm import Storm, blow


async def test_mutated_datagrams_never_stop_the_server() -> None:
    figures = await withstand(3000)
    assert figures["alive"]
    assert figures["refused"]["malformed_packet"] > 3000 / 4


def test_a_fast_clock_shortens_the_wait_and_nothing_else() -> None:
    async def nap() -> float:
        began = time.monotonic()
        await asyncio.sleep(40)
        return time.monotonic() - began

    began = time.perf_counter()
    assert run_fast(nap, speed=200) >= 40
    assert time.perf_counter() - began < 40


def test_a_storm_on_a_fast_clock_answers_what_the_air_allows_and_refuses_the_rest() -> None:
    figures = blow(Storm(joins=240, rate=120, gateways=1, speed=8))
    assert (figures["requests"], figures["heard"], figures["neither"]) == (240, 240, 0)
    assert figures["answered"] == figures["emissions_asked"]
    assert 0 < figures["answered"] < 240, "one gateway cannot answer twice what it can send"
    assert figures["refused"] == {"duty_cycle": 240 - figures["answered"]}


async def test_a_part_that_does_not_exist_is_said() -> None:
    with pytest.raises(InvalidInput):
        await lorawan.run({"only": "steady,nothing"})
