"""Signing in at a SAML provider that signs as a real one does (xmlsec), and what is refused."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from tests.integration.identity.conftest import with_settings

from clapas.identity import Settings
from clapas.identity.settings import SamlProvider

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.identity.conftest import Browser

    from clapas.web.services import Services

IDP = "https://idp.univ.example/metadata"
START = "/api/v1/session/with/fac"
ACS = f"http://clapas.test{START}/acs"
RESPONSE = """<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
 xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r{n}" Version="2.0" IssueInstant="{now}"
 Destination="{acs}" InResponseTo="{asked}"><saml:Issuer>{idp}</saml:Issuer>
<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
{assertion}</samlp:Response>"""
ASSERTION = """<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 ID="_a{n}" Version="2.0" IssueInstant="{now}"><saml:Issuer>{idp}</saml:Issuer>
<saml:Subject><saml:NameID>{subject}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
<saml:SubjectConfirmationData NotOnOrAfter="{later}" Recipient="{acs}" InResponseTo="{asked}"/>
</saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{before}" NotOnOrAfter="{later}"><saml:AudienceRestriction>
<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="{now}" SessionIndex="s{n}"><saml:AuthnContext>
<saml:AuthnContextClassRef>https://refeds.org/profile/mfa</saml:AuthnContextClassRef>
</saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>
<saml:Attribute Name="mail"><saml:AttributeValue>ana@univ.example</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="displayName"><saml:AttributeValue>Ana</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="groups"><saml:AttributeValue>intendance</saml:AttributeValue></saml:Attribute>
</saml:AttributeStatement></saml:Assertion>"""


class IdentityProvider:
    """Signs assertions with its own key."""

    def __init__(self, folder: Path) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self.key, SHA256())
            .public_bytes(Encoding.PEM)
            .decode()
        )
        self.path = folder / "idp.pem"
        self.path.write_text(self.certificate)

    def assertion(self, **values: str) -> str:
        """A signed assertion."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        text = ASSERTION.format(**values)
        signed: bytes = OneLogin_Saml2_Utils.add_sign(text, key, self.certificate)
        return signed.decode().removeprefix("<?xml version='1.0' encoding='UTF-8'?>\n")


@pytest.fixture
def idp(tmp_path: Path) -> IdentityProvider:
    """The provider of the university."""
    return IdentityProvider(tmp_path)


def opened(services: Services, idp: IdentityProvider) -> None:
    rule = SamlProvider(
        entity_id=IDP,
        sso_url="https://idp.univ.example/sso",
        certificate=str(idp.path),
        create=True,
        roles={"intendance": "steward"},
    )
    with_settings(services, Settings(saml={"fac": rule}))


async def asked(browser: Browser) -> tuple[str, str]:
    """The request's id and the relay state, as the provider reads them."""
    place = (await browser.client.get(f"{START}?vers=/charte")).headers["location"]
    query = parse_qs(urlsplit(place).query)
    request = zlib.decompress(base64.b64decode(query["SAMLRequest"][0]), -15)
    return str(etree.fromstring(request).get("ID")), query["RelayState"][0]


def values(request: str, **more: str) -> dict[str, str]:
    now, form = datetime.now(UTC), "%Y-%m-%dT%H:%M:%SZ"
    return {
        "n": "1",
        "acs": ACS,
        "idp": IDP,
        "asked": request,
        "subject": "u-42",
        "audience": f"http://clapas.test{START}/metadata",
        "now": now.strftime(form),
        "before": (now - timedelta(minutes=1)).strftime(form),
        "later": (now + timedelta(minutes=5)).strftime(form),
        **more,
    }


async def posted(browser: Browser, response: str, relay: str) -> str:
    form = {"SAMLResponse": base64.b64encode(response.encode()).decode(), "RelayState": relay}
    answer = await browser.client.post(f"{START}/acs", data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_signed_assertion_opens_a_session_once(
    services: Services, browser: Browser, idp: IdentityProvider
) -> None:
    opened(services, idp)
    request, relay = await asked(browser)
    given = values(request)
    response = RESPONSE.format(**given, assertion=idp.assertion(**given))
    errand = browser.client.cookies["clapas_errand"]
    assert await posted(browser, response, relay) == "/charte"
    found = (await browser.call("GET", "/api/v1/me")).json()
    assert (found["name"], found["roles"]) == ("Ana", ["steward"])
    session = await services.identity.sessions.find(browser.client.cookies["clapas_session"])
    assert session is not None
    assert session.mfa
    browser.client.cookies.set("clapas_errand", errand, domain="clapas.test", path="/")
    assert "refus=replayed" in await posted(browser, response, relay)


async def test_what_is_not_signed_for_us_now_is_refused(
    services: Services, browser: Browser, idp: IdentityProvider, tmp_path: Path
) -> None:
    opened(services, idp)
    (tmp_path / "other").mkdir()
    forger = IdentityProvider(tmp_path / "other")
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for signer, more, reason in (
        (forger, {}, "signature"),
        (idp, {"audience": "https://another.example"}, "signature"),
        (idp, {"later": past}, "clock"),
        (idp, {"asked": "_another_request"}, "signature"),
        (idp, {"idp": "https://another.example"}, "signature"),
    ):
        request, relay = await asked(browser)
        given = values(request, **more)
        response = RESPONSE.format(**given, assertion=signer.assertion(**given))
        assert f"refus={reason}" in await posted(browser, response, relay), more
    request, relay = await asked(browser)
    given = values(request)
    plain = RESPONSE.format(**given, assertion=ASSERTION.format(**given))
    assert "refus=signature" in await posted(browser, plain, relay)
    request, relay = await asked(browser)
    given = values(request)
    forged = ASSERTION.format(**{**given, "n": "2", "subject": "admin"})
    wrapped = RESPONSE.format(**given, assertion=forged + idp.assertion(**given))
    assert "refus=signature" in await posted(browser, wrapped, relay), "signature wrapping"
    request, relay = await asked(browser)
    given = values(request)
    response = RESPONSE.format(**given, assertion=idp.assertion(**given))
    assert "refus=state" in await posted(browser, response, "another")
    assert (await browser.call("GET", "/api/v1/me")).json()["kind"] == "anonymous"


async def test_our_metadata_name_the_place_of_answers(
    services: Services, browser: Browser, idp: IdentityProvider
) -> None:
    opened(services, idp)
    body = (await browser.client.get(f"{START}/metadata")).content
    assert ACS.encode() in body
    assert etree.fromstring(body).tag.endswith("EntityDescriptor")
