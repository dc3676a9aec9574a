"""What is true of every page: our origin only, no violation of the content policy, accessible, reflowing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.ui

NewContext = Callable[..., BrowserContext]
Settle = Callable[[Page, str], None]

AXE = Path(__file__).parents[2] / "ui/node_modules/axe-core/axe.min.js"
PATHS = [
    "/", "/carte", "/alarmes", "/alarmes/regles?regle=%2B", "/alarmes/messages", "/entites", "/appareils", "/sources", "/sources?vue=rejets", "/premiere-source",
    "/premiere-source?etape=reglages&porte=http", "/premiere-source?etape=reglages&porte=csv",
    "/charte", "/journal", "/applications", "/ngsi-ld",
    "/premiere-source?etape=lieu", "/compte", "/importer", "/reparations", "/terrain", "/modele/elsys", "/modele/%2B",
    "/decodeur/elsys",
    *(f"/parc/{tab}" for tab in ("modeles", "quarantaine", "codes", "groupes", "ordres", "horaires", "couts", "reseaux", "double")),
]  # fmt: skip
TABS = ["maintenant", "historique", "dossier", "technique", "ngsild"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def all_paths(entity_path: str) -> list[str]:
    return [
        *PATHS,
        *(f"{entity_path}?onglet={tab}" for tab in TABS),
        f"{entity_path}?onglet=historique&vue=tableau&pas=raw",
    ]


def test_nothing_leaves_the_origin_and_the_policy_is_kept(
    signed_in_page: Page, platform_url: str, entity_path: str, settle: Settle
) -> None:
    page = signed_in_page
    foreign: list[str] = []
    complaints: list[str] = []
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url)
            if not request.url.startswith((platform_url, "data:", "blob:"))
            else None
        ),
    )
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in all_paths(entity_path):
        settle(page, path)
    assert foreign == []
    assert complaints == []


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("fr", "light", 1440), ("en", "dark", 390)]
)
def test_axe_finds_nothing(
    new_context: NewContext,
    entity_path: str,
    language: str,
    theme: str,
    width: int,
    settle: Settle,
) -> None:
    page = new_context(language=language, theme=theme, width=width, audit=True).new_page()
    found: dict[str, list[str]] = {}
    for path in all_paths(entity_path):
        settle(page, path)
        if bad := violations(page):
            found[path] = bad
    assert found == {}


def test_axe_finds_nothing_in_drawers_and_before_signing_in(
    new_context: NewContext, entity_path: str, settle: Settle
) -> None:
    page = new_context(audit=True).new_page()
    settle(page, f"/entites?entity={entity_path.removeprefix('/entites/')}")
    page.get_by_role("dialog").get_by_role("link", name="Ouvrir la page").wait_for()
    assert violations(page) == []
    page.goto("/connexion")
    page.get_by_role("heading", level=1).wait_for()
    assert violations(page) == []


def test_pages_reflow_at_320_pixels(
    new_context: NewContext, entity_path: str, settle: Settle
) -> None:
    page = new_context(width=320, height=640).new_page()
    wide: list[str] = []
    for path in all_paths(entity_path):
        settle(page, path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    assert wide == []


def test_targets_are_24_pixels_at_least(
    signed_in_page: Page, entity_path: str, settle: Settle
) -> None:
    measure = """() => [...document.querySelectorAll('main a, main button, main input, main select, nav a, header button')]
      .filter(each => { const box = each.getBoundingClientRect(); return box.width && !each.closest('p, .unseen') && !each.matches('.unseen') && (box.width < 24 || box.height < 24) && !each.closest('label') })
      .filter(each => each.type !== 'checkbox')
      .map(each => each.outerHTML.slice(0, 120))"""
    for path in [*PATHS, entity_path]:
        settle(signed_in_page, path)
        assert signed_in_page.evaluate(measure) == [], path


def test_title_and_language_follow_the_reader(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/entites")
    assert page.title().startswith("Entités · ")
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Entities"
    assert page.title().startswith("Entities · ")
    assert page.locator("html").get_attribute("lang") == "en"
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "Entities"


def test_simulated_data_are_marked_on_every_page(signed_in_page: Page, settle: Settle) -> None:
    for path in PATHS:
        settle(signed_in_page, path)
        assert "données simulées" in signed_in_page.locator(".simulated").inner_text()


def test_the_skip_link_leads_to_the_content(signed_in_page: Page, settle: Settle) -> None:
    settle(signed_in_page, "/")
    signed_in_page.keyboard.press("Tab")
    assert signed_in_page.locator(":focus").inner_text() == "Aller au contenu"
    signed_in_page.keyboard.press("Enter")
    assert signed_in_page.locator(":focus").get_attribute("id") == "main"


def test_the_reference_of_the_api_asks_for_nothing_that_is_missing(signed_in_page: Page) -> None:
    complaints: list[str] = []
    signed_in_page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    signed_in_page.goto("/api")
    signed_in_page.get_by_role("heading", level=1).wait_for()
    signed_in_page.wait_for_load_state("networkidle")
    assert complaints == []
