"""One reading of many meters at once: the detector's step, causal by construction.

``step`` is the whole path: interval → evidence → bursts → announcements → merge. It is used alike for
one meter that has just spoken, for the nightly run of a town, and for years of recordings.
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats, Ints
from clapas.usecases.water.leaks.book import RING, Book, ordinary
from clapas.usecases.water.leaks.levels import Levels

DAY = 86_400.0
BACKFLOW_L = 200.0
SHORTEST_H = 0.05
SHORT_H = 0.6
"""A reading that covers less says little of an hour."""
SUSTAINED_MEMORY_H = 24.0 * 730


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts of one step: rows of the book, level (-1 a burst), rate (L/h), volume (L), confidence.

    ``before`` is the flow (L/h) known until then, 0 when the alert is the meter's first; ``again`` marks the
    return of a known leak that had stopped: the same alert, whose case runs again.
    """

    rows: Ints
    level: Ints
    rate: Floats
    volume: Floats
    confidence: Floats
    before: Floats
    again: Bools


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """What passed since the previous reading: rows of the book, litres, hours, the instant (s)."""

    rows: Ints
    litres: Floats
    hours: Floats
    at: Floats


def step(book: Book, levels: Levels, *, rows: Ints, at: Floats, index: Floats) -> Found:
    """Take one reading of each of ``rows`` (distinct) into the book; tell what it reveals."""
    seen = _interval(book, levels, rows=rows, at=at, index=index)
    _remember(book, seen)
    _weigh(book, levels, seen=seen)
    _follow(book, levels, seen=seen)
    burst, burst_rate, burst_sure = _bursts(book, levels, seen=seen)
    level, rate, sure = _stretches(book, levels, seen=seen)
    bursting = book.bursting[seen.rows]
    burst &= _clearly_more(levels, rate=burst_rate, than=bursting)
    leak = level >= 0
    news = leak & _clearly_more(levels, rate=rate, than=np.maximum(book.known[seen.rows], bursting))
    again = leak & ~news & book.gone(seen.rows) & ~burst
    level = np.where(burst, -1, level)
    rate = np.where(burst, burst_rate, rate)
    sure = np.where(burst, burst_sure, sure)
    return _announce(book, seen, what=(level, rate, sure), told=burst | news | again, again=again)


def _interval(book: Book, levels: Levels, *, rows: Ints, at: Floats, index: Floats) -> Interval:
    """Clean the step of each index: duplicates, backward steps, roll-over, reset, another meter."""
    hours = (at - book.at[rows]) / 3600.0
    known = book.at[rows] >= 0
    fresh = ~known | (hours >= SHORTEST_H)
    rows, at, index, hours, known = rows[fresh], at[fresh], index[fresh], hours[fresh], known[fresh]
    before = book.index[rows]
    litres = index - before
    cap = levels.max_flow_l_h * hours + 100.0
    ceiling = 10.0 ** np.ceil(np.log10(np.maximum(before, 10.0)))
    rolled = (
        (litres < 0)
        & (before > 0.9 * ceiling)
        & (litres + ceiling <= np.minimum(cap, 0.1 * ceiling))
    )
    litres = np.where(rolled, litres + ceiling, litres)
    backward = (litres < 0) & (litres >= -BACKFLOW_L)
    jumped = known & ((litres < -BACKFLOW_L) | (litres > cap))
    book.other_at[rows[jumped]] = book.at[rows[jumped]]
    book.other_index[rows[jumped]] = book.index[rows[jumped]]
    still = book.ring_l[rows].sum(axis=1) <= 0
    keep_mark = backward & ~still & known & ~jumped
    book.index[rows] = np.where(keep_mark, before, index)
    book.at[rows] = at
    told = known & ~jumped
    return Interval(
        rows=rows[told], litres=np.maximum(litres[told], 0.0), hours=hours[told], at=at[told]
    )


def _remember(book: Book, seen: Interval) -> None:
    rows, place = seen.rows, book.place[seen.rows]
    book.ring_l[rows, place] = seen.litres
    book.ring_h[rows, place] = seen.hours
    book.place[rows] = (place + 1) % RING
    moved = seen.litres > 0
    book.pulse[rows] = np.where(moved, np.minimum(book.pulse[rows], seen.litres), book.pulse[rows])
    book.steps[rows] += moved


def _pulse(book: Book, levels: Levels, *, rows: Ints) -> Floats:
    """Weight of one step of each index (L): what the meter has shown, once it has shown enough."""
    return np.where(
        book.steps[rows] >= 20, np.maximum(book.pulse[rows], levels.pulse_l), levels.pulse_l
    )


