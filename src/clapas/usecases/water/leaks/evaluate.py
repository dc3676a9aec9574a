"""How good the leak detector is: detection by rate, delay, and alerts per 1,000 meter-days.

The meters are split in two by a hash of their name, whatever the data: ``tuning`` meters may be looked
at, ``held`` meters only scored. Intervals are bootstrapped over meters, not over leaks: two leaks of one
meter are not independent.

A leak put into a meter that leaks already has two readings: *in alert* (the alert that is open already
counts, as it does for the plain rule) and *told anew* (only an alert of its own counts).
"""

from hashlib import sha256

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats, Ints
from clapas.usecases.water.leaks.batch import Alerts, Recordings, joined, steps
from clapas.usecases.water.leaks.book import Book
from clapas.usecases.water.leaks.detector import Found, step
from clapas.usecases.water.leaks.inject import SHAPES, Leaks, Plan, draw, lost_litres
from clapas.usecases.water.leaks.levels import PATIENCE_H, SURE, Levels

DAY = 86_400.0
SALT = "clapas-water-split:"


def is_held(meter: str) -> bool:
    """True for the half of the meters that is never used for tuning."""
    return sha256((SALT + meter).encode()).digest()[0] % 2 == 1


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the injected leaks (``delay`` in days, infinite when missed) and the raw alerts.

    ``known`` is the flow (L/h) already announced on the meter when the leak began, most often 0; ``open``
    marks the leaks that began while an alert was open: told, and its flow still running. ``called`` are the
    raw bursts for which an agent is called: sure when told, or still running after the patience.
    """

    names: tuple[str, ...]
    leaks: Leaks
    delay: Floats
    known: Floats
    open: Bools
    raw: Alerts
    called: Bools
    meter_days: Floats


def meter_days(data: Recordings, meters: Ints) -> Floats:
    """Days (24 h from 0:00 UTC) with at least one reading, per meter; 0 for those not watched."""
    pairs = np.unique(np.stack([data.meter, (data.at // DAY).astype(np.int64)]), axis=1)
    days = np.bincount(pairs[0], minlength=len(data.names)).astype(np.float64)
    return np.where(np.isin(np.arange(len(days)), meters), days, 0.0)


def run_trial(data: Recordings, meters: Ints, *, levels: Levels, plan: Plan) -> Trial:
    """One pass over the real series; at each injected start the meter's state is copied and goes its own way."""
    leaks = draw(data, meters, plan=plan)
    order = np.argsort(leaks.line - data.starts[leaks.meter], kind="stable")
    depth = (leaks.line - data.starts[leaks.meter])[order]
    book = Book(len(data.names), len(levels.flow))
    copies: list[Book] = []
    found: list[tuple[Found, Floats]] = []
    for k, (rows, lines) in enumerate(steps(data)):
        first, last = np.searchsorted(depth, [k, k + 1])
        if last > first:
            copies.append(book.taken(leaks.meter[order[first:last]]))
        each = step(book, levels, rows=rows, at=data.at[lines], index=data.index[lines])
        if len(each.rows):
            found.append((each, book.at[each.rows].copy()))
    raw = joined(found)
    raw = raw.kept(np.isin(raw.meter, meters))
    delay = np.full(len(leaks.meter), np.inf)
    known, running = np.zeros(len(leaks.meter)), np.zeros(len(leaks.meter), dtype=np.bool_)
    if copies:
        stacked = Book.stacked(copies)
        known[order], running[order] = stacked.known, ~stacked.gone()
        delay[order] = _delays(data, _part(leaks, order), book=stacked, levels=levels, plan=plan)
    return Trial(
        names=data.names,
        leaks=leaks,
        delay=delay,
        known=known,
        open=running,
        raw=raw,
        called=(raw.level < 0) & ((raw.confidence >= SURE) | lasting(data, raw)),
        meter_days=meter_days(data, meters),
    )


def lasting(data: Recordings, alerts: Alerts) -> Bools:
    """Which flows still run at half of what was told, at each reading, until the patience is over."""
    starts, still = data.starts, np.zeros(len(alerts.at), dtype=np.bool_)
    for n, meter in enumerate(alerts.meter.tolist()):
        at = data.at[starts[meter] : starts[meter + 1]]
        index = data.index[starts[meter] : starts[meter + 1]]
        told = int(np.searchsorted(at, alerts.at[n]))
        until = int(np.searchsorted(at, alerts.at[n] + PATIENCE_H * 3600.0, side="right"))
        hours = np.diff(at[told:until]) / 3600.0
        flows = np.diff(index[told:until]) / np.maximum(hours, 0.05)
        still[n] = hours.sum() > PATIENCE_H / 2 and bool((flows >= 0.5 * alerts.rate[n]).all())
    return still


def _part(leaks: Leaks, rows: Ints) -> Leaks:
    return Leaks(**{name: getattr(leaks, name)[rows] for name in Leaks.__struct_fields__})


def _delays(data: Recordings, leaks: Leaks, *, book: Book, levels: Levels, plan: Plan) -> Floats:
    """Days from each leak's start to the first alert of its own copy of the meter."""
    leaky = wetted(data, leaks, plan=plan)
    delay = np.full(len(leaks.line), np.inf)
    for rows, lines in steps(leaky):
        each = step(book, levels, rows=rows, at=leaky.at[lines], index=leaky.index[lines])
        late = (book.at[each.rows] - leaks.start[each.rows]) / DAY
        delay[each.rows] = np.minimum(delay[each.rows], late)
    return delay


def wetted(data: Recordings, leaks: Leaks, *, plan: Plan, before: int = 0) -> Recordings:
    """Each leak's own copy of its meter from the leak's start on, ``before`` readings of history first."""
    ends = np.minimum(data.starts[leaks.meter + 1], leaks.line + int(plan.days * 48))
    series = []
    for n in range(len(leaks.line)):
        first = leaks.line[n] - before
        at = data.at[first : ends[n]]
        at = at[at <= leaks.start[n] + plan.days * DAY]
        litres = lost_litres(
            at - leaks.start[n],
            float(leaks.rate[n]),
            shape=SHAPES[leaks.shape[n]],
            start=float(leaks.start[n]),
        )
        series.append((at, data.index[first : first + len(at)] + litres))
    return Recordings(
        names=tuple(str(n) for n in range(len(series))),
        meter=np.repeat(np.arange(len(series)), [len(at) for at, _ in series]),
        at=np.concatenate([at for at, _ in series]),
        index=np.concatenate([index for _, index in series]),
    )
