"""People's accounts: sign in, one-time links, passwords."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from clapas.domain.access import Principal
from clapas.domain.errors import InvalidInput, NotFound
from clapas.identity.errors import LinkSpent, LoginTaken, SignInFailed
from clapas.identity.lockout import Lockout
from clapas.identity.passwords import Passwords
from clapas.identity.secrets import Pepper, new_token
from clapas.identity.settings import Settings
from clapas.store.identity import AccountRow, IdentityStore


class Accounts:
    """Local accounts, on by default, without any default password."""

    def __init__(self, store: IdentityStore, pepper: Pepper, *, settings: Settings) -> None:
        self._store = store
        self._pepper = pepper
        self._settings = settings
        self._passwords = Passwords(shortest=settings.password_shortest)
        self.lockout = self._lockout = Lockout(store, pepper, settings=settings)

    async def add(
        self,
        *,
        login: str,
        name: str = "",
        roles: tuple[str, ...] = ("reader",),
        communes: tuple[str, ...] = (),
        service: str = "",
        language: str = "fr",
        password: str = "",
    ) -> AccountRow:
        """Create an account. Raises LoginTaken, WeakPassword, InvalidInput."""
        login = login.strip()
        if not 1 <= len(login) <= 100 or any(ord(each) < 32 for each in login):
            raise InvalidInput("an account has a login", field="login")
        if password:
            self._passwords.check(password, login=login)
        account = AccountRow(
            id=UUID(int=0),
            login=login,
            name=name or login,
            roles=list(roles),
            communes=list(communes),
            service=service,
            language=language,
            must_set=not password,
        )
        identifier = await self._store.add_account(account)
        if identifier is None:
            raise LoginTaken(login=login)
        if password:
            await self._store.set_password(identifier, await self._passwords.hash(password))
        return await self.get(identifier)

    async def get(self, id: UUID) -> AccountRow:  # noqa: A002
        """One account. Raises NotFound."""
        account = await self._store.account(id)
        if account is None:
            raise NotFound(account=str(id))
        return account

    async def of_login(self, login: str) -> AccountRow | None:
        """The account of a login, None when there is none."""
        return await self._store.account_by_login(login) if "\0" not in login else None

    async def sign_in(self, *, login: str, password: str, address: str) -> AccountRow:
        """The account of a login and its password. Raises SignInFailed, LockedOut.

        The answer and its cost are the same for an unknown login and for a wrong password.
        """
        await self._lockout.check(login, address)
        account = await self.of_login(login)
        usable = account is not None and account.enabled
        hashed = account.password if account is not None and usable else ""
        if not await self._passwords.verify(hashed, password) or account is None:
            await self._lockout.failed(login, address)
            raise SignInFailed
        await self._lockout.succeeded(login, address)
        return account

    async def one_time(self, login: str, *, seconds: int = 0) -> str:
        """A one-time token for an account; the account chooses a password when it is used."""
        account = await self._store.account_by_login(login)
        if account is None:
            raise NotFound(login=login)
        token = new_token()
        await self._store.add_one_time(
            proof=self._pepper.proof("one-time", token),
            account=account.id,
            expires=datetime.now(UTC) + timedelta(seconds=seconds or self._settings.one_time_s),
        )
        return token

    async def first_administrator(self) -> str | None:
        """The one-time token of the first operator, as long as nobody chose a password."""
        account = await self._store.account_by_login("admin")
        if account is None and await self._store.count_accounts() == 0:
            account = await self.add(login="admin", name="Administration", roles=("operator",))
        if account is None or account.password:
            return None
        return await self.one_time(account.login)

    async def named_by(self, token: str) -> AccountRow | None:
        """The account that a one-time token would open; the token is not spent."""
        proof = self._pepper.proof("one-time", token[:200])
        identifier = await self._store.see_one_time(proof, datetime.now(UTC))
        return await self._store.account(identifier) if identifier else None

    async def enter(self, token: str, *, address: str) -> AccountRow:
        """Spend a one-time token. Raises LinkSpent, LockedOut."""
        subject = f"one-time link from {address}"
        await self._lockout.check(subject, address)
        proof = self._pepper.proof("one-time", token[:200])
        identifier = await self._store.use_one_time(proof, datetime.now(UTC))
        if identifier is None:
            await self._lockout.failed(subject, address)
            raise LinkSpent
        await self._store.must_set_password(identifier)
        account = await self.get(identifier)
        await self._lockout.succeeded(account.login, address)
        return account

    async def set_password(self, id: UUID, password: str) -> None:  # noqa: A002
        """Choose a password. Raises WeakPassword, NotFound."""
        account = await self.get(id)
        self._passwords.check(password, login=account.login)
        await self._store.set_password(id, await self._passwords.hash(password))

    async def verify(self, account: AccountRow, password: str, *, address: str) -> None:
        """Ask for the present password again. Raises SignInFailed, LockedOut."""
        await self.sign_in(login=account.login, password=password, address=address)

    async def change(self, account: AccountRow) -> AccountRow:
        """Keep what an administrator says of an account. Raises NotFound."""
        await self.get(account.id)
        await self._store.change_account(account)
        return await self.get(account.id)

    async def list(self, *, after: str = "", limit: int = 50) -> list[AccountRow]:
        """Accounts by login."""
        return await self._store.accounts(after=after, limit=limit)


def principal_of(account: AccountRow, *, mfa: bool = False) -> Principal:
    """The person as the charter knows them; ``mfa``: did they give a second factor?"""
    return Principal(
        kind="user",
        id=str(account.id),
        name=account.name or account.login,
        roles=frozenset(account.roles),
        organisation=account.organisation,
        service=account.service,
        communes=frozenset(account.communes),
        purposes=frozenset(account.purposes),
        mfa=mfa,
    )
