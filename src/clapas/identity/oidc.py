"""Sign-in at an OpenID Connect provider: authorization code flow, with PKCE where it is known.

OpenID Connect Core 1.0 §3.1, RFC 7636 (PKCE), RFC 9207 (issuer in the answer), RP-Initiated Logout 1.0,
Back-Channel Logout 1.0. ProConnect refuses any parameter that it does not know (no PKCE there), wants
``state`` and ``nonce`` of 32 characters at least, and may sign ``userinfo`` as a JWT.
"""

import asyncio
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, MissingClaimError
from joserfc.jwk import KeySet, OctKey
from joserfc.util import urlsafe_b64encode

from clapas.domain.errors import BadSetting
from clapas.identity.errors import FederationRefused
from clapas.identity.federation import Claimed
from clapas.identity.secrets import new_token
from clapas.identity.settings import Provider

METADATA_S = 3600.0
KEYS_AGAIN_S = 30.0
TIMEOUT_S = 10.0
LEEWAY_S = 60
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
PROCONNECT_SCOPES = "openid given_name usual_name email uid siret idp_id organization_label roles"
SCOPES = {"oidc": "openid profile email", "keycloak": "openid profile email"}


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser keeps, sealed, while it is at the provider."""

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect: str
    back: str
    expires: float


class OidcProvider:
    """One provider: its metadata and keys are read when needed, and again when they may have changed."""

    def __init__(self, name: str, settings: Provider) -> None:
        self.name = name
        self.settings = settings
        _check_issuer(name, settings.issuer)
        self._metadata: dict[str, Any] = {}
        self._metadata_until = 0.0
        self._keys: KeySet | None = None
        self._keys_read = 0.0
        self._reading = asyncio.Lock()

    @property
    def pkce(self) -> bool:
        """ProConnect answers Y000400 to parameters that it does not know."""
        return self.settings.kind != "proconnect"

    async def start(self, *, redirect: str, back: str) -> tuple[str, Errand]:
        """Where to send the browser, and what it keeps meanwhile."""
        errand = Errand(
            provider=self.name,
            state=new_token(),
            nonce=new_token(),
            verifier=new_token() if self.pkce else "",
            redirect=redirect,
            back=back,
            expires=time.time() + 600,
        )
        metadata = await self.metadata()
        asked = urlencode(self._question(errand))
        return f"{metadata['authorization_endpoint']}?{asked}", errand

    def _question(self, errand: Errand) -> dict[str, str]:
        given = self.settings
        scopes = given.scopes or SCOPES.get(given.kind, PROCONNECT_SCOPES)
        question = {
            "response_type": "code",
            "client_id": given.client_id,
            "redirect_uri": errand.redirect,
            "scope": scopes,
            "state": errand.state,
            "nonce": errand.nonce,
        }
        if errand.verifier:
            digest = sha256(errand.verifier.encode()).digest()
            question["code_challenge"] = urlsafe_b64encode(digest).decode()
            question["code_challenge_method"] = "S256"
        if given.acr:
            wanted = {"id_token": {"acr": {"essential": True, "values": list(given.acr)}}}
            question["claims"] = msgspec.json.encode(wanted).decode()
        return question

    async def finish(self, errand: Errand, answer: Mapping[str, str]) -> Claimed:
        """Whom the provider says it is. Raises FederationRefused, with ``reason``."""
        if errand.provider != self.name or errand.expires < time.time():
            raise FederationRefused(reason="too_late")
        if answer.get("state") != errand.state:
            raise FederationRefused(reason="state")
        if answer.get("iss", self.settings.issuer) != self.settings.issuer:
            raise FederationRefused(reason="issuer")
        if answer.get("error") or not answer.get("code"):
            raise FederationRefused(reason="provider", error=answer.get("error", "")[:60])
        tokens = await self._tokens(errand, answer["code"])
        claims = await self._id_token(str(tokens.get("id_token", "")), errand)
        more = await self._userinfo(str(tokens.get("access_token", "")), str(claims["sub"]))
        self._admissible(claims, {**claims, **more})
        return self._claimed(claims, {**claims, **more}, hint=str(tokens["id_token"]))

    async def _tokens(self, errand: Errand, code: str) -> dict[str, Any]:
        given, metadata = self.settings, await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": errand.redirect,
            "client_id": given.client_id,
            "client_secret": given.client_secret,
        }
        if errand.verifier:
            form["code_verifier"] = errand.verifier
        answer = await self._ask("POST", str(metadata["token_endpoint"]), data=form)
        return _object(answer)

    async def _id_token(self, text: str, errand: Errand) -> dict[str, Any]:
        claims = await self.verified(text)
        _check(claims, self.settings, essential=("exp", "iat", "sub", "nonce"))
        if claims["nonce"] != errand.nonce:
            raise FederationRefused(reason="nonce")
        return claims

    async def _userinfo(self, token: str, subject: str) -> dict[str, Any]:
        metadata = await self.metadata()
        if not metadata.get("userinfo_endpoint") or not token:
            return {}
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._ask("GET", str(metadata["userinfo_endpoint"]), headers=headers)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/jwt":
            said = await self.verified(answer.text.strip())
            _check(said, self.settings, essential=("sub",))
        else:
            said = _object(answer)
        if said.get("sub") != subject:
            raise FederationRefused(reason="subject")
        return said

    def _admissible(self, claims: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        given = self.settings
        if given.acr and claims.get("acr") not in given.acr:
            raise FederationRefused(reason="acr")
        if given.sirets and str(said.get("siret", "")).replace(" ", "") not in given.sirets:
            raise FederationRefused(reason="organisation")
        if given.agent_roles and not _strings(said.get("roles")) & set(given.agent_roles):
            raise FederationRefused(reason="role")

    def _claimed(self, claims: Mapping[str, Any], said: Mapping[str, Any], *, hint: str) -> Claimed:
        given = self.settings
        email = str(said.get("email") or "").strip().lower()
        names = [said.get("given_name"), said.get("usual_name") or said.get("family_name")]
        return Claimed(
            provider=f"oidc:{self.name}",
            subject=str(claims["sub"]),
            login=str(said.get("preferred_username") or ""),
            name=str(said.get("name") or " ".join(str(each) for each in names if each)),
            email=email,
            email_verified=said.get("email_verified") is True or given.kind == "proconnect",
            groups=frozenset(self._groups(said)),
            mfa=bool(given.acr) or "mfa" in _strings(claims.get("amr")),
            sid=str(claims.get("sid") or ""),
            hint=hint,
        )

    def _groups(self, said: Mapping[str, Any]) -> set[str]:
        groups = _strings(said.get(self.settings.groups_claim))
        realm = said.get("realm_access")
        if self.settings.kind == "keycloak" and isinstance(realm, dict):
            groups |= _strings(realm.get("roles"))
        return {each.removeprefix("/") for each in groups} | groups

    async def logout_address(self, hint: str, *, back: str) -> str:
        """Where the browser ends the session of the provider too, '' when that is not offered."""
        end = (await self.metadata()).get("end_session_endpoint")
        if not end:
            return ""
        asked = {"id_token_hint": hint, "post_logout_redirect_uri": back, "state": new_token()}
        return f"{end}?{urlencode(asked)}"

    async def logged_out(self, token: str) -> tuple[str, str]:
        """Whose sessions a logout token ends: (subject, sid). Raises FederationRefused."""
        claims = await self.verified(token)
        _check(claims, self.settings, essential=("iat", "jti", "events"))
        events = claims["events"]
        fresh = abs(time.time() - float(claims["iat"])) < 2 * LEEWAY_S
        subject, sid = str(claims.get("sub") or ""), str(claims.get("sid") or "")
        told = isinstance(events, dict) and LOGOUT_EVENT in events
        if "nonce" in claims or not told or not fresh or not (subject or sid):
            raise FederationRefused(reason="logout_token")
        return subject, sid

    async def verified(self, text: str) -> dict[str, Any]:
        """The claims of a token whose signature is the provider's. Raises FederationRefused."""
        try:
            for attempt in (False, True):
                keys = await self._signing_keys(again=attempt)
                try:
                    return jwt.decode(text, keys, algorithms=self._asymmetric()).claims
                except (JoseError, ValueError):
                    if attempt and "HS256" not in self.settings.algorithms:
                        raise
            secret = OctKey.import_key(self.settings.client_secret)
            return jwt.decode(text, secret, algorithms=["HS256"]).claims
        except (JoseError, ValueError) as error:
            raise FederationRefused(reason="signature") from error

    def _asymmetric(self) -> list[str]:
        return [each for each in self.settings.algorithms if not each.startswith("HS")]

    async def _signing_keys(self, *, again: bool) -> KeySet:
        async with self._reading:
            stale = time.monotonic() - self._keys_read > KEYS_AGAIN_S
            if self._keys is None or (again and stale):
                metadata = await self.metadata()
                answer = await self._ask("GET", str(metadata["jwks_uri"]))
                self._keys = KeySet.import_key_set(_object(answer))  # type: ignore[arg-type]
                self._keys_read = time.monotonic()
            return self._keys

    async def metadata(self) -> dict[str, Any]:
        """The provider's discovery document (OpenID Connect Discovery 1.0 §4)."""
        if time.monotonic() > self._metadata_until:
            issuer = self.settings.issuer
            place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _object(await self._ask("GET", place))
            if found.get("issuer") != issuer:
                raise FederationRefused(reason="issuer")
            self._metadata, self._metadata_until = found, time.monotonic() + METADATA_S
        return self._metadata

    async def _ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.request(method, address, **more)
        except httpx.HTTPError as error:
            raise FederationRefused(reason="down") from error
        if answer.status_code != 200:
            raise FederationRefused(reason="provider", status=answer.status_code)
        return answer


