"""What was used: calls and bytes by subject, kind of thing and status."""

import time
from datetime import UTC, datetime

from clapas.store.api_gateway import ApiGatewayStore, UsageRow

MOST = 100_000
DAY_S = 86_400


class Usage:
    """Calls and bytes by subject, kind and status, kept in memory until they are written."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int, str, int], list[int]] = {}

    def add(self, subject: str, kind: str, *, status: int, size: int) -> None:
        """One more call."""
        key = (subject, int(time.time()) // DAY_S, kind, status)
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= MOST:
                return
            count = self._counts[key] = [0, 0]
        count[0] += 1
        count[1] += size

    async def write(self, store: ApiGatewayStore) -> None:
        """Write what was counted."""
        taken, self._counts = self._counts, {}
        if taken:
            await store.add_usage(
                [
                    UsageRow(
                        subject=subject,
                        day=datetime.fromtimestamp(day * DAY_S, UTC).date(),
                        kind=kind,
                        status=status,
                        calls=calls,
                        bytes=size,
                    )
                    for (subject, day, kind, status), (calls, size) in taken.items()
                ]
            )
