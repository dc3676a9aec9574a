"""Bursts of which nobody can be sure yet: the subscriber is asked at once, an agent is called when it lasts.

Of three hours after a break an hourly index holds two whole ones, and most flows above 200 L/h that last
two hours are a pool, a hose, a long watering. To be in time for the break without calling for each pool,
the subscriber is told at once; the agent's turn comes when the flow is strange for this meter, or still
runs two hours later. What stops before is over by itself.
"""

from clapas.store.water import CaseRow, Patience
from clapas.usecases.water.leaks.levels import PATIENCE_H, SURE

PATIENCE_MS = int(PATIENCE_H * 3_600_000)


def asked_first(case: CaseRow, now: int) -> bool:
    """True while the subscriber alone is asked of this flow (``now`` in ms)."""
    unsure = case.kind == "burst" and case.confidence < SURE
    return unsure and case.state == "open" and now - case.raised < PATIENCE_MS


def patience(now: int) -> Patience:
    """The same for a whole list of cases."""
    return Patience(sure=SURE, since=now - PATIENCE_MS)
