"""A process whose monotonic clock runs several times as fast: an hour of radio in minutes.

Timers, windows and the sliding hour of the duty cycle all follow that clock, so nothing that is timed is cut short;
only the processor and the disk have less real time for the same work, which makes the trial harder than the hour.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from unittest.mock import patch

Result = TypeVar("Result")


class _Selector(selectors.DefaultSelector):
    """Waits a share of what the loop asks for."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._speed if timeout else timeout)


def run_fast(work: Callable[[], Coroutine[Any, Any, Result]], *, speed: float) -> Result:
    """Run to the end in a new loop whose clock, and ``time.monotonic``, run ``speed`` times as fast."""
    real = time.monotonic
    began = real()
    with (
        patch("time.monotonic", lambda: began + (real() - began) * speed),
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(speed))) as runner,
    ):
        return runner.run(work())