def _weigh(book: Book, levels: Levels, *, seen: Interval) -> None:
    """Lengthen or break each level's stretch; a broken one teaches what is ordinary for this meter."""
    rows, hours = seen.rows, seen.hours[:, None]
    flows = levels.flows()[None, :]
    excess = (seen.litres - book.base[rows] * seen.hours)[:, None]
    behind = np.maximum(book.behind[rows] + flows * hours - excess, 0.0)
    broken = behind > 1.05 * _pulse(book, levels, rows=rows)[:, None]
    weight = np.where(hours <= levels.blind_interval_h, hours, 0.0)
    stretch = book.stretch[rows]
    fade = np.exp(-hours / (24.0 * levels.habit_memory_days))
    habit = book.habit[rows] * fade
    teaches = broken & (book.bursting[rows] <= 0)[:, None]
    book.habit[rows] = np.where(teaches, np.maximum(habit, stretch), habit)
    book.behind[rows] = np.where(broken, 0.0, behind)
    book.stretch[rows] = np.where(broken, 0.0, stretch + weight)


def _follow(book: Book, levels: Levels, *, seen: Interval) -> None:
    """What still runs of the announced flows: bursts while they last, a leak's ``base`` by the day's least flow.

    A leak that shrinks is watched from where it is now; after ``merge_days`` without having come ``near`` to
    what was announced, only what still runs is known: it is forgotten late.
    """
    _calm(book, seen=seen)
    running = book.known[seen.rows] > 0
    if not running.any():
        return
    rows, at, passed = seen.rows[running], seen.at[running], seen.hours[running]
    known = book.known[rows]
    base = _followed(book, levels, rows=rows, passed=passed)
    near = np.where(base >= levels.near_share * known, at, book.near[rows])
    over = at - near > levels.merge_days * DAY
    left = np.where(base > levels.flow[0], base, 0.0)
    book.base[rows] = np.where(over & (left <= 0), 0.0, base)
    book.known[rows] = np.where(over, left, known)
    book.near[rows] = np.where(over, at, near)


def _calm(book: Book, *, seen: Interval) -> None:
    """A burst is over when the last hour, or three shorter readings, carry less than half of it.

    Only ``sustained`` remembers it.
    """
    running = book.bursting[seen.rows] > 0
    if not running.any():
        return
    rows, hour = seen.rows[running], seen.hours[running] > SHORT_H
    litres, hours = book.last_intervals(rows)
    three = litres[:, -3:].sum(axis=1) / np.maximum(hours[:, -3:].sum(axis=1), 0.1)
    flow = np.where(hour, litres[:, -1] / np.maximum(hours[:, -1], 0.1), three)
    book.bursting[rows] = np.where(flow < 0.5 * book.bursting[rows], 0.0, book.bursting[rows])


def _followed(book: Book, levels: Levels, *, rows: Ints, passed: Floats) -> Floats:
    """The running part (L/h) after so many hours: drawn to the day's least flow, down faster than up."""
    base = book.base[rows]
    gap = _floor(book, rows, span=np.full(len(rows), 26.0)) - base
    days = np.where(gap < 0, levels.follow_down_days, levels.follow_up_days)
    moved: Floats = base + gap * (1.0 - np.exp(-passed / (24.0 * days)))
    return moved


def _bursts(book: Book, levels: Levels, *, seen: Interval) -> tuple[Bools, Floats, Floats]:
    """A burst-sized flow during whole hours: the fewer they are, the stranger the flow must be for this meter."""
    rows = seen.rows
    flow = seen.litres / np.maximum(seen.hours, 0.1)
    book.burst[rows] = np.where(flow >= levels.burst_flow, book.burst[rows] + seen.hours, 0.0)
    flows, whole = _whole_hours(book, rows, count=2 * max(levels.burst_hours))
    fired = book.burst[rows] >= levels.burst_any_hours
    rate, strangeness = flow.copy(), np.ones(len(rows))
    fade = np.exp(-seen.hours / SUSTAINED_MEMORY_H)
    for n, (count, novelty) in enumerate(
        zip(levels.burst_hours, levels.burst_novelty, strict=True)
    ):
        least = np.where(whole[:, -count:].all(axis=1), flows[:, -count:].min(axis=1), 0.0)
        usual = np.maximum(book.sustained[rows, n], levels.first_sustained[n])
        strange = (least >= levels.burst_flow) & (least >= novelty * usual) & ~fired
        rate = np.where(strange, least, rate)
        strangeness = np.where(strange, least / usual, strangeness)
        fired |= strange
        old = whole[:, :count].all(axis=1)
        earlier = np.where(old, flows[:, :count].min(axis=1), 0.0)
        book.sustained[rows, n] = np.maximum(book.sustained[rows, n] * fade, earlier)
    sure = np.clip(0.2 + 0.3 * strangeness + 0.04 * book.burst[rows], 0.3, 0.97)
    return fired, rate, sure


