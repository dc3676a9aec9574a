"""Who somebody is: accounts, sessions, service keys, devices' credentials."""

from clapas.domain.access import Principal
from clapas.domain.errors import OwnerError
from clapas.identity.accounts import Accounts, principal_of
from clapas.identity.claims import CODE, Claims
from clapas.identity.devices import Allowed, Devices, MqttGrant
from clapas.identity.errors import (
    ClaimRefused,
    LinkSpent,
    LockedOut,
    LoginTaken,
    SecondFactorNeeded,
    SignInFailed,
    WeakPassword,
)
from clapas.identity.factors import Enrolment, Factors
from clapas.identity.glass import BreakGlass
from clapas.identity.secrets import Pepper
from clapas.identity.service_keys import NewKey, ServiceKeys
from clapas.identity.sessions import NewSession, Sessions
from clapas.identity.settings import Settings
from clapas.store.fleet_claims import Claims as ClaimStore
from clapas.store.identity import IdentityStore
from clapas.store.identity_factors import FactorStore

__all__ = [
    "Accounts",
    "Allowed",
    "BreakGlass",
    "ClaimRefused",
    "Claims",
    "Devices",
    "Enrolment",
    "Factors",
    "Identity",
    "LinkSpent",
    "LockedOut",
    "LoginTaken",
    "MqttGrant",
    "NewKey",
    "NewSession",
    "Pepper",
    "SecondFactorNeeded",
    "ServiceKeys",
    "Sessions",
    "Settings",
    "SignInFailed",
    "WeakPassword",
    "principal_of",
]


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
        self.accounts = Accounts(store, secret, chosen)
        self.sessions = Sessions(store, secret, chosen)
        second = FactorStore(store.postgres)
        self.factors = Factors(second, secret, self.accounts.lockout)
        self.glass = BreakGlass(second, self.sessions)
        self.keys = ServiceKeys(store, secret, chosen)
        self.devices = Devices(
            store, keys=self.keys, pepper=secret, settings=chosen, allowed=allowed
        )
        self.claims = Claims(ClaimStore(store.postgres), secret, chosen)

    async def authorize_mqtt(
        self, username: str, password: str, client_id: str
    ) -> MqttGrant | None:
        """What a connection to the MQTT listener may do: see :meth:`Devices.authorize_mqtt`.

        A new device gives its id as user name and its claim code as password.
        """
        if CODE.match(password.strip()):
            try:
                return self.devices.grant(await self.claims.by_code(password, username))
            except OwnerError:
                return None
        return await self.devices.authorize_mqtt(username, password, client_id)

    async def recognise(self, credential: str) -> Principal | None:
        """The principal of a service key or of a device's token."""
        if credential.startswith("cld_"):
            return await self.devices.recognise(credential)
        return await self.keys.recognise(credential)
