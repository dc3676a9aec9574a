"""Who signs in by the page: invited, second factor enrolled, refused in words, locked out, closed; and who does not."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import expect
from tests.ui.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    Settle = Callable[[Page, str], None]

pytestmark = pytest.mark.ui


def code(secret: str, *, later: int = 0) -> str:
    """What the telephone shows, now or in some seconds."""
    clock = TOTP(base64.b32decode(secret), 6, SHA1(), 30)  # noqa: S303
    return clock.generate(time.time() + later).decode()


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    page.goto("/connexion")
    page.get_by_label("Identifiant").fill(login)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


def test_an_agent_is_invited_takes_a_second_factor_and_sees_no_closed_door(
    browser: Browser, platform_url: str, signed_in_page: Page, settle: Settle
) -> None:
    admin, login = signed_in_page, f"lea-{time.time_ns()}"
    settle(admin, "/acces")
    admin.get_by_label("Identifiant").fill(login)
    admin.get_by_label("Nom", exact=True).fill("Léa Roux")
    admin.get_by_role("button", name="Inviter quelqu’un").click()
    link = admin.get_by_text(re.compile("/entrer.jeton=")).inner_text()
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_label("Nouveau mot de passe").fill(PASSWORD)
    page.get_by_label("Le même").fill(PASSWORD)
    page.get_by_role("button", name="Enregistrer et entrer").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    menu = page.get_by_role("navigation").first
    expect(menu.get_by_role("link", name="Entités")).to_have_count(1)
    expect(menu.get_by_role("link", name="Droits des personnes")).to_have_count(0)
    settle(page, "/acces")
    expect(page.get_by_role("button", name="Inviter quelqu’un")).to_have_count(0)
    page.goto("/droits")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("CH-00")
    expect(refusal).to_contain_text("Demandez à")

    settle(page, "/compte")
    page.get_by_role("button", name="Activer", exact=True).click()
    expect(page.get_by_role("img", name="Code QR")).to_be_visible()
    secret = page.get_by_text(re.compile(r"^[A-Z2-7]{32}$")).inner_text()
    page.get_by_label("Code à six chiffres").fill(code(secret))
    page.get_by_role("button", name="Confirmer").click()
    recovery = (
        page.get_by_text(re.compile(r"^[a-z2-9]{5}-[a-z2-9]{5}")).first.inner_text().split()[0]
    )

    context.clear_cookies()
    sign_in(page, login)
    page.get_by_label("Code à six chiffres").fill("zzzzzz")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_contain_text("que votre téléphone est à l’heure")
    page.get_by_label("Code à six chiffres").fill(recovery)
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    context.close()


def test_too_many_tries_say_how_long_to_wait(browser: Browser, platform_url: str) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page, login = context.new_page(), f"nobody-{time.time_ns()}"
    for _ in range(5):
        body = {"login": login, "password": "certainly-not-this-one"}
        assert page.request.post("/api/v1/session", data=body).status == 401
    sign_in(page, login)
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"recommencez dans \d+ min"))
    context.close()


@pytest.mark.parametrize("reason", ["down", "clock", "not_invited", "disabled"])
def test_a_sign_in_refused_elsewhere_is_told_in_both_languages(
    browser: Browser, platform_url: str, reason: str
) -> None:
    said = []
    for locale in ("fr-FR", "en-GB"):
        context = browser.new_context(base_url=platform_url, locale=locale)
        page = context.new_page()
        page.goto(f"/connexion?refus={reason}&par=ville")
        said.append(page.get_by_role("alert").inner_text())
        context.close()
    assert len(set(said)) == 2
    assert all(each.endswith(".") and " " in each for each in said), "a sentence, not a code"


def test_without_an_account_one_reads_what_is_published_and_nothing_else(
    browser: Browser, platform_url: str, signed_in_page: Page
) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto("/connexion")
    page.get_by_role("link", name="Lire les données ouvertes sans compte").click()
    page.get_by_role("heading", level=1, name="Carte du territoire").wait_for()
    menu = page.get_by_role("navigation").first.get_by_role("link")
    expect(menu).to_have_count(2)
    mine, theirs = (
        {each["type"] for each in who.request.get("/api/v1/entities?limit=1000").json()["items"]}
        for who in (page, signed_in_page)
    )
    assert mine
    assert "WaterConsumptionObserved" in theirs - mine, "as the charter says"
    page.goto("/appareils")
    page.get_by_role("heading", level=1, name="Connexion").wait_for()
    context.close()
