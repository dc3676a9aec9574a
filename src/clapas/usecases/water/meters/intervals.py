"""The index engine, first half: from readings of an index to intervals whose volume is known, or known not to be.

Each interval says how its volume was obtained:

measured      the index ran on
backflow      it went back a little: no consumption, the step is kept beside
rollover      it passed its last figure and began again
replacement   another meter: with the log of replacements the two parts are added, else the volume is unknown
reset         it fell or jumped without a log: the volume is unknown
estimated     a reading that was not taken; when a real one follows, it counts for nothing
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Bools, Floats

How = Literal["measured", "backflow", "rollover", "replacement", "reset", "estimated"]
HOWS: tuple[How, ...] = ("measured", "backflow", "rollover", "replacement", "reset", "estimated")
MAX_FLOW_L_H = 5000.0
SLACK_L = 100.0
BACKFLOW_L = 200.0
RETURN_DAYS = 3.0
DAY = 86_400.0


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """A change of meter: when (s since 1970 UTC), the old one's last index and the new one's first (L)."""

    at: float
    old_final: float
    new_start: float = 0.0


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals of one meter: ``start``, ``end`` (s), ``litres`` (NaN: unknown), ``how`` (place in HOWS).

    ``backflow`` is what went back (L). ``second`` holds the readings of another meter under the same key.
    """

    start: Floats
    end: Floats
    litres: Floats
    how: tuple[How, ...]
    backflow: float = 0.0
    duplicates: int = 0
    second: tuple[tuple[float, float], ...] = ()


def intervals(
    at: Floats,
    index: Floats,
    *,
    replacements: Sequence[Replacement] = (),
    estimated: Bools | None = None,
) -> Intervals:
    """Intervals between the readings of one meter, whatever their order."""
    order = np.lexsort((index, at))
    at, index = at[order], index[order]
    guessed = np.zeros(len(at), dtype=np.bool_) if estimated is None else estimated[order]
    at, index, guessed = _without_replaced_guesses(at, index, guessed=guessed)
    same = np.zeros(len(at), dtype=np.bool_)
    same[1:] = (np.diff(at) == 0) & (np.diff(index) == 0)
    at, index, guessed = at[~same], index[~same], guessed[~same]
    steps = np.diff(index)
    plain = (
        (np.diff(at) > 0) & (steps >= 0) & (steps <= MAX_FLOW_L_H * np.diff(at) / 3600.0 + SLACK_L)
    )
    if plain.all() and not replacements:
        how: tuple[How, ...] = tuple(
            "estimated" if each else "measured" for each in guessed[1:].tolist()
        )
        return Intervals(
            start=at[:-1], end=at[1:], litres=steps, how=how, duplicates=int(same.sum())
        )
    return _Walk(replacements).over(at, index, guessed=guessed, duplicates=int(same.sum()))


def _without_replaced_guesses(
    at: Floats, index: Floats, *, guessed: Bools
) -> tuple[Floats, Floats, Bools]:
    """An estimated reading followed by a real one is dropped: the real one tells the whole volume."""
    if not guessed.any():
        return at, index, guessed
    real = np.flatnonzero(~guessed)
    last_real = real[-1] if len(real) else -1
    keep = ~guessed | (np.arange(len(at)) > last_real)
    return at[keep], index[keep], guessed[keep]


class _Walk:
    """Reading by reading, for the meters whose index did something odd."""

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        self.replacements = sorted(replacements, key=lambda each: each.at)
        self.rows: list[tuple[float, float, float, How]] = []
        self.second: list[tuple[float, float]] = []
        self.backflow = 0.0
        self.raw = float("-inf")

    def over(self, at: Floats, index: Floats, *, guessed: Bools, duplicates: int) -> Intervals:
        last: tuple[float, float] | None = None
        other: tuple[float, float] | None = None
        for moment, value, guess in zip(at.tolist(), index.tolist(), guessed.tolist(), strict=True):
            now = (moment, value)
            if last is None:
                last = now
            elif other is not None and not _runs_on(last, now) and _runs_on(other, now):
                if not self.second:
                    self.second.append(last)
                last, other = self._other_meter(now, last, other=other)
            elif moment == last[0]:
                duplicates += 1
            else:
                if self._is_odd(last, now):
                    other = last
                self._step(last, now, guess=guess)
                last = (moment, max(value, last[1]) if 0 < last[1] - value <= BACKFLOW_L else value)
            self.raw = value
        columns = list(zip(*self.rows, strict=True)) if self.rows else [(), (), (), ()]
        return Intervals(
            start=np.asarray(columns[0], dtype=np.float64),
            end=np.asarray(columns[1], dtype=np.float64),
            litres=np.asarray(columns[2], dtype=np.float64),
            how=tuple(columns[3]),
            backflow=self.backflow,
            duplicates=duplicates,
            second=tuple(self.second),
        )

    def _other_meter(
        self, now: tuple[float, float], last: tuple[float, float], *, other: tuple[float, float]
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """The index came back to the first meter: what lay between belonged to a second one."""
        if now[0] - other[0] > RETURN_DAYS * DAY:
            self._step(last, now, guess=False)
            return now, last
        while self.rows and self.rows[-1][1] > other[0]:
            self.second.append((self.rows.pop()[1], last[1]))
        self._step(other, now, guess=False)
        return now, last

    def _is_odd(self, last: tuple[float, float], now: tuple[float, float]) -> bool:
        return not _runs_on(last, now) and not 0 < last[1] - now[1] <= BACKFLOW_L

    def _step(self, last: tuple[float, float], now: tuple[float, float], *, guess: bool) -> None:
        litres, how = self._volume(last, now)
        self.rows.append(
            (last[0], now[0], litres, "estimated" if guess and how == "measured" else how)
        )

    def _volume(self, last: tuple[float, float], now: tuple[float, float]) -> tuple[float, How]:
        logged = next((each for each in self.replacements if last[0] < each.at <= now[0]), None)
        if logged is not None:
            volume = (logged.old_final - last[1]) + (now[1] - logged.new_start)
            return (volume, "replacement") if volume >= 0 else (float("nan"), "replacement")
        step = now[1] - last[1]
        if _runs_on(last, now):
            return step, "measured"
        if -BACKFLOW_L <= step < 0:
            self.backflow += max(self.raw - now[1], 0.0)
            return 0.0, "backflow" if now[1] < self.raw else "measured"
        ceiling = 10.0 ** len(str(int(max(last[1], 1.0))))
        if step < 0 and last[1] > 0.9 * ceiling and _runs_on((last[0], last[1] - ceiling), now):
            return step + ceiling, "rollover"
        return float("nan"), "reset"


def _runs_on(last: tuple[float, float], now: tuple[float, float]) -> bool:
    """Could one meter have passed from one reading to the other?"""
    step = now[1] - last[1]
    return 0 <= step <= MAX_FLOW_L_H * max(now[0] - last[0], 0.0) / 3600.0 + SLACK_L


def log_of(rows: Sequence[Mapping[str, float]]) -> tuple[Replacement, ...]:
    """Replacements from rows of a log (``at`` s, ``old_final`` L, ``new_start`` L)."""
    return tuple(
        Replacement(at=row["at"], old_final=row["old_final"], new_start=row.get("new_start", 0.0))
        for row in rows
    )
