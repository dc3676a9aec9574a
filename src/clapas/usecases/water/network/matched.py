"""Leaks told by their own shape: the pressures whitened, compared with how a leak at each junction would show.

What the pressures read below what the flows explain is whitened by its ordinary covariance. The mean of the last
hours, less that of the same hours of the days before, is compared with the mark of a leak at each junction (a bank
of matched filters; the generalised likelihood ratio of Willsky and Jones, IEEE Trans. Autom. Control 21, 1976, over
the place, the size and the age of a leak). Because days are compared with days, what a known leak does at each hour
cancels out; its growth runs along its own mark, beside which the next leak is looked for. A day after a move the
new state is taken as ordinary.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.network.bursts import Kind, Step, Watch
from clapas.usecases.water.network.explained import (
    TRAIN_HOURS,
    Explained,
    Trial,
    covariance_of,
    filled,
    whitener_of,
)

DAY = 24
BEFORE = 72
SHRINK = 0.02
"""Share of the covariance that is taken for independent noise."""
LEAST_NOISE_CM = 0.05
LEAST_MARK = 0.1
"""Noises of an hour by which 1 m³/h must move the field, for a leak there to be looked for."""
ALIKE = 0.97
"""Cosine beyond which two junctions' leaks are one shape."""
LEAST_LEFT, LEAST_PLACE = 0.45, 0.3
"""Share of a shape that must remain beside the known leaks: to raise an alarm, to be a candidate."""
LEAST_VALUE = 0.15
MOST_KNOWN, MOST_DIRECTIONS = 8, 14
LOOKED_BACK = 60
"""Values, one every six hours, from which the window's ordinary spread is learned."""


LEAST_LOST, SURELY, SHOWN = 0.5, 2.0, 0.5
"""Share of the flow that the marks tell by which the balance must have risen, give or take so many of its
noises; and those by which it has risen after a sudden move."""


