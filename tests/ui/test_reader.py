"""An agent who may read and change nothing: every page answers, and none offers what would be refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.ui.conftest import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    Settle = Callable[[Page, str], None]

pytestmark = pytest.mark.ui

PAGES = [
    "/", "/territoire", "/carte", "/alarmes", "/alarmes/regles", "/alarmes/astreinte", "/alarmes/silences", "/alarmes/messages",
    "/entites", "/metiers", "/eau", "/eau?vue=dossiers", "/eau?vue=secteurs", "/eau?vue=chantiers", "/eau?vue=precision",
    "/appareils", "/parc/modeles", "/parc/quarantaine", "/parc/groupes", "/parc/ordres", "/parc/horaires", "/parc/couts",
    "/modele/elsys", "/decodeur/elsys", "/radio", "/radio?vue=trames", "/radio?vue=groupes", "/radio?vue=mises-a-jour",
    "/reparations", "/sources", "/sources?vue=rejets", "/charte", "/acces", "/applications", "/ngsi-ld", "/compte",
]  # fmt: skip
CHANGES = [
    "Écrire une règle", "Nouvelle chaîne d’alerte", "Nouveau silence", "Ajouter un appareil", "Importer", "Sur le terrain",
    "Agir sur cette liste", "Garder cette liste", "Nouveau modèle", "Importer le catalogue", "Enregistrer le groupe",
    "Inviter les appareils", "Regarder maintenant", "Brancher une source", "Brancher une première source",
    "Rejouer les rejets de cette page", "Créer la clé", "Choisir un fichier", "Oublier", "Comparer",
]  # fmt: skip
"""Buttons and links whose act only the operator may do under the articles of a new installation."""


@pytest.fixture
def reader(browser: Browser, platform_url: str, signed_in_page: Page) -> Iterator[Page]:
    """A page where somebody is signed in whom the administrator invited as a reader."""
    cookies = {each["name"]: each["value"] for each in signed_in_page.context.cookies()}
    made = signed_in_page.request.post(
        f"{platform_url}/api/v1/accounts",
        data={"login": f"lucie-{time.time_ns()}", "name": "Lucie", "roles": ["reader"]},
        headers={"X-Clapas-CSRF": cookies["clapas_csrf"]},
    )
    context = browser.new_context(base_url=platform_url, locale="fr-FR", reduced_motion="reduce")
    page = context.new_page()
    page.goto(made.json()["link"])
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_label("Nouveau mot de passe").fill(PASSWORD)
    page.get_by_label("Le même").fill(PASSWORD)
    page.get_by_role("button", name="Enregistrer et entrer").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    yield page
    context.close()


def test_no_page_of_the_menu_is_refused_and_none_offers_what_would_be(
    reader: Page, settle: Settle
) -> None:
    refused: list[str] = []
    reader.on(
        "response",
        lambda answer: (
            refused.append(f"{reader.url}: {answer.status} {answer.url}")
            if answer.status >= 400
            else None
        ),
    )
    offered: list[str] = []
    for path in PAGES:
        settle(reader, path)
        main = reader.locator("main")
        seen = main.locator("button:visible, a.button:visible").all_inner_texts()
        offered += [f"{path}: {text}" for text in seen if text.strip() in CHANGES]
    assert refused == []
    assert offered == []
    expect(reader.get_by_role("navigation").get_by_text("Première source")).to_have_count(0)


def test_the_menu_of_the_fleet_leads_to_no_closed_door(reader: Page, settle: Settle) -> None:
    settle(reader, "/parc/modeles")
    tabs = reader.get_by_role("navigation", name="Gérer le parc")
    expect(tabs.get_by_role("link", name="Quarantaine")).to_be_visible()
    for closed in ("Codes d’accueil", "Réseaux", "En double"):
        expect(tabs.get_by_role("link", name=closed)).to_have_count(0)


def test_a_device_and_a_rule_are_read_and_not_changed(reader: Page, settle: Settle) -> None:
    device = reader.request.get("/api/v1/fleet?limit=1").json()["items"][0]["device"]["key"]
    settle(reader, f"/appareil/{device}")
    reader.get_by_role("heading", name="Journal").wait_for()
    assert reader.locator("main form").count() == 0
    assert reader.locator("main button").all_inner_texts() == []
    settle(reader, "/modele/elsys")
    expect(reader.get_by_label("Fabricant")).to_be_disabled()
    expect(reader.get_by_text("Changer ce modèle agit sur")).to_have_count(0)
    rule = reader.request.get("/api/v1/rules").json()["items"][0]["rule"]["id"]
    settle(reader, f"/alarmes/regles?regle={rule}")
    expect(reader.get_by_label("Nom de la règle")).to_be_disabled()
    expect(reader.get_by_role("button", name="Fermer")).to_be_visible()
    expect(reader.get_by_role("button", name="Enregistrer")).to_have_count(0)


def test_what_is_rounded_to_nothing_has_no_sign(
    reader: Page, signed_in_page: Page, settle: Settle
) -> None:
    key, api = f"meridien-{time.time_ns()}", signed_in_page.request
    cookies = {each["name"]: each["value"] for each in signed_in_page.context.cookies()}
    headers = {"X-Clapas-CSRF": cookies["clapas_csrf"]}
    made = api.post("/api/v1/devices", data={"key": key, "source": "http"}, headers=headers)
    assert made.ok, made.text()
    place = {"longitude": -0.000001, "latitude": 43.5}
    assert api.patch(f"/api/v1/devices/{key}", data=place, headers=headers).ok
    settle(reader, f"/appareil/{key}")
    expect(reader.locator("main")).to_contain_text("43,50000 ; 0,00000")


def test_numbers_and_refusals_are_said_in_french(reader: Page, settle: Settle) -> None:
    fleet = reader.request.get("/api/v1/fleet?limit=1&model=simulated-water-meter").json()
    meter = fleet["items"][0]["device"]["key"]
    settle(reader, f"/appareil/{meter}")
    measures = reader.locator(
        "section", has=reader.get_by_role("heading", name="Ce qu’il mesure")
    ).first
    expect(measures).to_contain_text("× 0,001")
    expect(measures).not_to_contain_text("+ 0")
    settle(reader, "/ngsi-ld?vue=abonnements")
    refusal = reader.get_by_role("alert")
    expect(refusal).to_contain_text("La charte ne permet pas cet accès.")
    expect(refusal).to_contain_text("Demandez à qui exploite la plateforme.")
