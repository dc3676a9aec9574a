"""Settings of identity: table ``[identity]`` of the configuration. Durations are in seconds."""

from typing import Literal

import msgspec


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody whom another system knows becomes an account here."""

    title: str = ""
    """What the button of the sign-in page says."""
    create: bool = False
    """Make an account at the first visit; else only invited people enter."""
    link_email: bool = False
    """An address that the other system verified opens the account whose login it is."""
    roles: dict[str, str] = {}
    """Group there → role here; roles follow the groups at each sign-in. Empty: roles stay local."""
    default_roles: tuple[str, ...] = ("reader",)
    """Roles of an account that is made."""
    organisation: str = ""
    """Organisation of an account that is made."""


class Provider(Admission, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID Connect provider: table ``[identity.providers.<name>]``."""

    issuer: str
    """Its issuer, https:// (http:// on this machine only)."""
    client_id: str
    """Our name there."""
    client_secret: str = ""
    """Our secret there."""
    kind: Literal["oidc", "keycloak", "proconnect"] = "oidc"
    """'keycloak' reads realm roles as groups; 'proconnect' sends no unknown parameter and no PKCE."""
    scopes: str = ""
    """Scopes asked for; empty: those of the kind."""
    groups_claim: str = "groups"
    """The claim that holds the groups."""
    acr: tuple[str, ...] = ()
    """Levels of authentication of which one is demanded, and checked again; they count as two factors."""
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    """Signatures accepted; HS256 (our secret) only when named here."""
    sirets: tuple[str, ...] = ()
    """Organisations that may enter (claim ``siret``); empty: any."""
    agent_roles: tuple[str, ...] = ()
    """Claim ``roles`` of which one is demanded, such as 'agent_public_territorial'; empty: none."""


class Directory(Admission, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An LDAP directory or Active Directory: table ``[identity.directory]``. Off without ``url``."""

    url: str = ""
    """ldaps://host[:port], or ldap:// with STARTTLS (plain only on this machine)."""
    ca_file: str = ""
    """Authority of the directory's certificate; empty: those of the system."""
    bind_dn: str = ""
    """Account that searches; empty: anonymous."""
    bind_password: str = ""
    """Its password."""
    base: str = ""
    """Where people are searched."""
    person_filter: str = "(|(uid={login})(sAMAccountName={login})(userPrincipalName={login}))"
    """Who is meant by a login."""
    group_base: str = ""
    """Where groups are searched; empty: the person's ``memberOf`` alone."""
    group_filter: str = "(|(member={dn})(uniqueMember={dn})(memberUid={login}))"
    """Which groups hold the person."""
    timeout_s: int = 5
    """Seconds that the directory may take."""


class SamlProvider(Admission, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SAML 2.0 identity provider: table ``[identity.saml.<name>]``."""

    entity_id: str
    """Its entity id."""
    sso_url: str
    """Where sign-in is asked for (HTTP-Redirect)."""
    certificate: str
    """Its signing certificate (PEM file)."""
    groups_attribute: str = "groups"
    """The attribute that holds the groups."""
    email_attribute: str = "mail"
    """The attribute that holds the address."""
    name_attribute: str = "displayName"
    """The attribute that holds the name."""
    mfa_contexts: tuple[str, ...] = ("https://refeds.org/profile/mfa",)
    """Authentication contexts that count as two factors."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long sessions and links live, and what a device may publish."""

    session_idle_s: int = 8 * 3600
    """A session ends when it was not used for so long."""
    session_absolute_s: int = 7 * 86400
    """A session ends so long after the sign-in, whatever its use."""
    one_time_s: int = 24 * 3600
    """A one-time link works for so long."""
    key_longest_s: int = 366 * 86400
    """A service key never lives longer."""
    key_rotation_s: int = 7 * 86400
    """The replaced key stays alive for so long, so that both work during a rotation."""
    password_shortest: int = 12
    """Characters that a password has at least (CNIL 2022: length rather than classes)."""
    lock_step_s: float = 15.0
    """The first lock-out; each further failure doubles it."""
    lock_longest_s: float = 900.0
    """The longest lock-out."""
    public_url: str = ""
    """Address of this platform as browsers reach it, for sign-in elsewhere and passkeys; empty: that of the call."""
    providers: dict[str, Provider] = {}
    """OpenID Connect providers by name."""
    directory: Directory = Directory()
    """LDAP directory or Active Directory."""
    saml: dict[str, SamlProvider] = {}
    """SAML 2.0 identity providers by name."""
    token_s: int = 600
    """A short token that a key was changed for works for so long."""
    device_publish: tuple[str, ...] = ("up/{device}", "up/{device}/#")
    """MQTT filters that a device may publish to; {device} is its key."""
    device_subscribe: tuple[str, ...] = ("down/{device}", "down/{device}/#")
    """MQTT filters that a device may subscribe to."""
    device_authorities: str = ""
    """Certificates (PEM) of makers whose devices may let themselves in; empty: no certificate does."""
