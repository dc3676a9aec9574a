"""How good the network detector is: leaks found, delay, false alarms, and the official score in euros.

An alarm finds the leak that runs when it is raised and was not found yet (the latest begun first); one
that comes when every running leak was found already is a repeat; one with no leak running is false.
The official score is that of the contest BattLeDIM (Vrachimis et al., J. Water Resour. Plann. Manage. 148(12),
2022; rules on its site): the place counts as well as the time.
"""

from collections.abc import Callable, Mapping

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


class Official(msgspec.Struct, frozen=True, kw_only=True):
    """The score of BattLeDIM (€), what telling each leak at its start and place would earn, and the counts."""

    euros: float
    perfect: float
    found: int
    repeated: int
    false: int


def official(
    told: list[tuple[Step, list[str]]],
    leaks: tuple[Leak, ...],
    *,
    metres: Callable[[str, str], float],
    until: float,
) -> Official:
    """Score alarms as the contest does: each is a report of its first candidate pipe, in the order of time.

    A report within 300 m (along the pipes) of a leak that runs earns 0.80 € per m³ not lost until the leak's
    end, less 500 · x/300 €; of a leak already found, nothing; any other costs 500 €.
    """
    total, found, repeated, false = 0.0, set[int](), 0, 0
    for step, pipes in told:
        at = step.raised + 1.0
        near = {
            n: off
            for n, leak in enumerate(leaks)
            if pipes
            and leak.start <= at <= leak.end
            and (off := metres(leak.pipe, pipes[0])) <= NEAR_M
        }
        fresh = {n: off for n, off in near.items() if n not in found}
        if fresh:
            best = min(fresh, key=lambda n: fresh[n])
            found.add(best)
            saved = saved_m3(leaks[best], at, until=min(leaks[best].end, until))
            total += EURO_PER_M3 * saved - CREW_EUROS * fresh[best] / NEAR_M
        elif near:
            repeated += 1
        else:
            false += 1
            total -= CREW_EUROS
    best_possible = sum(saved_m3(leak, leak.start, until=min(leak.end, until)) for leak in leaks)
    return Official(
        euros=total,
        perfect=EURO_PER_M3 * best_possible,
        found=len(found),
        repeated=repeated,
        false=false,
    )


def saved_m3(leak: Leak, since: float, *, until: float) -> float:
    """Volume (m³) that the leak still loses between two hours, its flow growing in line until its peak."""
    hours: Floats = np.arange(np.ceil(since), np.floor(until), dtype=np.float64)
    grown = np.clip((hours - leak.start) / max(leak.peak - leak.start, 1.0), 0.0, 1.0)
    return float(leak.flow * grown.sum())
