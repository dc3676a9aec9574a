"""Counting calls: in memory at each call, in PostgreSQL for all processes several times a second.

Windows of a second, a minute and an hour slide: the window before counts for the part of it that is
still within reach. Days and months are those of the calendar (UTC). A process adds what it counted and
learns what all counted together each ``share_s``; what is refused by one is refused by all from then on.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from clapas.api_gateway.plans import LENGTHS
from clapas.store.api_gateway import ApiGatewayStore, QuotaRow

SLIDING = 3600
DAY_S = 86_400


class WindowLeft(msgspec.Struct, frozen=True, gc=False):
    """One window of a plan: its limit, what is left, seconds until it begins anew."""

    name: str
    limit: int
    remaining: int
    reset: int


_Key = tuple[str, int, int]
"""Subject, length and start of a window."""


class Count:
    """One window of one subject: what others used, what we used and have not told yet."""

    __slots__ = ("known", "untold")

    def __init__(self) -> None:
        self.known = 0
        self.untold = 0


class Gauge:
    """One window of a plan, open now for one subject: its count, and the one of the window before."""

    __slots__ = ("before", "end", "here", "length", "limit", "name", "named", "said", "start")

    def __init__(self, name: str, limit: int, *, now: float) -> None:
        self.name, self.limit, self.length = name, limit, LENGTHS[name]
        said = b"%d" % limit
        self.said = (
            (f"x-ratelimit-limit-{name}".encode(), said),
            (b"ratelimit-limit", said),
            (b"x-ratelimit-limit", said),
        )
        self.named = f"x-ratelimit-remaining-{name}".encode()
        if self.length:
            self.start = int(now) // self.length * self.length
            self.end = self.start + self.length
        else:
            self.start, self.end = month(now // DAY_S)
        self.here = Count()
        self.before: Count | None = None


class Spent:
    """The answer for one call: was it ``allowed``, and what is left in each window."""

    __slots__ = ("_gauges", "_left", "_now", "allowed")

    def __init__(
        self, gauges: tuple[Gauge, ...], left: list[int], *, now: float, allowed: bool
    ) -> None:
        self.allowed = allowed
        self._gauges = gauges
        self._left = left
        self._now = now

    @property
    def windows(self) -> tuple[WindowLeft, ...]:
        """The plan's windows in their order."""
        return tuple(
            WindowLeft(each.name, each.limit, left, each.end - int(self._now))
            for each, left in zip(self._gauges, self._left, strict=True)
        )

    @property
    def tightest(self) -> WindowLeft:
        """The window with the least left; of several, the one that lasts longest."""
        return min(self.windows, key=lambda each: (each.remaining / each.limit, -each.reset))

    @property
    def retry_after(self) -> int:
        """Seconds to wait after a refusal."""
        return max((each.reset for each in self.windows if each.remaining <= 0), default=1)

    def headers(self) -> dict[str, str]:
        """RateLimit-* (most constrained window), X-RateLimit-* in both usual forms, Retry-After."""
        found = {name.decode(): value.decode() for name, value in self.raw()}
        if not self.allowed:
            found["retry-after"] = str(self.retry_after)
        return found

    def raw(self) -> list[tuple[bytes, bytes]]:
        """The same headers of a call that is allowed, as ASGI takes them: every answer has them."""
        gauges = self._gauges
        found: list[tuple[bytes, bytes]] = []
        tight, least, most = gauges[0], 0, 2.0
        for each, left in zip(gauges, self._left, strict=True):
            found.append(each.said[0])
            found.append((each.named, b"%d" % left))
            share = left / each.limit
            if share < most or (share == most and each.end > tight.end):
                tight, least, most = each, left, share
        rest, reset = b"%d" % least, b"%d" % (tight.end - int(self._now))
        found += tight.said[1:]
        found.append((b"ratelimit-remaining", rest))
        found.append((b"ratelimit-reset", reset))
        found.append((b"x-ratelimit-remaining", rest))
        found.append((b"x-ratelimit-reset", reset))
        return found


