"""Moves of the pressures' field told as steps of a zone: leak, growth of a known leak, repair, manoeuvre.

The field says that something moved and where; the balance of the zone says whether water is lost. A move
that goes on the way of an earlier one is the growth of a known leak.
"""

from collections.abc import Mapping

import numpy as np

from clapas.usecases.water.network.balance import Signal
from clapas.usecases.water.network.bursts import Kind, Step, Watch
from clapas.usecases.water.network.field import Field, Move, shortfalls
from clapas.usecases.water.network.series import Hours

SCALE = 4.0
NEARER, LARGER = 0.5, 2.0
"""Noises that the place of the sensor that fell most is worth, and, without a model, the size of a zone."""
LEAST_RISE, NEW_RISE, SLOW_FALL = 0.5, 3.0, 0.0
"""Noises by which the balance rises for a sudden move, for one on a known way; by which it may fall for a slow one."""


def pressure_signals(
    pressures: Hours, flows: Hours, *, levels: Hours | None, zone: str
) -> list[Signal]:
    """What each sensor reads below what the flows explain (cm), to place the leaks."""
    missing = shortfalls(pressures, flows, levels=levels)
    return [
        Signal(
            zone=zone,
            kind=f"pressure {name}",
            values=missing[:, number],
            scale=np.full(len(missing), SCALE),
        )
        for number, name in enumerate(pressures.names)
    ]


class Gauges:
    """The field of the pressures beside the balances of the zones; ``places`` tells the zone of a sensor."""

    def __init__(self, field: Field, places: Mapping[str, str]) -> None:
        self.field = field
        self.places = places

    def look(self, hour: int, balances: Mapping[str, Watch]) -> Step | None:
        """Take the hour into account; a move of the field comes back as a step."""
        move = self.field.look(hour)
        if move is None:
            return None
        zone = self._zone(move, balances)
        risen, noise = _risen(balances[zone], move)
        kind, told = self._judged(move, risen, noise=noise)
        return Step(
            zone=zone,
            signal="field",
            raised=hour,
            start=move.start,
            size=risen,
            kind=kind,
            told=told,
        )

    def _judged(self, move: Move, risen: float, *, noise: float) -> tuple[Kind, bool]:
        """A valve is moved at once and loses nothing: a sudden move must raise the balance to be a leak."""
        slow = move.raised - move.start > 24
        least = -SLOW_FALL * noise if slow else LEAST_RISE * noise
        if risen < -noise:
            return "repair", False
        if risen < (NEW_RISE * noise if move.known else least):
            return "shift", False
        return ("leak" if slow else "burst"), True

    def _zone(self, move: Move, balances: Mapping[str, Watch]) -> str:
        """The zone whose balance rose most, that of the sensor that fell most being the likelier.

        When no model says where the sensors are, the largest zone is the likelier.
        """
        worst = self.places.get(self.field.names[int(np.argmax(move.shortfall))], "")
        largest = max(balances, key=lambda name: balances[name].ordinary(move.raised))

        def weight(name: str) -> float:
            risen, noise = _risen(balances[name], move)
            nearer = NEARER if name == worst else 0.0
            return risen / noise + nearer + (LARGER if not worst and name == largest else 0.0)

        return max(balances, key=weight)


def _risen(balance: Watch, move: Move) -> tuple[float, float]:
    """Rise of a zone's balance since the move's start, and the noise of such a mean (m³/h)."""
    window = move.raised + 1 - move.start
    risen = balance.risen(move.start, move.raised)
    return risen, balance.noise_of(move.raised, window)
