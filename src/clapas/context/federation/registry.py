"""The registrations of each tenant, kept in memory for a moment: every operation asks for them."""

import time
from collections.abc import Mapping
from typing import Any

from clapas.store.context import ContextStore

FRESH = 1.0
"""Seconds after which another process's change is seen at the latest."""
Bodies = list[Mapping[str, Any]]


class Registry:
    """Reads registrations at most once a second for each tenant, and again at once after a change here."""

    def __init__(self, store: ContextStore) -> None:
        self._store = store
        self._held: dict[str, tuple[float, Bodies]] = {}

    async def of(self, tenant: str) -> Bodies:
        """The registrations of a tenant that have not expired."""
        now = time.monotonic()
        read, bodies = self._held.get(tenant, (-FRESH, []))
        if now - read >= FRESH:
            rows = await self._store.rows("registrations", tenant=tenant)
            bodies = [row[0] for row in rows]
            self._held[tenant] = (now, bodies)
        return bodies

    def forget(self, tenant: str) -> None:
        """They changed."""
        self._held.pop(tenant, None)
