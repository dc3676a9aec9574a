"""Who calls the broker, and which rows they may see or change: the charter decides."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from clapas.charter import Charter, Exit, collection
from clapas.domain.access import ANONYMOUS, SYSTEM, Principal, RowFilter
from clapas.domain.errors import Forbidden, Unauthenticated
from clapas.identity import Identity, principal_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION = "clapas_session"


class Access:
    """Recognises callers. ``open``: everybody has all rights (the conformance profile)."""

    def __init__(self, identity: Identity | None, charter: Charter, *, everybody: bool) -> None:
        self._identity = identity
        self._charter = charter
        self._open = everybody

    async def rows(
        self, method: str, headers: Mapping[str, str], *, action: str, kind: str
    ) -> RowFilter:
        """The rows this caller may act on. Raises Unauthenticated, Forbidden."""
        if self._open:
            return RowFilter(everything=True)
        who = await self._who(method, headers)
        purpose = headers.get("x-clapas-purpose", "")[:60]
        decision = self._charter.decide(
            who, action, resource=collection(kind), context={"purpose": purpose}
        )
        if not decision.allow:
            if who.kind == "anonymous":
                raise Unauthenticated
            raise Forbidden(action=action, kind=kind, contact=decision.contact)
        way = Exit(charter=self._charter, principal=who, action=action, purpose=purpose)
        if action == "subscribe" and not way.whole_rows(kind).everything:
            # Notifications are made for a subscription, not for its owner: neither a row filter nor
            # the conditions of a plan or a record travel there.
            raise Forbidden(
                "this subscriber reads a part of the entities", action=action, kind=kind
            )
        return way.whole_rows(kind) if action == "read" else way.rows(kind)

    async def _who(self, method: str, headers: Mapping[str, str]) -> Principal:
        identity = self._identity
        if identity is None:
            return SYSTEM if self._open else ANONYMOUS
        scheme, _, value = headers.get("authorization", "").partition(" ")
        bearer = value.strip() if scheme.lower() in {"bearer", "token"} else ""
        credential = bearer or headers.get("x-api-key", "")
        if credential:
            principal = await identity.recognise(credential)
            if principal is None:
                raise Unauthenticated("this key is unknown, expired or revoked")
            return principal
        return await self._of_session(identity, method, headers=headers)

    async def _of_session(
        self, identity: Identity, method: str, *, headers: Mapping[str, str]
    ) -> Principal:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ANONYMOUS
        token = cookies[SESSION].value if SESSION in cookies else ""
        session = await identity.sessions.find(token) if token else None
        if session is None:
            return ANONYMOUS
        if method not in SAFE and not identity.sessions.csrf_matches(
            token, headers.get("x-clapas-csrf", "")
        ):
            raise Forbidden("this call must come from our own page")
        return principal_of(session.account, mfa=session.mfa)
