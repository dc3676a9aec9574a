"""Sign-in at an LDAP directory or Active Directory: search the person, then bind as them (RFC 4511, 4513).

Values typed by people are escaped (RFC 4515); an empty password is refused before it is sent, since the
directory would take it for an anonymous bind. TLS is demanded except on this machine.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from clapas.domain.errors import BadSetting, EngineUnavailable
from clapas.identity.errors import SignInFailed
from clapas.identity.federation import Claimed
from clapas.identity.settings import Directory

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
LONGEST = 256
ATTRIBUTES = ("cn", "displayName", "mail", "memberOf", "entryUUID", "objectGUID", "uid")


class LdapDirectory:
    """One directory; each sign-in makes its own connection, off the event loop."""

    name = "ldap"

    def __init__(self, settings: Directory) -> None:
        self.settings = settings
        parts = urlsplit(settings.url)
        local = parts.hostname in LOCAL
        if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname:
            raise BadSetting("ldap://host or ldaps://host", key="identity.directory.url")
        self._starts_tls = parts.scheme == "ldap" and not local
        validate = (
            ssl.CERT_REQUIRED if parts.scheme == "ldaps" or self._starts_tls else ssl.CERT_NONE
        )
        self._server = ldap3.Server(
            settings.url,
            connect_timeout=settings.timeout_s,
            get_info=ldap3.NONE,
            tls=ldap3.Tls(validate=validate, ca_certs_file=settings.ca_file or None),
        )

    async def sign_in(self, login: str, password: str) -> Claimed:
        """Who it is, with their groups. Raises SignInFailed, EngineUnavailable."""
        if not login or not password or len(login) > LONGEST or len(password) > LONGEST:
            raise SignInFailed
        return await asyncio.to_thread(self._sign_in, login, password)

    def _sign_in(self, login: str, password: str) -> Claimed:
        try:
            with self._connection(self.settings.bind_dn, self.settings.bind_password) as searching:
                person = self._person(searching, login)
                if person is None or not self._proven(str(person["dn"]), password):
                    raise SignInFailed
                return self._claimed(searching, person, login=login)
        except LDAPException as error:
            raise EngineUnavailable(engine="directory") from error

    @contextmanager
    def _connection(self, dn: str, password: str) -> Iterator[ldap3.Connection]:
        """A connection bound as somebody; ``bound`` says whether the password was theirs."""
        connection = ldap3.Connection(
            self._server,
            user=dn or None,
            password=password or None,
            read_only=True,
            receive_timeout=self.settings.timeout_s,
        )
        try:
            connection.open()
            if self._starts_tls:
                connection.start_tls()
            connection.bind()
            yield connection
        finally:
            connection.unbind()
            if connection.socket is not None:
                connection.socket.close()

    def _person(self, searching: ldap3.Connection, login: str) -> dict[str, Any] | None:
        wanted = self.settings.person_filter.replace("{login}", escape_filter_chars(login))
        found = self._search(searching, self.settings.base, wanted=wanted, attributes=ATTRIBUTES)
        return found[0] if len(found) == 1 else None

    def _proven(self, dn: str, password: str) -> bool:
        with self._connection(dn, password) as connection:
            return bool(connection.bound)

    def _claimed(
        self, searching: ldap3.Connection, person: dict[str, Any], *, login: str
    ) -> Claimed:
        said, dn = person["attributes"], str(person["dn"])
        groups = {_first_name(each) for each in _texts(said.get("memberOf"))}
        if self.settings.group_base:
            wanted = self.settings.group_filter.replace("{dn}", escape_filter_chars(dn))
            wanted = wanted.replace("{login}", escape_filter_chars(login))
            found = self._search(
                searching, self.settings.group_base, wanted=wanted, attributes=("cn",)
            )
            groups |= {text for each in found for text in _texts(each["attributes"].get("cn"))}
        stable = next(
            (text for name in ("entryUUID", "objectGUID") for text in _texts(said.get(name))), dn
        )
        return Claimed(
            provider=self.name,
            subject=stable,
            login=login.lower(),
            name=next((t for n in ("displayName", "cn") for t in _texts(said.get(n))), login),
            email=next(iter(_texts(said.get("mail"))), "").lower(),
            email_verified=True,
            groups=frozenset(groups),
        )

    def _search(
        self, connection: ldap3.Connection, base: str, *, wanted: str, attributes: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        connection.search(
            base,
            wanted,
            attributes=list(attributes),
            size_limit=1000,
            time_limit=self.settings.timeout_s,
        )
        return [each for each in connection.response or [] if each.get("type") == "searchResEntry"]


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [
        each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in values
    ]


def _first_name(dn: str) -> str:
    """'agents' of 'cn=agents,ou=groups,dc=example'."""
    return dn.partition(",")[0].partition("=")[2] or dn
