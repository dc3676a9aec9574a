"""Signing in elsewhere: OpenID Connect and SAML providers, and signing out there too."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from clapas.charter import event_of
from clapas.domain.access import Resource
from clapas.domain.errors import InvalidInput, NotFound
from clapas.identity import Claimed, FederationRefused, principal_of
from clapas.identity.oidc import Errand, OidcProvider
from clapas.identity.settings import Admission
from clapas.store.identity_federation import Origin
from clapas.web.api.session import address_of, own_account
from clapas.web.authentication import SESSION, no_cookies, session_cookies
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

if TYPE_CHECKING:
    from clapas.identity.saml import SamlDoor

ERRAND = "clapas_errand"
LARGEST_FORM = 200_000


class ProviderOut(msgspec.Struct, frozen=True, kw_only=True):
    """A button of the sign-in page."""

    name: str
    title: str
    kind: str


class SignedOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes to end the session elsewhere too; '' = it is over."""

    redirect: str


def origin_of(request: Call) -> str:
    """The address of the page as the browser sees it."""
    given = services_of(request).identity.settings.public_url
    return given.rstrip("/") or str(request.base_url).rstrip("/")


def _oidc(request: Call, name: str) -> OidcProvider:
    found = services_of(request).identity.oidc.get(name)
    if found is None:
        raise NotFound(provider=name[:60])
    return found


def _saml(request: Call, name: str) -> "SamlDoor":
    found = services_of(request).identity.saml.get(name)
    if found is None:
        raise NotFound(provider=name[:60])
    return found


def own_path(path: str) -> str:
    """A path of our own page, '/' for anything else (no open redirect)."""
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path[:500] if own else "/"


@get(
    "/api/v1/session/providers",
    tags=["session"],
    opt=asks("read", "entrance"),
    summary="Where one may sign in",
)
async def providers(request: Call) -> list[ProviderOut]:
    """Other systems whose word opens this platform."""
    identity = services_of(request).identity
    found = [
        ProviderOut(name=name, title=each.settings.title or name, kind=each.settings.kind)
        for name, each in identity.oidc.items()
    ]
    found += [
        ProviderOut(name=name, title=each.settings.title or name, kind="saml")
        for name, each in identity.saml.items()
    ]
    return found


@get(
    "/api/v1/session/with/{name:str}",
    tags=["session"],
    opt=asks("read", "entrance"),
    summary="Sign in elsewhere",
)
async def leave(request: Call, name: FromPath[str], vers: FromQuery[str] = "/") -> Redirect:
    """Send the browser to the provider; back to the sign-in page when that one does not answer."""
    place = f"{origin_of(request)}/api/v1/session/with/{name}"
    identity = services_of(request).identity
    try:
        if name in identity.saml:
            address, errand = _saml(request, name).start(
                entity=f"{place}/metadata", acs=f"{place}/acs", back=own_path(vers)
            )
        else:
            address, errand = await _oidc(request, name).start(
                redirect=f"{place}/callback", back=own_path(vers)
            )
    except FederationRefused as error:
        return _refused(request, name, error=error)
    sealed = identity.errands.close_text(msgspec.msgpack.encode(errand))
    return Redirect(address, status_code=303, cookies=[_errand_cookie(request, sealed, name=name)])


def _errand_cookie(request: Call, value: str, *, name: str) -> Cookie:
    https = services_of(request).settings.https
    # A SAML answer is posted by another site: only SameSite=None brings the cookie back (https only).
    posted = name in services_of(request).identity.saml and https
    return Cookie(
        key=ERRAND,
        value=value,
        path="/api/v1/session/with",
        max_age=600 if value else 0,
        httponly=True,
        secure=https,
        samesite="none" if posted else "lax",
    )


def _errand(request: Call) -> Errand:
    body = services_of(request).identity.errands.open_text(request.cookies.get(ERRAND, "")[:4000])
    if body is None:
        raise FederationRefused(reason="errand")
    return msgspec.msgpack.decode(body, type=Errand)


@get(
    "/api/v1/session/with/{name:str}/callback",
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="Back from an OpenID Connect provider",
)
async def come_back(request: Call, name: FromPath[str]) -> Redirect:
    """Open a session on the provider's word; a refusal is shown on the sign-in page."""
    try:
        errand = _errand(request)
        provider = _oidc(request, name)
        claimed = await provider.finish(errand, dict(request.query_params.items()))
        return await _entered(request, claimed, rule=provider.settings, back=errand.back)
    except FederationRefused as error:
        return _refused(request, name, error=error)


