"""The plain rule that the detector is compared with: a flow that never falls to so little, for days running.

A leak is told when the smallest hourly flow has stayed above ``above`` L/h for ``days`` days; the alert is
open until the flow falls. It knows no habits, no replacement, no repeats. Scored on the same leaks, it says
what a figure asked of any rule means.
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats, Ints
from clapas.usecases.water.leaks.batch import Alerts, Recordings
from clapas.usecases.water.leaks.evaluate import DAY, Trial, meter_days, wetted
from clapas.usecases.water.leaks.inject import Leaks, Plan

HOUR = 3600.0
LONGEST_H = 13.0
FASTEST_L_H = 5000.0


class PlainRule(msgspec.Struct, frozen=True, kw_only=True):
    """Flow (L/h) and days of the rule."""

    above: float = 2.0
    days: float = 3.0


def plain_trial(
    data: Recordings, meters: Ints, *, leaks: Leaks, plan: Plan, rule: PlainRule | None = None
) -> Trial:
    """The same leaks as those of a detector's trial, told by the plain rule."""
    chosen = rule or PlainRule()
    run = _running(data, chosen.above)
    limit = chosen.days * 24.0
    begins = (run >= limit) & (np.concatenate([[0.0], run[:-1]]) < limit)
    lines = np.flatnonzero(begins & np.isin(data.meter, meters))
    begun = run[leaks.line - 1]
    return Trial(
        names=data.names,
        leaks=leaks,
        delay=_delays(data, leaks, plan=plan, begun=begun, rule=chosen),
        known=np.where(begun >= limit, chosen.above, 0.0),
        open=begun >= limit,
        raw=_alerts(data, lines, rule=chosen),
        called=np.zeros(len(lines), dtype=np.bool_),
        meter_days=meter_days(data, meters),
    )


def _alerts(data: Recordings, lines: Ints, *, rule: PlainRule) -> Alerts:
    count = len(lines)
    return Alerts(
        meter=data.meter[lines],
        at=data.at[lines],
        level=np.zeros(count, dtype=np.int64),
        rate=np.full(count, rule.above),
        volume=np.full(count, rule.above * 24.0 * rule.days),
        confidence=np.ones(count),
        before=np.zeros(count),
        again=np.zeros(count, dtype=np.bool_),
    )


def _delays(
    data: Recordings, leaks: Leaks, *, plan: Plan, begun: Floats, rule: PlainRule
) -> Floats:
    """Days from each leak's start to the first reading at which the rule, not open before, is met."""
    leaky = wetted(data, leaks, plan=plan, before=1)
    run = _running(leaky, rule.above, begun=begun)
    met = np.flatnonzero((run >= 24.0 * rule.days) & (begun[leaky.meter] < 24.0 * rule.days))
    delay = np.full(len(leaks.line), np.inf)
    late = (leaky.at[met] - leaks.start[leaky.meter[met]]) / DAY
    np.minimum.at(delay, leaky.meter[met], late)
    return delay


def _running(data: Recordings, above: float, *, begun: Floats | None = None) -> Floats:
    """Hours for which each meter's flow has stayed above so much, at each reading; ``begun``: at the first."""
    first = np.diff(data.meter, prepend=-1) != 0
    hours = np.where(first, 0.0, np.diff(data.at, prepend=0.0) / HOUR)
    litres = np.where(first, 0.0, np.diff(data.index, prepend=0.0))
    low = (litres <= above * hours) | (litres > FASTEST_L_H * hours) | (hours > LONGEST_H)
    low &= hours > 0
    total = np.cumsum(np.maximum(hours, 0.0))
    start = total - (0.0 if begun is None else begun[data.meter])
    since = np.maximum.accumulate(
        np.where(first, start + _apart(data), np.where(low, total + _apart(data), -np.inf))
    )
    running: Floats = total + _apart(data) - since
    return running


def _apart(data: Recordings) -> Floats:
    """An offset that keeps each meter's clock above the one before, whatever it had begun with (hours)."""
    return data.meter.astype(np.float64) * 1e6
