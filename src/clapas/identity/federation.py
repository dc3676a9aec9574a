"""From somebody whom another system knows to an account here.

The other system says who it is and in which groups; here it is decided whether that opens an account.
The trade service (direction) is always a local attribute: no provider gives it reliably.
"""

from uuid import UUID

import msgspec

from clapas.identity.accounts import Accounts
from clapas.identity.errors import FederationRefused
from clapas.identity.settings import Admission
from clapas.store.identity import AccountRow, IdentityStore
from clapas.store.identity_federation import FederationStore


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What another system says of somebody, verified to be its word."""

    provider: str
    subject: str
    """Its own, stable name of the person."""
    login: str = ""
    name: str = ""
    email: str = ""
    email_verified: bool = False
    groups: frozenset[str] = frozenset()
    mfa: bool = False
    sid: str = ""
    """Its name of this very sign-in."""
    hint: str = ""
    """What it wants to hear again when the person signs out."""


class Federation:
    """Finds, links or makes the account of somebody who signed in elsewhere."""

    def __init__(
        self, store: IdentityStore, federation: FederationStore, *, accounts: Accounts
    ) -> None:
        self._store = store
        self.store = federation
        self._accounts = accounts

    async def admit(self, claimed: Claimed, rule: Admission) -> AccountRow:
        """The account, its roles as the groups say now. Raises FederationRefused: nobody invited them."""
        found = await self._found(claimed, rule)
        account = await self._accounts.get(found)
        if not account.enabled:
            raise FederationRefused(reason="disabled")
        if not rule.roles:
            return account
        roles = roles_of(claimed, rule)
        if sorted(account.roles) == roles:
            return account
        return await self._accounts.change(msgspec.structs.replace(account, roles=roles))

    async def _found(self, claimed: Claimed, rule: Admission) -> UUID:
        known = await self.store.find(claimed.provider, claimed.subject)
        if known is not None:
            return known
        made = await self._linked(claimed, rule) or await self._made(claimed, rule)
        await self.store.link(claimed.provider, claimed.subject, account=made)
        return made

    async def _linked(self, claimed: Claimed, rule: Admission) -> UUID | None:
        if not (rule.link_email and claimed.email_verified and claimed.email):
            return None
        account = await self._store.account_by_login(claimed.email)
        return account.id if account else None

    async def _made(self, claimed: Claimed, rule: Admission) -> UUID:
        if not rule.create:
            raise FederationRefused(reason="not_invited")
        login = claimed.email or claimed.login or f"{claimed.provider}:{claimed.subject}"
        if await self._store.account_by_login(login) is not None:
            raise FederationRefused(reason="login_taken")
        roles = tuple(roles_of(claimed, rule))
        account = await self._accounts.add(login=login[:100], name=claimed.name, roles=roles)
        if rule.organisation:
            await self.store.meet_organisation(rule.organisation)
        changed = msgspec.structs.replace(account, organisation=rule.organisation)
        return (await self._accounts.change(changed)).id


def roles_of(claimed: Claimed, rule: Admission) -> list[str]:
    """The roles of the groups; those of a new account when no group names one."""
    named = {role for group, role in rule.roles.items() if group in claimed.groups}
    return sorted(named or set(rule.default_roles))
