"""Who somebody is: accounts, sessions, service keys, devices' credentials."""

from typing import TYPE_CHECKING
from uuid import UUID

from clapas.domain.access import Principal
from clapas.domain.errors import OwnerError
from clapas.identity.accounts import Accounts, principal_of
from clapas.identity.claims import CODE, Claims
from clapas.identity.devices import Allowed, Devices, MqttGrant
from clapas.identity.errors import (
    ClaimRefused,
    FederationRefused,
    LinkSpent,
    LockedOut,
    LoginTaken,
    OwnRole,
    PasskeyRefused,
    SecondFactorNeeded,
    SignInFailed,
    WeakPassword,
)
from clapas.identity.factors import Enrolment, Factors
from clapas.identity.federation import Claimed, Federation
from clapas.identity.glass import BreakGlass
from clapas.identity.oidc import OidcProvider
from clapas.identity.passkeys import Passkeys
from clapas.identity.sealing import Seal
from clapas.identity.secrets import Pepper
from clapas.identity.service_keys import Holder, NewKey, ServiceKeys
from clapas.identity.sessions import NewSession, Sessions
from clapas.identity.settings import Settings
from clapas.identity.tokens import ShortTokens
from clapas.store.fleet_claims import Claims as ClaimStore
from clapas.store.identity import AccountRow, IdentityStore, KeyRow
from clapas.store.identity_factors import FactorStore
from clapas.store.identity_federation import FederationStore

if TYPE_CHECKING:
    from clapas.identity.directory import LdapDirectory
    from clapas.identity.saml import SamlDoor

__all__ = [
    "Accounts",
    "Allowed",
    "BreakGlass",
    "ClaimRefused",
    "Claimed",
    "Claims",
    "Devices",
    "Enrolment",
    "Factors",
    "Federation",
    "FederationRefused",
    "Identity",
    "LinkSpent",
    "LockedOut",
    "LoginTaken",
    "MqttGrant",
    "NewKey",
    "NewSession",
    "OidcProvider",
    "OwnRole",
    "PasskeyRefused",
    "Passkeys",
    "Pepper",
    "SecondFactorNeeded",
    "ServiceKeys",
    "Sessions",
    "Settings",
    "SignInFailed",
    "WeakPassword",
    "principal_of",
]


NO_SESSION = UUID(int=0)
"""Of no session: all of an account's end."""


class Identity:
    """The parts of identity over one store: ``accounts``, ``sessions``, ``keys``, ``devices``, ``claims``."""

    def __init__(
        self,
        store: IdentityStore,
        *,
        pepper: bytes,
        allowed: Allowed,
        settings: Settings | None = None,
    ) -> None:
        chosen, secret = settings or Settings(), Pepper(pepper)
        self.settings = chosen
        self._pepper = secret
        self.accounts = Accounts(store, secret, settings=chosen)
        self.sessions = Sessions(store, secret, settings=chosen)
        second = FactorStore(store.postgres)
        self.factors = Factors(second, secret, lockout=self.accounts.lockout)
        self.glass = BreakGlass(second, self.sessions)
        self.keys = ServiceKeys(store, secret, settings=chosen)
        self.devices = Devices(
            store, keys=self.keys, pepper=secret, settings=chosen, allowed=allowed
        )
        self.claims = Claims(ClaimStore(store.postgres), secret, settings=chosen)
        elsewhere = FederationStore(store.postgres)
        self.federation = Federation(store, elsewhere, accounts=self.accounts)
        self.passkeys = Passkeys(elsewhere, secret, lockout=self.accounts.lockout)
        self.errands = Seal(secret, "errand")
        self.tokens = ShortTokens(secret, seconds=chosen.token_s)
        self.oidc = {name: OidcProvider(name, each) for name, each in chosen.providers.items()}
        self.saml = _saml_doors(chosen)
        self.directory = _directory(chosen)

    async def authorize_mqtt(
        self, username: str, password: str, *, client_id: str
    ) -> MqttGrant | None:
        """What a connection to the MQTT listener may do: see :meth:`Devices.authorize_mqtt`.

        A new device gives its id as user name and its claim code as password.
        """
        if CODE.match(password.strip()):
            try:
                return self.devices.grant(await self.claims.by_code(password, username))
            except OwnerError:
                return None
        return await self.devices.authorize_mqtt(username, password, client_id=client_id)

    async def recognise(self, credential: str) -> Principal | None:
        """The principal of a service key, of a short token made for one, or of a device's token."""
        return (await self.holder(credential))[0]

    async def holder(self, credential: str) -> tuple[Principal | None, KeyRow | None]:
        """The principal of a credential, and its live service key when it is one."""
        if credential.startswith("cld_"):
            return await self.devices.recognise(credential), None
        return await self._of_key(credential) or (None, None)

    async def readmit(self, account: AccountRow) -> str:
        """A one-time token for somebody who lost what opens their account; what was lost opens it no more.

        The second factor, the passkeys and the open sessions end, and a lock-out of the login is lifted.
        """
        await self.factors.remove(account.id)
        await self.passkeys.remove_all(account.id)
        await self.sessions.revoke_others(account.id, but=NO_SESSION)
        await self.accounts.lockout.lift(account.login)
        return await self.accounts.one_time(account.login)

    def subject_proof(self, subject: str) -> bytes:
        """What may be kept of a pseudonym that was erased: it proves which one, and tells nothing."""
        return self._pepper.proof("subject", subject)

    async def _of_key(self, credential: str) -> Holder | None:
        """Whose live service key it is: the key itself, or a short token made for it."""
        if credential.count(".") != 2:
            return await self.keys.holder(credential)
        named = self.tokens.key_of(credential)
        return await self.keys.by_id(named) if named else None

    async def sign_in(self, *, login: str, password: str, address: str) -> AccountRow:
        """The account of a login and its password, asked of the directory when it is not local."""
        local = await self.accounts.of_login(login)
        if self.directory is None or (local is not None and local.password):
            return await self.accounts.sign_in(login=login, password=password, address=address)
        await self.accounts.lockout.check(login, address)
        try:
            claimed = await self.directory.sign_in(login, password)
        except SignInFailed:
            await self.accounts.lockout.failed(login, address)
            raise
        await self.accounts.lockout.succeeded(login, address)
        return await self.federation.admit(claimed, self.settings.directory)


def _saml_doors(settings: Settings) -> "dict[str, SamlDoor]":
    if not settings.saml:
        return {}
    from clapas.identity.saml import SamlDoor  # its XML libraries are loaded where they serve

    return {name: SamlDoor(name, each) for name, each in settings.saml.items()}


def _directory(settings: Settings) -> "LdapDirectory | None":
    if not settings.directory.url:
        return None
    from clapas.identity.directory import LdapDirectory

    return LdapDirectory(settings.directory)
