"""An alarm from its rule to its precision, in the browser, by people who write no program.

Ana writes who is told and a rule in the page, replays it on the past, keeps it. A live value raises it;
nobody answers, so that Bob is told in turn; he takes the alarm, the value comes back, the alarm clears
and closes, Bob confirms it, and the rule's precision counts it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.ui

NewContext = Callable[..., BrowserContext]
Settle = Callable[[Page, str], None]
DEVICE, PLACE = "serre-des-arceaux", "Serre des Arceaux"
WORD = "une deuxième pierre du clapas"
SLOW_MS = 90_000
TRIES = 9


class Greenhouse:
    """A thermometer that speaks by the platform's own HTTP door."""

    def __init__(self, api: Any, address: str) -> None:
        self._api = api
        self._address = address
        made = api("POST", "/keys", {"name": "serre", "scopes": ["publish"]})
        self._headers = {"Authorization": f"Bearer {made['secret']}"}

    def says(self, *values: tuple[datetime, float]) -> None:
        body = [
            {"device": DEVICE, "time": at.isoformat(), "values": {"temperature": value}}
            for at, value in values
        ]
        answer = httpx.post(f"{self._address}/api/v1/uplinks", json=body, headers=self._headers)
        answer.raise_for_status()

    def appears(self) -> None:
        """It is unknown first, then let in, with a month of history in which it was too warm twice."""
        now = datetime.now(UTC)
        self.says((now - timedelta(days=21), 20.0))
        accept = {"device": DEVICE, "name": PLACE, "longitude": 3.8601, "latitude": 43.6112}
        self._api("POST", "/assistant/accept", {**accept, "type": "Greenhouse"}, patiently=True)
        warm = {6, 7, 14}
        past = [(now - timedelta(days=20 - n), 38.0 if n in warm else 21.0) for n in range(20)]
        self.says(*past)


@pytest.fixture
def api(signed_in_page: Page, platform_url: str) -> Callable[..., Any]:
    """Calls of the API in the name of who is signed in."""
    context = signed_in_page.context

    def call(method: str, path: str, body: Any = None, *, patiently: bool = False) -> Any:
        cookies = {each["name"]: each["value"] for each in context.cookies()}
        said = ""
        for _ in range(60 if patiently else 1):
            answer = context.request.fetch(
                f"{platform_url}/api/v1{path}",
                method=method,
                data=body,
                headers={"X-Clapas-CSRF": cookies["clapas_csrf"]},
            )
            if answer.ok:
                return answer.json() if answer.body() else None
            said = answer.text()
            signed_in_page.wait_for_timeout(500)
        raise AssertionError(f"{path}: {said}")

    return call


def until(act: Callable[[], Any], seen: Locator) -> None:
    """Do it again until it is seen: what was sent just before may still be on its way."""
    for _ in range(TRIES):
        act()
        try:
            expect(seen).to_be_visible(timeout=SLOW_MS / TRIES)
        except AssertionError:
            continue
        return
    expect(seen).to_be_visible()


def second_person(browser: Browser, platform_url: str, api: Callable[..., Any]) -> Page:
    """Bob opens the link that invites him and chooses a password."""
    link = api("POST", "/accounts", {"login": "bob", "name": "Bob Vidal", "roles": ["operator"]})
    context = browser.new_context(locale="fr-FR", base_url=platform_url)
    page = context.new_page()
    page.goto(link["link"])
    page.get_by_role("button", name="Ouvrir mon compte").click()
    page.get_by_label("Nouveau mot de passe").fill(WORD)
    page.get_by_label("Le même").fill(WORD)
    page.get_by_role("button", name="Enregistrer et entrer").click()
    page.get_by_role("heading", level=1, name="Ce qui se passe").wait_for()
    return page


