"""The link printed at the first start: it opens the account, then a password is chosen (development double only)."""

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.ui


def test_a_one_time_link_leads_to_a_password_then_home(browser: Browser, platform_url: str) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto("/entrer?jeton=fixture")
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_label("Nouveau mot de passe").fill("une phrase assez longue")
    page.get_by_label("Le même").fill("une phrase assez courte")
    page.get_by_role("button", name="Enregistrer et entrer").click()
    expect(page.get_by_role("alert")).to_contain_text("diffèrent")
    page.get_by_label("Le même").fill("une phrase assez longue")
    page.get_by_role("button", name="Enregistrer et entrer").click()
    expect(page.get_by_role("heading", level=1, name="Ce qui se passe")).to_be_visible()
    context.close()


def test_a_link_already_used_is_refused_in_words(browser: Browser, platform_url: str) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto("/entrer?jeton=used")
    page.get_by_role("button", name="Ouvrir mon compte").click()
    expect(page.get_by_text("Un lien ne sert qu’une fois")).to_be_visible()
    context.close()
