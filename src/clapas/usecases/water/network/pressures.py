"""Moves of the pressures' field told as steps of a zone: leak, growth of a known leak, repair, manoeuvre.

The field says that something moved and where; the balance of the zone says whether water is lost. A move
that goes on the way of an earlier one is the growth of a known leak.
"""

from collections.abc import Mapping

from clapas.usecases.water.network.bursts import Kind, Step, Watch
from clapas.usecases.water.network.field import Field, Move

LARGER = 2.0
"""Noises that being the largest zone is worth."""
LEAST_RISE, NEW_RISE, SLOW_FALL = 0.5, 3.0, 0.0
"""Noises by which the balance rises for a sudden move, for one on a known way; by which it may fall for a slow one."""


class Gauges:
    """The field of the pressures beside the balances of the zones, when no model says where a leak is."""

    def __init__(self, field: Field) -> None:
        self.field = field

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
        """The zone whose balance rose most, the largest being the likelier."""
        largest = max(balances, key=lambda name: balances[name].ordinary(move.raised))

        def weight(name: str) -> float:
            risen, noise = _risen(balances[name], move)
            return risen / noise + (LARGER if name == largest else 0.0)

        return max(balances, key=weight)


def _risen(balance: Watch, move: Move) -> tuple[float, float]:
    """Rise of a zone's balance since the move's start, and the noise of such a mean (m³/h)."""
    window = move.raised + 1 - move.start
    risen = balance.risen(move.start, move.raised)
    return risen, balance.noise_of(move.raised, window)