@post(
    "/api/v1/session/with/{name:str}/acs",
    status_code=303,
    tags=["session"],
    opt=asks("write", "session", csrf=False, posted=True),
    summary="Back from a SAML provider",
)
async def assert_(request: Call, name: FromPath[str]) -> Redirect:
    """Open a session on a SAML response; a refusal is shown on the sign-in page."""
    try:
        door, errand, form = _saml(request, name), _errand(request), await _form(request)
        place = f"{origin_of(request)}/api/v1/session/with/{name}"
        claimed = door.finish(errand, form, entity=f"{place}/metadata", acs=f"{place}/acs")
        identity = services_of(request).identity
        if not await identity.federation.store.take_once(*door.once(claimed)):
            raise FederationRefused(reason="replayed")
        return await _entered(request, claimed, rule=door.settings, back=errand.back)
    except FederationRefused as error:
        return _refused(request, name, error=error)


@get(
    "/api/v1/session/with/{name:str}/metadata",
    tags=["session"],
    opt=asks("read", "entrance"),
    summary="Our SAML metadata",
)
async def metadata(request: Call, name: FromPath[str]) -> Response[bytes]:
    """What the provider's administrator needs to know of us."""
    place = f"{origin_of(request)}/api/v1/session/with/{name}"
    body = _saml(request, name).metadata(entity=f"{place}/metadata", acs=f"{place}/acs")
    return Response(body, media_type="application/samlmetadata+xml")


async def _entered(request: Call, claimed: Claimed, *, rule: Admission, back: str) -> Redirect:
    services = services_of(request)
    identity = services.identity
    account = await identity.federation.admit(claimed, rule)
    planted = request.cookies.get(SESSION, "")
    if planted:
        await identity.sessions.end(planted)
    agent = request.headers.get("user-agent", "")
    session = await identity.sessions.open(
        account, address=address_of(request), agent=agent, mfa=claimed.mfa
    )
    origin = Origin(
        provider=claimed.provider,
        subject=claimed.subject,
        sid=claimed.sid,
        hint=identity.errands.close(claimed.hint.encode()),
    )
    await identity.federation.store.set_origin(session.id, origin)
    if services.audit is not None:
        thing = Resource(kind="session", id=claimed.provider)
        services.audit.note(event_of(principal_of(account), "write", resource=thing, allowed=True))
    cookies = session_cookies(session, https=services.settings.https)
    gone = _errand_cookie(request, "", name=claimed.provider.partition(":")[2])
    return Redirect(back, status_code=303, cookies=[*cookies, gone])


def _refused(request: Call, name: str, *, error: FederationRefused) -> Redirect:
    services = services_of(request)
    reason = str(error.values.get("reason", ""))
    if services.audit is not None:
        thing = Resource(kind="session", id=name[:60])
        event = event_of(
            request.user, "write", resource=thing, allowed=False, scope={"reason": reason}
        )
        services.audit.note(event)
    place = f"/connexion?refus={quote(reason)}&par={quote(name[:60])}"
    return Redirect(place, status_code=303, cookies=[_errand_cookie(request, "", name=name)])


async def _form(request: Call) -> Mapping[str, str]:
    body = await request.body()
    if len(body) > LARGEST_FORM:
        raise InvalidInput("this form is too large", field="body")
    return dict(parse_qsl(body.decode("ascii", "replace"), max_num_fields=20))


@post(
    "/api/v1/session/with/{name:str}/logout",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="The provider ends sessions",
)
async def ended_there(request: Call, name: FromPath[str]) -> Response[None]:
    """Back-channel logout (OpenID Connect): sessions of that sign-in end here within seconds."""
    provider, identity = _oidc(request, name), services_of(request).identity
    form = await _form(request)
    try:
        subject, sid = await provider.logged_out(form.get("logout_token", ""))
    except FederationRefused as error:
        raise InvalidInput("not a logout token of this provider", field="logout_token") from error
    await identity.federation.store.end_sessions(f"oidc:{name}", subject=subject, sid=sid)
    identity.sessions.forget()
    return Response(None, status_code=200, headers={"Cache-Control": "no-store"})


@post(
    "/api/v1/session/end",
    status_code=200,
    tags=["session"],
    opt=asks("write", "session"),
    summary="Sign out, elsewhere too",
)
async def end(request: Call) -> Response[SignedOut]:
    """Close the session, and say where the browser ends the provider's."""
    services, session = services_of(request), own_account(request)
    identity = services.identity
    origin = await identity.federation.store.origin(session.id)
    await identity.sessions.end(request.cookies.get(SESSION, ""))
    place = ""
    if origin is not None and origin.provider.startswith("oidc:"):
        provider = identity.oidc.get(origin.provider.removeprefix("oidc:"))
        hint = (identity.errands.open(origin.hint) or b"").decode()
        if provider is not None and hint:
            with suppress(
                FederationRefused
            ):  # it is over here, whether or not the provider answers
                place = await provider.logout_address(hint, back=f"{origin_of(request)}/connexion")
    return Response(SignedOut(redirect=place), cookies=no_cookies(https=services.settings.https))


HANDLERS = (providers, leave, come_back, assert_, metadata, ended_there, end)