def write_chain(page: Page, settle: Settle) -> None:
    settle(page, "/alarmes/astreinte")
    page.get_by_role("button", name="Nouvelle chaîne d’alerte").first.click()
    page.get_by_label("Nom", exact=True).fill("Serres")
    first = page.get_by_role("group", name="étape 1")
    first.get_by_label("Administration").check()
    page.get_by_role("button", name="Ajouter une étape").click()
    second = page.get_by_role("group", name="étape 2")
    second.get_by_label("Après (minutes)").fill("0.05")
    second.get_by_label("Bob Vidal").check()
    page.get_by_role("button", name="Enregistrer").click()
    expect(second).to_have_count(0, timeout=SLOW_MS)
    expect(page.get_by_text("Bob Vidal")).to_be_visible()


def write_rule(page: Page, settle: Settle) -> None:
    settle(page, "/alarmes/regles")
    page.get_by_role("button", name="Écrire une règle").first.click()
    page.get_by_label("Nom de la règle").fill("Serre trop chaude")
    page.get_by_label("Il arrive que").select_option(label="la valeur dépasse")
    page.get_by_label("Un type d’entités", exact=True).select_option("Greenhouse")
    page.get_by_label("Mesure", exact=True).select_option(label="Température")
    page.get_by_label("Limite (°C)").fill("35")
    page.get_by_text("Précisions").click()
    page.get_by_label("Terminée quand la valeur repasse").fill("30")
    page.get_by_label("Gravité").select_option(label="Majeure")
    page.get_by_label("Prévenir").select_option(label="Serres")
    read_back = page.get_by_role("region", name="En clair")
    expect(read_back).to_contain_text("dépasse 35\u00a0°C : une alarme de gravité « majeure »")
    expect(read_back).to_contain_text("la chaîne « Serres » est prévenue.")
    expect(read_back).to_contain_text("Elle se termine quand la valeur repasse sous 30\u00a0°C.")
    replay = page.get_by_role("button", name="Rejouer sur 30 jours")
    until(replay.click, page.get_by_text("Elle aurait levé 2 alarmes."))
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("button", name="Serre trop chaude")).to_be_visible(timeout=SLOW_MS)


def test_from_a_rule_in_the_page_to_its_precision(
    signed_in_page: Page,
    browser: Browser,
    platform_url: str,
    settle: Settle,
    api: Callable[..., Any],
) -> None:
    greenhouse = Greenhouse(api, platform_url)
    greenhouse.appears()
    ana, bob = signed_in_page, second_person(browser, platform_url, api)
    write_chain(ana, settle)
    write_rule(ana, settle)
    settle(ana, "/alarmes")
    expect(ana.locator("tbody tr", has_text="Serre trop chaude")).to_have_count(0)

    row = ana.locator("tbody tr", has_text="Serre trop chaude")
    until(lambda: greenhouse.says((datetime.now(UTC), 36.5)), row)
    expect(row).to_contain_text(PLACE)
    expect(row).to_contain_text("36,5\u00a0°C, au-dessus de 35,0\u00a0°C.")

    bell = bob.locator("a[data-unread]")
    bob.reload()
    expect(bell).to_have_attribute("data-unread", "1", timeout=SLOW_MS)
    bell.click()
    bob.get_by_role("link", name="[Majeure] Serre trop chaude").click()
    drawer = bob.get_by_role("dialog")
    expect(drawer.locator("[data-chart] canvas")).to_have_count(1, timeout=SLOW_MS)
    drawer.get_by_role("button", name="Prendre en charge").click()
    expect(drawer.get_by_text("prise en charge, Bob Vidal")).to_be_visible(timeout=SLOW_MS)
    expect(drawer.get_by_text("Bob Vidal (étape 2) · Dans la page · remis")).to_be_visible()

    greenhouse.says((datetime.now(UTC), 22.0))
    expect(row).to_have_count(0, timeout=SLOW_MS)
    bob.reload()
    drawer.get_by_role("button", name="Confirmer").click()
    expect(drawer.get_by_text("confirmée, Bob Vidal")).to_be_visible(timeout=SLOW_MS)
    expect(drawer.get_by_role("listitem").filter(has_text="terminée")).to_be_visible()

    settle(ana, "/alarmes/regles")
    line = ana.locator("tbody tr", has_text="Serre trop chaude")
    expect(line).to_contain_text("100\u00a0%", timeout=SLOW_MS)
    expect(line).to_contain_text("(1/1)")
    bob.context.close()
