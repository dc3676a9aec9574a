"""What the registry says is gathered, and looked at together, not too often."""

from collections.abc import Callable, Collection
from typing import Any, cast

import pytest

from clapas.rules import moved
from clapas.rules.engine import SETTLE_MS


class Platform:
    """The registry, the rules' store and the engine, as far as they meet here."""

    def __init__(self) -> None:
        self.registry = self.book = self
        self.saved_groups: set[str] = set()
        self.looked: list[set[int] | None] = []
        self.tell: Callable[[str], None] = lambda _: None

    def watch(self, changed: Callable[[str], None]) -> None:
        self.tell = changed

    async def fed_by(self, devices: Collection[str], _: Collection[str]) -> list[int]:
        return sorted(int(each) for each in devices)

    async def look_again(self, series: Collection[int] | None) -> None:
        self.looked.append(None if series is None else set(series))


async def test_changes_are_gathered_and_a_whole_look_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1_000_000]
    monkeypatch.setattr(moved, "now_ms", lambda: clock[0])
    here = Platform()
    gathered = moved.Moved(cast("Any", here), cast("Any", here), engine=cast("Any", here))

    async def after(passed: int) -> list[set[int] | None]:
        clock[0] += passed
        await gathered.settle()
        return here.looked

    here.tell("7")
    assert await after(SETTLE_MS - 1) == [], "what waited in the log is read first"
    here.tell("8")
    assert await after(1) == [{7, 8}]
    assert await after(2_000) == [{7, 8}]
    here.tell("")
    assert await after(2_000) == [{7, 8}, None]
    here.tell("")
    here.tell("9")
    assert await after(moved.WHOLE_MS - 1) == [{7, 8}, None]
    assert await after(1) == [{7, 8}, None, None]
    here.saved_groups = {"silent"}
    assert await after(moved.REGROUP_MS - 1) == [{7, 8}, None, None]
    assert await after(1) == [{7, 8}, None, None, set()]
