"""How good the network detector is: leaks found, delay, false alarms, and the official score in euros.

An alarm finds the leak that runs when it is raised and was not found yet (the latest begun first); one
that comes when every running leak was found already is a repeat; one with no leak running is false.
Official score (BattLeDIM): 0.80 € per m³ not lost within the period, minus 500 · x/300 for a place x
metres off, when x is at most 300 m; 500 € for a false report.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.bursts import Step
from clapas.usecases.water.network.simulate import Leak

EURO_PER_M3 = 0.80
CREW_EUROS = 500.0
NEAR_M = 300.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Per leak the delay in days (infinite when missed); counts of false alarms and of repeats."""

    delays: tuple[float, ...]
    alarms: tuple[int | None, ...]
    false: int
    repeats: int


def match(
    steps: list[Step],
    leaks: tuple[Leak, ...],
    *,
    slack_hours: float = 48.0,
    zones: Mapping[str, str] | None = None,
) -> Outcome:
    """Match told alarms to leaks. A leak may still be found ``slack_hours`` after its repair.

    With ``zones`` (pipe → zone) an alarm only finds a leak of its own zone.
    """
    where = zones or {}
    delays = [np.inf] * len(leaks)
    found: list[int | None] = [None] * len(leaks)
    false = repeats = 0
    for number, step in enumerate(steps):
        if not step.told:
            continue
        running = [
            n
            for n, leak in enumerate(leaks)
            if leak.start <= step.raised + 1 <= leak.end + slack_hours
            and where.get(leak.pipe, step.zone) == step.zone
        ]
        fresh = [n for n in running if found[n] is None]
        if not running:
            false += 1
        elif not fresh:
            repeats += 1
        else:
            best = max(fresh, key=lambda n: leaks[n].start)
            found[best], delays[best] = number, (step.raised + 1 - leaks[best].start) / 24.0
    return Outcome(delays=tuple(delays), alarms=tuple(found), false=false, repeats=repeats)


def euros(outcome: Outcome, leaks: tuple[Leak, ...], metres: list[float], until: float) -> float:
    """The official score; ``metres`` is how far each leak's first candidate lay (infinite: not found)."""
    total = -CREW_EUROS * outcome.false
    for leak, delay, off in zip(leaks, outcome.delays, metres, strict=True):
        if not np.isfinite(delay):
            continue
        if off > NEAR_M:
            total -= CREW_EUROS
            continue
        end = min(leak.end, until)
        total += (
            EURO_PER_M3 * saved_m3(leak, leak.start + 24 * delay, end) - CREW_EUROS * off / NEAR_M
        )
    return total


def saved_m3(leak: Leak, since: float, until: float) -> float:
    """Volume (m³) that the leak still loses between two hours, its flow growing in line until its peak."""
    hours: Floats = np.arange(np.ceil(since), np.floor(until), dtype=np.float64)
    grown = np.clip((hours - leak.start) / max(leak.peak - leak.start, 1.0), 0.0, 1.0)
    return float(leak.flow * grown.sum())
