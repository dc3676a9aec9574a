"""A passkey made in a real browser (a virtual authenticator) opens the account without a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.ui
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_then_opens_the_account(
    browser: Browser, platform_url: str, credentials: tuple[str, str]
) -> None:
    here = platform_url.replace("127.0.0.1", "localhost")  # an address names nobody
    context = browser.new_context(base_url=here, locale="fr-FR")
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    page.goto("/connexion")
    page.get_by_label("Identifiant").fill(credentials[0])
    page.get_by_label("Mot de passe").fill(credentials[1])
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    page.goto("/compte")
    page.get_by_label("Nom de cet appareil").fill("Poste de test")
    page.get_by_role("button", name="Créer une clé d’accès").click()
    page.get_by_role("button", name="Retirer la clé d’accès Poste de test").wait_for()
    context.clear_cookies()
    page.goto("/connexion")
    assert page.request.get("/api/v1/me").json()["kind"] == "anonymous"
    page.get_by_role("button", name="Clé d’accès").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    assert page.request.get("/api/v1/me").json()["kind"] == "user"
    assert page.request.get("/api/v1/me/factor").json()["given"], "a passkey is two factors"
    context.close()
