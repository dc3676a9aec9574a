"""Sign-in at a SAML 2.0 identity provider: Web Browser SSO profile, request by redirect, answer by POST.

OASIS saml-profiles-2.0 §4.1. The assertion must be signed with the certificate of the settings (SHA-256 at
least), answer our own request, name us, be fresh, and is taken once. XML is parsed and its signature
checked by python3-saml over xmlsec; wrapped or doubled assertions are refused there.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from clapas.domain.errors import BadSetting
from clapas.identity.errors import FederationRefused
from clapas.identity.federation import Claimed
from clapas.identity.oidc import Errand
from clapas.identity.secrets import new_token
from clapas.identity.settings import SamlProvider

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
ERRAND_S = 600
ONCE = timedelta(hours=1)
_SAID = OneLogin_Saml2_ValidationError
OUT_OF_TIME = {
    _SAID.ASSERTION_EXPIRED,
    _SAID.ASSERTION_TOO_EARLY,
    _SAID.RESPONSE_EXPIRED,
    _SAID.SESSION_EXPIRED,
}
"""One of the two clocks is wrong, or somebody was very slow."""


class SamlDoor:
    """One identity provider."""

    def __init__(self, name: str, settings: SamlProvider) -> None:
        self.name = name
        self.settings = settings
        try:
            self._certificate = Path(settings.certificate).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            key = f"identity.saml.{name}.certificate"
            raise BadSetting("the certificate cannot be read", key=key) from error

    def start(self, *, entity: str, acs: str, back: str) -> tuple[str, Errand]:
        """Where to send the browser, and what it keeps meanwhile."""
        request = OneLogin_Saml2_Authn_Request(self._settings(entity, acs))
        errand = Errand(
            provider=self.name,
            state=request.get_id(),
            nonce=new_token(),
            verifier="",
            redirect=acs,
            back=back,
            expires=time.time() + ERRAND_S,
        )
        asked = urlencode({"SAMLRequest": request.get_request(), "RelayState": errand.nonce})
        joint = "&" if "?" in self.settings.sso_url else "?"
        return f"{self.settings.sso_url}{joint}{asked}", errand

    def finish(self, errand: Errand, form: Mapping[str, str], *, entity: str, acs: str) -> Claimed:
        """Whom the provider says it is. Raises FederationRefused, with ``reason``."""
        if errand.provider != self.name or errand.expires < time.time():
            raise FederationRefused(reason="too_late")
        if form.get("RelayState") != errand.nonce:
            raise FederationRefused(reason="state")
        try:
            response = OneLogin_Saml2_Response(
                self._settings(entity, acs), form.get("SAMLResponse", "")
            )
            response.is_valid(_place(acs), request_id=errand.state, raise_exceptions=True)
            return self._claimed(response)
        except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, ValueError) as error:
            reason = "clock" if getattr(error, "code", None) in OUT_OF_TIME else "signature"
            raise FederationRefused(reason=reason, error=str(error)[:120]) from error

    def _claimed(self, response: Any) -> Claimed:
        said: dict[str, list[str]] = response.get_attributes()
        given = self.settings
        contexts = set(response.get_authn_contexts())
        email = next(iter(said.get(given.email_attribute, [])), "").strip().lower()
        return Claimed(
            provider=f"saml:{self.name}",
            subject=str(response.get_nameid()),
            login=email,
            name=next(iter(said.get(given.name_attribute, [])), ""),
            email=email,
            email_verified=bool(email),
            groups=frozenset(said.get(given.groups_attribute, [])),
            mfa=bool(contexts & set(given.mfa_contexts)),
            sid=str(response.get_session_index() or ""),
            hint=str(response.get_assertion_id()),
        )

    def once(self, claimed: Claimed) -> tuple[bytes, datetime]:
        """What is noted so that an assertion is taken once: its digest, until when."""
        digest = sha256(f"{claimed.provider}\0{claimed.hint}".encode()).digest()
        return digest, datetime.now(UTC) + ONCE

    def metadata(self, *, entity: str, acs: str) -> bytes:
        """Our metadata, as the provider's administrator reads it."""
        text: str | bytes = self._settings(entity, acs).get_sp_metadata()
        return text.encode() if isinstance(text, str) else text

    def _settings(self, entity: str, acs: str) -> OneLogin_Saml2_Settings:
        given = self.settings
        return OneLogin_Saml2_Settings(
            {
                "strict": True,
                "sp": {
                    "entityId": entity,
                    "assertionConsumerService": {"url": acs, "binding": POST},
                    "NameIDFormat": PERSISTENT,
                },
                "idp": {
                    "entityId": given.entity_id,
                    "singleSignOnService": {"url": given.sso_url, "binding": REDIRECT},
                    "x509cert": self._certificate,
                },
                "security": {
                    "wantAssertionsSigned": True,
                    "rejectUnsolicitedResponsesWithInResponseTo": True,
                    "rejectDeprecatedAlgorithm": True,
                    "requestedAuthnContext": False,
                },
            }
        )


def _place(acs: str) -> dict[str, Any]:
    parts = urlsplit(acs)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }
