"""The trades' pages answer their first question, print their report, and are for everybody."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page
from tests.ui.test_every_page import violations

pytestmark = pytest.mark.ui

NewContext = Callable[..., BrowserContext]
Settle = Callable[[Page, str], None]


def test_a_trades_page_answers_its_question_and_prints_its_report(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/metiers?metier=parking&jours=1")
    page.get_by_role("heading", level=1, name="Parkings").wait_for()
    page.get_by_text("Où reste-t-il de la place").wait_for()
    choices = page.get_by_label("Métier").locator("option").all_inner_texts()
    assert {"Musée", "Parkings", "Vélos en libre-service", "Comptages", "Air des écoles"} <= set(
        choices
    )
    page.get_by_text("Méthodes, seuils et sources").click()
    page.get_by_text("1 − places libres moyennes / capacité").wait_for()
    decided = page.get_by_role("row", name="Affichage immobile, alerte")
    for text in ("24 h", "Choix de Clapas", "1 janvier 2026", "à confirmer", "figé depuis un jour"):
        decided.get_by_text(text).wait_for()
    with page.expect_download() as printed:
        page.get_by_role("link", name="Rapport PDF").click()
    assert printed.value.path().read_bytes().startswith(b"%PDF-")
    page.get_by_label("Métier").select_option("Air des écoles")
    page.get_by_role("heading", level=1, name="Air des écoles").wait_for()
    assert "metier=school_air" in page.url


def test_what_the_charter_keeps_in_is_told_where_it_was_asked_for(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    refusal = {
        "type": "urn:clapas:error:forbidden", "title": "", "status": 403, "detail": "", "code": "forbidden", "actor": "you",
        "values": {"action": "export", "kind": "series", "contact": "", "articles": [
            {"id": "CH-42", "titre": "Jamais d'export de données personnelles plus fin que le jour", "title": "", "ground": ""}
        ]},
    }  # fmt: skip
    page.route("**/api/v1/water/report.pdf", lambda route: route.fulfill(status=403, json=refusal))
    settle(page, "/eau")
    page.get_by_role("button", name="Rapport PDF").click()
    page.get_by_text("plus fin que le jour").wait_for()


def test_axe_finds_nothing_on_the_trades_pages(new_context: NewContext, settle: Settle) -> None:
    page = new_context(language="fr", theme="light", audit=True).new_page()
    for path in ("/metiers?metier=parking", "/metiers?metier=museum", "/territoire"):
        settle(page, path)
        assert violations(page) == [], path