def _whole_hours(book: Book, rows: Ints, *, count: int) -> tuple[Floats, Bools]:
    """Flows (L/h) of the last intervals, and whether each lasted about an hour."""
    litres, hours = book.last_intervals(rows)
    flows = litres[:, -count:] / np.maximum(hours[:, -count:], 0.1)
    return flows, ordinary(hours[:, -count:])


def _stretches(book: Book, levels: Levels, *, seen: Interval) -> tuple[Ints, Floats, Floats]:
    """The largest level whose stretch is strange for this meter, the flow of it, and how sure we are."""
    rows = seen.rows
    stretch, habit = book.stretch[rows], book.habit[rows]
    usable = levels.flows()[None, :] >= 0.25 * _pulse(book, levels, rows=rows)[:, None]
    limit = np.clip(levels.habit_factor * habit, levels.least, levels.most)
    fired = (stretch >= limit) & usable
    level = np.where(fired.any(axis=1), fired.shape[1] - 1 - np.argmax(fired[:, ::-1], axis=1), -1)
    rate, sure = np.zeros(len(rows)), np.zeros(len(rows))
    hit = np.flatnonzero(level >= 0)
    if len(hit):
        at_level = level[hit]
        span = stretch[hit, at_level]
        least = levels.flows()[at_level] + book.base[rows[hit]]
        most = _ceiling(book, levels, rows=rows[hit], level=at_level)
        rate[hit] = np.clip(_floor(book, rows[hit], span=span), least, most)
        sure[hit] = 1.0 - np.exp(-span / np.maximum(habit[hit, at_level], 8.0) / 1.5)
    return level, rate, np.clip(sure, 0.3, 0.99)


def _ceiling(book: Book, levels: Levels, *, rows: Ints, level: Ints) -> Floats:
    """The least flow above these levels that has been interrupted lately: the leak is no larger (L/h)."""
    flows = levels.flows()
    short = book.stretch[rows] < 0.75 * np.asarray(levels.least)
    short &= np.arange(len(flows))[None, :] > level[:, None]
    first = np.argmax(short, axis=1)
    ceiling: Floats = np.where(short.any(axis=1), flows[first] + book.base[rows], np.inf)
    return ceiling


def _floor(book: Book, rows: Ints, *, span: Floats) -> Floats:
    """The smallest flow over three readings running (L/h) of the last day of the stretch."""
    litres, hours = book.last_intervals(rows)
    three_l = litres[:, 2:] + litres[:, 1:-1] + litres[:, :-2]
    three_h = hours[:, 2:] + hours[:, 1:-1] + hours[:, :-2]
    age = np.cumsum(hours[:, ::-1], axis=1)[:, ::-1][:, :-2]
    inside = (age <= np.minimum(span, 26.0)[:, None]) & (three_h > 0)
    flows = np.where(inside, three_l / np.maximum(three_h, 0.1), np.inf)
    least = flows.min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)


def _clearly_more(levels: Levels, *, rate: Floats, than: Floats) -> Bools:
    """Not what was announced already: clearly more than it, or nothing was."""
    more: Bools = (than <= 0) | (rate > np.maximum(levels.worse * than, than + levels.worse_l_h))
    return more


def _announce(
    book: Book, seen: Interval, *, what: tuple[Ints, Floats, Floats], told: Bools, again: Bools
) -> Found:
    """Remember what is told. A return is watched from its own flow; what is known stays the largest."""
    rows, back = seen.rows[told], again[told]
    level, rate, sure = what[0][told], what[1][told], what[2][told]
    burst = level < 0
    span = np.where(burst, book.burst[rows], book.stretch[rows, np.maximum(level, 0)])
    found = Found(
        rows=rows,
        level=level,
        rate=rate,
        volume=rate * np.maximum(span, 1.0),
        confidence=sure,
        before=np.where(burst, book.bursting[rows], book.known[rows]),
        again=back,
    )
    sudden = rows[burst]
    book.sustained[sudden] = np.maximum(book.sustained[sudden], rate[burst, None])
    book.bursting[sudden] = rate[burst]
    leak, flow = rows[~burst], rate[~burst]
    book.known[leak] = np.where(back[~burst], book.known[leak], flow)
    book.base[leak] = flow
    book.near[leak] = seen.at[told][~burst]
    book.stretch[leak] = 0.0
    book.behind[leak] = 0.0
    return found
