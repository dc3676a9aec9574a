"""The link printed at the first start: it opened the account once, and never again."""

import os

import pytest
from playwright.sync_api import Browser, expect
from tests.ui.conftest import Demonstration

pytestmark = pytest.mark.ui


def test_a_link_already_used_is_refused_in_words(
    browser: Browser, platform_url: str, demonstration: Demonstration
) -> None:
    """``platform_url`` entered by the link; whoever finds it afterwards stays outside."""
    assert os.environ.get("CLAPAS_UI_URL") is None
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto(demonstration.link)
    page.get_by_role("button", name="Ouvrir mon compte").click()
    expect(page.get_by_text("Un lien ne sert qu’une fois")).to_be_visible()
    context.close()
