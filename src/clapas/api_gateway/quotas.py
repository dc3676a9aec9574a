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
NAMED = {
    name: (f"x-ratelimit-limit-{name}".encode(), f"x-ratelimit-remaining-{name}".encode())
    for name in LENGTHS
}
"""The headers of each window."""


class WindowLeft(msgspec.Struct, frozen=True, gc=False):
    """One window of a plan: its limit, what is left, seconds until it begins anew."""

    name: str
    limit: int
    remaining: int
    reset: int


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one call; ``tightest`` is the window with the least left."""

    allowed: bool
    windows: tuple[WindowLeft, ...]

    @property
    def tightest(self) -> WindowLeft:
        """The most constrained window."""
        return min(self.windows, key=lambda each: (each.remaining / each.limit, -each.reset))

    @property
    def retry_after(self) -> int:
        """Seconds to wait after a refusal."""
        return max((each.reset for each in self.windows if each.remaining <= 0), default=1)

    def headers(self) -> dict[str, str]:
        """RateLimit-* (most constrained window), X-RateLimit-* in both usual forms, Retry-After."""
        tight = self.tightest
        found = {
            "RateLimit-Limit": str(tight.limit),
            "RateLimit-Remaining": str(tight.remaining),
            "RateLimit-Reset": str(tight.reset),
            "X-RateLimit-Limit": str(tight.limit),
            "X-RateLimit-Remaining": str(tight.remaining),
            "X-RateLimit-Reset": str(tight.reset),
        }
        for each in self.windows:
            found[f"X-RateLimit-Limit-{each.name.capitalize()}"] = str(each.limit)
            found[f"X-RateLimit-Remaining-{each.name.capitalize()}"] = str(each.remaining)
        if not self.allowed:
            found["Retry-After"] = str(self.retry_after)
        return found

    def raw(self) -> list[tuple[bytes, bytes]]:
        """The same headers of a call that is allowed, as ASGI takes them: every answer has them."""
        tight = self.tightest
        limit, left, reset = (b"%d" % n for n in (tight.limit, tight.remaining, tight.reset))
        found = [
            (b"ratelimit-limit", limit),
            (b"ratelimit-remaining", left),
            (b"ratelimit-reset", reset),
            (b"x-ratelimit-limit", limit),
            (b"x-ratelimit-remaining", left),
            (b"x-ratelimit-reset", reset),
        ]
        for each in self.windows:
            named_limit, named_left = NAMED[each.name]
            found.append((named_limit, b"%d" % each.limit))
            found.append((named_left, b"%d" % each.remaining))
        return found


_Key = tuple[str, int, int]
"""Subject, length and start of a window."""


class Count:
    """One window of one subject: what others used, what we used and have not told yet."""

    __slots__ = ("known", "untold")

    def __init__(self) -> None:
        self.known = 0
        self.untold = 0


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

    def take(self, subject: str, limits: Mapping[str, int], *, weight: int = 1) -> Spent:
        """Count one call when every window has room for its weight; a refused call costs nothing."""
        now, found, allowed = self._clock(), [], True
        for name, limit in limits.items():
            place = self._place(subject, name, now)
            allowed = allowed and place[2] + weight <= limit
            found.append((name, limit, *place))
        if allowed:
            for _, _, key, _, _ in found:
                self._count(key).untold += weight
        spent = weight if allowed else 0
        windows = []
        for name, limit, _, end, used in found:
            full = not allowed and used + weight > limit
            left = 0 if full else max(0, int(limit - used - spent))
            windows.append(WindowLeft(name, limit, left, max(1, int(end - now + 0.999))))
        return Spent(allowed=allowed, windows=tuple(windows))

    def _place(self, subject: str, name: str, now: float) -> tuple[_Key, int, float]:
        """The window of a name that holds this instant: its key, its end, how much of it is used."""
        length = LENGTHS[name]
        if length:
            start = int(now) // length * length
            end = start + length
        else:
            start, end = month(now // DAY_S)
        key = (subject, length, start)
        here = self._counts.get(key)
        used: float = here.known + here.untold if here else 0
        if 0 < length <= SLIDING:
            before = self._counts.get((subject, length, start - length))
            if before:
                used += (before.known + before.untold) * (1 - (now - start) / length)
        return key, end, used

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
            for key in sorted(self._counts, key=lambda each: each[2])[: self._most // 10]:
                del self._counts[key]


@lru_cache(maxsize=64)
def month(day: float) -> tuple[int, int]:
    """The start and the end (Unix seconds) of the calendar month (UTC) of a day since 1970."""
    first = datetime.fromtimestamp(day * DAY_S, UTC).replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()), int(following.timestamp())
