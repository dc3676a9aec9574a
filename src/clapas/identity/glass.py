"""Break-glass: a role for a short time, asked by one person and granted by another, with a reason."""

from datetime import UTC, datetime
from uuid import UUID

from clapas.domain.errors import Forbidden, InvalidInput, NotFound
from clapas.identity.sessions import Sessions
from clapas.store.identity_factors import FactorStore, GlassRow

LONGEST_S = 4 * 3600
ROLES = frozenset({"operator", "dpo"})


class BreakGlass:
    """Ask, grant, end. Whoever asks never grants; a grant ends by itself."""

    def __init__(self, store: FactorStore, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    async def ask(self, account: UUID, *, role: str, reason: str, seconds: int) -> UUID:
        """Ask for a role. Raises InvalidInput."""
        if role not in ROLES:
            raise InvalidInput("this role is not lent", field="role", accepted=sorted(ROLES))
        if len(reason.strip()) < 10:
            raise InvalidInput("say why, in a sentence", field="reason")
        if not 60 <= seconds <= LONGEST_S:
            raise InvalidInput("from one minute to four hours", field="seconds")
        return await self._store.ask(
            account=account,
            role=role,
            reason=reason.strip()[:1000],
            now=datetime.now(UTC),
            seconds=seconds,
        )

    async def approve(self, id: UUID, *, approver: UUID) -> None:  # noqa: A002
        """Grant it. Raises Forbidden: one's own, granted already, ended, or asked an hour ago."""
        if not await self._store.approve(id, approver=approver, now=datetime.now(UTC)):
            raise Forbidden("another person grants it, within an hour")
        self._sessions.forget()

    async def end(self, id: UUID) -> None:  # noqa: A002
        """End it before its time. Raises NotFound."""
        if not await self._store.end(id, datetime.now(UTC)):
            raise NotFound(glass=str(id))
        self._sessions.forget()

    async def list(self) -> list[GlassRow]:
        """What was asked and granted, newest first."""
        return await self._store.glasses()
