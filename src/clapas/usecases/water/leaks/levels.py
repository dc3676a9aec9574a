"""The flows that the detector watches, and how long each must last before it speaks.

A household's meter stands still for some hour almost every day. A leak is what never stands still. For
each level of flow the detector holds the length of the present stretch during which the index never
fell behind that flow; the stretch that makes an alert lies between ``least`` and ``most`` hours, and
what each meter is used to (its own longest ordinary stretches) decides where.
The bounds follow the service's promises: 5 L/h within 4 days, 2 L/h within 6 days.
"""

import msgspec
import numpy as np

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.settings import Sensitivity


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """Watched flows (L/h, increasing) and the bounds of the stretch that makes an alert (hours)."""

    flow: tuple[float, ...] = (0.8, 1.6, 2.6, 4.2, 8.0, 16.0, 40.0, 100.0)
    least: tuple[float, ...] = (264.0, 96.0, 72.0, 60.0, 60.0, 60.0, 48.0, 24.0)
    most: tuple[float, ...] = (336.0, 112.0, 84.0, 66.0, 66.0, 66.0, 56.0, 36.0)
    habit_factor: float = 2.0
    """A stretch is strange when it exceeds this many times the meter's own longest ordinary one."""
    habit_memory_days: float = 60.0
    """Ordinary stretches are forgotten with this time constant."""
    merge_days: float = 60.0
    near_share: float = 0.6
    """A leak that stopped, or fell below this share of itself, may return within this time: the same alert."""
    worse: float = 1.6
    worse_l_h: float = 3.0
    """A known leak is announced again when its flow has grown this many times, and by so much (L/h)."""
    follow_up_days: float = 12.0
    follow_down_days: float = 4.0
    """A known leak is watched above what it runs at now, followed with these time constants."""
    burst_flow: float = 195.0
    """A burst passes this flow (L/h)…"""
    burst_hours: tuple[int, ...] = (2, 3, 4, 8)
    burst_novelty: tuple[float, ...] = (2.0, 1.25, 1.2, 0.9)
    """…during so many whole hours, each at this many times what the meter has sustained so long before."""
    first_sustained: tuple[float, ...] = (110.0, 90.0, 80.0, 80.0)
    """The flow that any meter is taken to sustain so long (L/h)."""
    burst_any_hours: float = 8.0
    """A burst-sized flow that lasts this long is strange for every meter."""
    pulse_l: float = 1.0
    """Weight of one step of the index (L); meters show their own when it is larger."""
    max_flow_l_h: float = 5000.0
    """No domestic meter passes more: a jump beyond it is another meter or a reset (L/h)."""
    blind_interval_h: float = 13.0
    """Beyond this, an interval tells nothing but its mean flow."""

    def flows(self) -> Floats:
        return np.asarray(self.flow, dtype=np.float64)


SURE = 0.85
"""From this confidence on a burst is an agent's at once: about twice what the meter ever held for as long."""
PATIENCE_H = 2.0
"""How long the subscriber alone is asked of a burst below it."""
NEVER = float("inf")
BURSTS: dict[Sensitivity, Levels] = {
    "every": Levels(burst_novelty=(0.0, 0.0, 0.0, 0.9)),
    "eager": Levels(burst_novelty=(1.0, 1.0, 1.0, 0.9)),
    "early": Levels(),
    "sure": Levels(burst_novelty=(NEVER, NEVER, 1.6, 0.9), first_sustained=(110.0, 90.0, 200.0, 200.0)),
}  # fmt: skip
"""How soon a burst is told: at any two whole hours of its size; at the first two that pass all that the meter has sustained; when they pass it
clearly; after four whole hours."""
