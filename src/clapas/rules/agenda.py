"""When each series must be looked at again, because time alone will change what its rules say."""

import heapq
from collections.abc import Iterable

from clapas.rules.held import Held

MOST_AT_ONCE = 5000


class Agenda:
    """One entry per series at most: an entry that comes too early only asks again."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int]] = []

    def restart(self, deadlines: Iterable[tuple[int, int]], *, settled: int) -> None:
        """Take (series, deadline) as they are kept; none is looked at before ``settled`` (ms)."""
        self._due = [(max(due, settled), series) for series, due in deadlines]
        heapq.heapify(self._due)

    def queue(self, held: Held) -> None:
        """Note the deadline of a series."""
        if held.deadline and not 0 < held.queued <= held.deadline:
            held.queued = held.deadline
            heapq.heappush(self._due, (held.deadline, held.facts.series))

    def later(self, held: Held, now: int) -> bool:
        """Was the deadline put off since it was noted? Then it is noted anew."""
        held.queued = 0
        if held.deadline <= now:
            return False
        self.queue(held)
        return True

    def past(self, now: int) -> list[int]:
        """The series whose deadline is past."""
        found: dict[int, None] = {}
        while self._due and self._due[0][0] <= now and len(found) < MOST_AT_ONCE:
            found[heapq.heappop(self._due)[1]] = None
        return list(found)