class Open:
    """The windows of one subject under its plan, until the shortest of them ends."""

    __slots__ = ("end", "gauges", "limits", "start")

    def __init__(self, limits: Mapping[str, int], gauges: tuple[Gauge, ...]) -> None:
        self.limits = limits
        self.gauges = gauges
        self.start = max(each.start for each in gauges)
        self.end = min(each.end for each in gauges)


class Quotas:
    """Counts by subject and window. ``store`` None: this process alone."""

    def __init__(
        self,
        store: ApiGatewayStore | None,
        *,
        subjects: int = 200_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self._most = subjects * 4
        self._counts: dict[_Key, Count] = {}
        self._open: dict[str, Open] = {}

    def take(self, subject: str, limits: Mapping[str, int], *, weight: int = 1) -> Spent:
        """Count one call when every window has room for its weight; a refused call costs nothing."""
        now = self._clock()
        found = self._open.get(subject)
        if found is None or found.limits is not limits or not found.start <= now < found.end:
            found = self._opened(subject, limits, now=now)
        left, room = [], True
        for each in found.gauges:
            here, before = each.here, each.before
            rest: float = each.limit - here.known - here.untold
            if before is not None:  # the part of the window before that is still within reach
                rest -= (before.known + before.untold) * (1 - (now - each.start) / each.length)
            if rest < weight:
                room = False
            left.append(int(rest))
        if room:
            for at, each in enumerate(found.gauges):
                each.here.untold += weight
                left[at] -= weight
        else:
            left = [rest if rest >= weight else 0 for rest in left]
        return Spent(found.gauges, left, now=now, allowed=room)

    def _opened(self, subject: str, limits: Mapping[str, int], *, now: float) -> Open:
        """The windows that hold this instant, with what was counted in them."""
        gauges = tuple(Gauge(name, limit, now=now) for name, limit in limits.items())
        for each in gauges:
            each.here = self._count((subject, each.length, each.start))
            if 0 < each.length <= SLIDING:
                each.before = self._counts.get((subject, each.length, each.start - each.length))
        if len(self._open) >= self._most:
            self._open.clear()
        found = self._open[subject] = Open(limits, gauges)
        return found

    def _count(self, key: _Key) -> Count:
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= self._most:
                self._drop(self._clock())
            found = self._counts[key] = Count()
        return found

    async def share(self) -> None:
        """Tell the other processes, learn from them, forget windows that are over."""
        told = {key: each.untold for key, each in self._counts.items() if each.untold}
        if self._store is not None and told:
            rows = [
                QuotaRow(subject=subject, length=length, start=start, used=used)
                for (subject, length, start), used in told.items()
            ]
            for row in await self._store.spend(rows):
                key = (row.subject, row.length, row.start)
                count = self._counts.setdefault(key, Count())
                count.known = row.used
                count.untold -= told.get(key, 0)
        self._drop(self._clock())

    async def forget(self) -> None:
        """Remove from the database the windows that nobody can be counted in any more."""
        if self._store is not None:
            await self._store.forget_quotas(int(self._clock()) - 62 * DAY_S)

    def _drop(self, now: float) -> None:
        over = [
            key
            for key, each in self._counts.items()
            if not each.untold and key[2] + 2 * (key[1] or 32 * DAY_S) < now
        ]
        for key in over:
            del self._counts[key]
        if len(self._counts) >= self._most:  # a flood of callers: the oldest windows go first
            self._open.clear()
            for key in sorted(self._counts, key=lambda each: each[2])[: self._most // 10]:
                del self._counts[key]


@lru_cache(maxsize=64)
def month(day: float) -> tuple[int, int]:
    """The start and the end (Unix seconds) of the calendar month (UTC) of a day since 1970."""
    first = datetime.fromtimestamp(day * DAY_S, UTC).replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()), int(following.timestamp())