def _check_issuer(name: str, issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOCAL):
        raise BadSetting("an issuer is reached over https", key=f"identity.providers.{name}.issuer")


def _check(claims: Mapping[str, Any], given: Provider, *, essential: tuple[str, ...]) -> None:
    wanted: dict[str, Any] = {each: {"essential": True} for each in essential}
    wanted["iss"] = {"essential": True, "value": given.issuer}
    wanted["aud"] = {"essential": True, "value": given.client_id}
    try:
        jwt.JWTClaimsRegistry(leeway=LEEWAY_S, **wanted).validate(dict(claims))
    except JoseError as error:
        reason = "clock" if _of_time(error) else "claims"
        raise FederationRefused(reason=reason, error=str(error)[:120]) from error
    audiences = _strings(claims["aud"])
    if len(audiences) > 1 and claims.get("azp") != given.client_id:
        raise FederationRefused(reason="audience")


def _of_time(error: JoseError) -> bool:
    """Is it a moment that is wrong? Then one of the two clocks is, rather than the token."""
    return getattr(error, "claim", "") in {"exp", "iat", "nbf"} and not isinstance(
        error, MissingClaimError
    )


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        raise FederationRefused(reason="provider") from error
    if not isinstance(found, dict):
        raise FederationRefused(reason="provider")
    return found


def _strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return set(value.split())
    return {str(each) for each in value} if isinstance(value, list) else set()