class MatchRules(msgspec.Struct, frozen=True, kw_only=True):
    """Windows, each with how many times it is taken from before; limits in noises, set on towns without leaks."""

    windows: tuple[tuple[int, int], ...] = ((6, 7), (12, 7), (24, 7), (72, 2))
    limit: float = 5.5
    """Along a shape."""
    whole: float = 10.0
    """Of the whole field: something moved it, a leak when its shape is like one."""
    like: float = 0.5
    likely: float = 0.65
    """Cosine with the best mark that makes a leak: of a move along a shape, of any move."""
    hold_hours: int = 2


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A move: its hours, the junctions by likelihood (numbers), the flow at the first (m³/h), if it is a leak."""

    raised: int
    start: int
    order: tuple[int, ...]
    flow: float
    leak: bool


class Bank:
    """The whitened field, hour after hour, and the marks of leaks in it."""

    def __init__(
        self, explained: Explained, trial: Trial, *, rules: MatchRules | None = None
    ) -> None:
        self.rules = rules or MatchRules()
        ordinary = covariance_of(
            explained.missing[:TRAIN_HOURS], shrink=SHRINK, least_cm=LEAST_NOISE_CM
        )
        whitener = whitener_of(ordinary, sensors=explained.missing.shape[1])
        self.white = filled(explained.missing, ordinary) @ whitener
        self.marks = explained.left_of(trial) @ whitener
        self.sizes = np.linalg.norm(self.marks, axis=1)
        self.shapes = _each_once(self.marks[self.sizes > LEAST_MARK])
        self.known: list[Floats] = []
        self.held = dict.fromkeys(self.rules.windows, 0)
        self.past: dict[tuple[int, int], list[float]] = {each: [] for each in self.rules.windows}
        self.moved: tuple[int, int, Floats] | None = None
        self._sum()
        self._span()

    def look(self, hour: int) -> Found | None:
        """Take the hour into account; a move that stands out is returned."""
        if hour < TRAIN_HOURS or hour >= len(self.white):
            return None
        if self.moved is not None:
            self._settle(hour)
            return None
        for window in self.rules.windows:
            length, times = window
            rise = self._rise(hour, length, times=times)
            if rise is None:
                continue
            along, whole = self._strength(hour, window, rise=rise)
            beyond = along > self.rules.limit or whole > self.rules.whole
            self.held[window] = self.held[window] + 1 if beyond else 0
            if self.held[window] >= self.rules.hold_hours:
                least = self.rules.like if along > self.rules.limit else self.rules.likely
                return self._found(hour, window[0], rise=rise, least=least)
        return None

    def _rise(self, hour: int, window: int, *, times: int) -> Floats | None:
        """The last hours' mean less that of the same hours of the days before, beside the known leaks."""
        begin, end, days = hour + 1 - window, hour + 1, -(-window // DAY) * DAY
        if begin < times * days:
            return None
        now = self._mean(begin, end)
        before = [self._mean(begin - days * n, end - days * n) for n in range(1, times + 1)]
        heard = [each for each in before if each is not None]
        if now is None or not heard:
            return None
        rise: Floats = now - np.mean(heard, axis=0)
        return rise - (rise @ self.basis.T) @ self.basis

    def _strength(self, hour: int, window: tuple[int, int], *, rise: Floats) -> tuple[float, float]:
        """The rise along the likeliest shape, and its length, in noises of such a difference."""
        noise = float(np.sqrt(1 / window[0] + 1 / (window[0] * window[1])))
        length = float(np.linalg.norm(rise)) / noise
        past = self.past[window]
        if hour % 6 == 0:
            past.append(length / np.sqrt(max(len(rise) - len(self.basis), 1)))
        usual = max(1.0, float(np.median(past[-LOOKED_BACK:] or [1.0])))
        along = float((self.beside @ rise).max(initial=0.0)) / noise
        return along / usual, length / usual

    def _found(self, hour: int, window: int, *, rise: Floats, least: float) -> Found:
        """Place the move, and wait a day for its whole effect."""
        start = self._start(hour, window, rise=rise)
        scores, flow = self._scores(rise)
        best = int(np.argmax(scores))
        like = float(scores[best]) / float(np.linalg.norm(rise))
        leak = like > least
        if leak:
            self.known += [rise / np.linalg.norm(rise), self.marks[best] / self.sizes[best]]
            self.known = self.known[-2 * MOST_KNOWN :]
            self._span()
        before = self._mean(max(start - BEFORE, 0), max(start, 1))
        self.moved = (start, hour + DAY, np.zeros(len(rise)) if before is None else before)
        self.held = dict.fromkeys(self.rules.windows, 0)
        order = tuple(int(n) for n in np.argsort(-scores, kind="stable"))
        return Found(raised=hour, start=start, order=order, flow=float(flow[best]), leak=leak)

    def scores(self, start: int, hour: int) -> Floats | None:
        """How well a leak at each junction explains what the field did since a start; None when it was not heard."""
        now, before = self._mean(start, hour + 1), self._mean(max(start - BEFORE, 0), start)
        return None if now is None or before is None else self._scores(now - before)[0]

    def _scores(self, rise: Floats) -> tuple[Floats, Floats]:
        """Along each junction's mark, beside the known leaks: the rise in noises, and the flow (m³/h)."""
        left = self.marks - (self.marks @ self.basis.T) @ self.basis
        sizes = np.linalg.norm(left, axis=1)
        seen = (self.sizes > LEAST_MARK) & (sizes > LEAST_PLACE * self.sizes)
        sizes = np.where(seen, sizes, 1.0)
        along = (left @ rise) / sizes
        return np.where(seen, along, -np.inf), along / sizes

    def _start(self, hour: int, window: int, *, rise: Floats) -> int:
        """The hour that best cuts the last days along the rise (least squares)."""
        first = max(hour + 1 - 2 * max(window, DAY), TRAIN_HOURS - 2 * DAY)
        along = np.nan_to_num(self.white[first : hour + 1]) @ rise
        after = np.cumsum(along[::-1])[::-1]
        counts = np.arange(len(along), 0, -1)
        before, others = along.sum() - after, np.maximum(len(along) - counts, 1)
        cut = after**2 / counts + before**2 / others
        gain: Floats = np.where(after / counts < before / others, -1.0, cut)
        return first + int(np.argmax(gain[: max(len(gain) - 2, 1)]))

    def _settle(self, hour: int) -> None:
        """A day after a move, what it changed is taken out of the field, from its start on."""
        start, until, before = self.moved or (hour, hour, np.zeros(0))
        if hour < until:
            return
        now = self._mean(hour + 1 - DAY, hour + 1)
        if now is not None:
            self.white[start:] -= now - before
            self._sum()
        self.moved = None

    def _mean(self, begin: int, end: int) -> Floats | None:
        """Mean of the field from ``begin`` to before ``end``; None when less than 70 % of it was heard."""
        heard = int(self.heard[end] - self.heard[begin])
        if heard < 0.7 * (end - begin) or heard == 0:
            return None
        mean: Floats = (self.sums[end] - self.sums[begin]) / heard
        return mean

    def _sum(self) -> None:
        good: Floats = np.asarray(np.isfinite(self.white).all(axis=1), dtype=np.float64)
        rows = np.where(good[:, None] > 0, self.white, 0.0)
        self.sums = np.vstack([rows[:1] * 0, np.cumsum(rows, axis=0)])
        self.heard = np.append(0, np.cumsum(good))

    def _span(self) -> None:
        """An orthonormal basis of the known leaks' directions, and what the shapes are beside it."""
        self.basis = np.zeros((0, self.white.shape[1]))
        if self.known:
            _, values, vectors = np.linalg.svd(np.stack(self.known), full_matrices=False)
            self.basis = vectors[values > LEAST_VALUE][:MOST_DIRECTIONS]
        left = self.shapes - (self.shapes @ self.basis.T) @ self.basis
        sizes = np.linalg.norm(left, axis=1)
        seen = sizes > LEAST_LEFT
        self.beside = left[seen] / sizes[seen, None]


def _each_once(marks: Floats) -> Floats:
    """The marks' directions, those that are alike once."""
    kept = np.zeros((0, marks.shape[1]))
    for each in marks / np.linalg.norm(marks, axis=1, keepdims=True):
        if not len(kept) or float((kept @ each).max()) < ALIKE:
            kept = np.vstack([kept, each])
    return kept


class Matched:
    """The bank beside the balances of the zones: its leaks come as steps, in the zone of their likeliest junction."""

    def __init__(self, bank: Bank, zones: tuple[str, ...]) -> None:
        """``zones``: of each junction (a row of the marks); empty where none is watched."""
        self.bank = bank
        self.zones = zones
        self.found: dict[int, tuple[int, ...]] = {}
        self.waiting: tuple[str, Found] | None = None

    def order(self, step: Step) -> tuple[int, ...] | None:
        """The junctions (numbers) by likelihood for a step of any signal; None when the field was not heard."""
        if step.signal == "field":
            return self.found[step.raised]
        scores = self.bank.scores(step.start, step.raised)
        return None if scores is None else tuple(int(n) for n in np.argsort(-scores, kind="stable"))

    def look(self, hour: int, balances: Mapping[str, Watch]) -> Step | None:
        """Take the hour into account; a move of the field comes back as a step."""
        move = self.bank.look(hour)
        if move is None:
            return self._waited(hour, balances)
        zone = self.zones[move.order[0]]
        if zone not in balances:
            return None
        told = move.leak and _lost(balances[zone], move, hour=hour)
        self.waiting = (zone, move) if move.leak and not told else None
        return self._step(zone, move, hour=hour, told=told)

    def _waited(self, hour: int, balances: Mapping[str, Watch]) -> Step | None:
        """A leak by its shape whose loss was not sure yet: the balance has a day to confirm it."""
        if self.waiting is None:
            return None
        zone, move = self.waiting
        if hour > move.raised + DAY:
            self.waiting = None
        elif _lost(balances[zone], move, hour=hour):
            self.waiting = None
            return self._step(zone, move, hour=hour, told=True)
        return None

    def _step(self, zone: str, move: Found, *, hour: int, told: bool) -> Step:
        self.found[hour] = move.order
        sudden: Kind = "burst" if move.raised - move.start <= DAY else "leak"
        return Step(
            zone=zone,
            signal="field",
            raised=hour,
            start=move.start,
            size=move.flow,
            kind=sudden if told else "shift",
            told=told,
        )


def _lost(balance: Watch, move: Found, *, hour: int) -> bool:
    """Does the zone's balance show that so much is lost? A valve moves the pressures and loses nothing.

    A leak smaller than the rise that would show is not asked for it.
    """
    noise = balance.noise_of(hour, hour + 1 - move.start)
    risen = balance.risen(move.start, hour)
    sudden = move.raised - move.start <= DAY and move.flow > SHOWN * noise
    return risen > LEAST_LOST * move.flow - SURELY * noise and (not sudden or risen > SHOWN * noise)
