"""What people come to do: sign in, see what is wrong, find, look back, trace a value, connect a source."""

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

pytestmark = pytest.mark.ui

NewContext = Callable[..., BrowserContext]
Settle = Callable[[Page, str], None]


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def test_a_wrong_password_is_refused_in_words(browser: Browser, platform_url: str) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    page.goto("/appareils?q=corum")
    page.get_by_label("Identifiant").fill("somebody")
    page.get_by_label("Mot de passe").fill("certainly-not-this-one")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_contain_text("mot de passe est faux")
    assert "vers=%2Fappareils%3Fq%3Dcorum" in page.url
    context.close()


def test_a_page_that_needs_an_account_is_never_shown_before_sign_in(
    browser: Browser, platform_url: str
) -> None:
    context = browser.new_context(base_url=platform_url, locale="fr-FR")
    page = context.new_page()
    asked: list[str] = []
    held: dict[str, Route] = {}
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    # The page is there before it is known who asks, and the sign-in page comes late.
    page.route("**/api/v1/me", lambda route: held.update(me=route))
    page.route("**/assets/SignIn-*.js", lambda route: held.update(page=route))
    with page.expect_response("**/assets/Devices-*.js"):
        page.goto("/appareils?q=corum")
    page.wait_for_timeout(300)
    with page.expect_request("**/assets/SignIn-*.js"):
        held["me"].continue_()
    page.wait_for_timeout(300)
    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_label("Chercher un nom ou un identifiant")).to_have_count(0)
    held["page"].continue_()
    expect(page.get_by_role("heading", name="Connexion")).to_be_visible()
    assert "/api/v1/fleet" not in asked
    context.close()


def test_the_ledger_on_the_home_page_adds_up(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/")
    page.get_by_role("button", name="En direct").click()
    terms = [number(each) for each in page.locator("[data-ledger] dd").all_inner_texts()]
    assert len(terms) == 5
    assert terms[0] == sum(terms[1:])
    expect(page.get_by_text("Le compte est juste").first).to_be_visible()


LAND, WATER = "251,248,241", "227,220,203"
"""In light: --map-land and --map-water of tokens.css."""


def colours_of_the_map(page: Page) -> set[str]:
    """A sample of the pixels that the map really drew."""
    read = """() => {
      const canvas = document.querySelector('[data-map] canvas')
      const copy = document.createElement('canvas'); copy.width = canvas.width; copy.height = canvas.height
      const context = copy.getContext('2d'); context.drawImage(canvas, 0, 0)
      const data = context.getImageData(0, 0, copy.width, copy.height).data; const seen = new Set()
      for (let at = 0; at < data.length; at += 4 * 37) seen.add(data.slice(at, at + 3).join(','))
      return [...seen]
    }"""
    return set(page.evaluate(read))


def test_the_map_is_drawn_and_follows_the_theme(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/carte")
    light = colours_of_the_map(page)
    assert len(light) > 20
    assert {LAND, WATER} <= light, "the contours are seen, also where less motion is asked for"
    page.get_by_role("button", name="Thème : celui du système").click()
    page.get_by_role("button", name="Thème : clair").click()
    page.locator("[data-map]:not([data-idle])").wait_for(state="detached")
    page.locator("[data-map][data-idle]").wait_for()
    dark = colours_of_the_map(page)
    assert len(dark) > 20
    assert max(light, key=brightness) not in dark


def brightness(colour: str) -> int:
    return sum(int(part) for part in colour.split(","))


def test_map_and_table_show_the_same_selection_and_the_link_shares_it(
    signed_in_page: Page, new_context: NewContext, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/carte")
    page.get_by_label("État", exact=True).select_option("ok")
    expect(page).to_have_url(re.compile("state=ok"))
    page.locator("tbody tr").first.wait_for()
    expect(page.locator("tbody .state.silent")).to_have_count(0)
    title = page.get_by_role("heading", level=2, name="La même sélection").inner_text()
    other = new_context().new_page()
    settle(other, urlsplit(page.url)._replace(scheme="", netloc="").geturl())
    expect(other.get_by_role("heading", level=2, name="La même sélection")).to_have_text(title)


def test_the_keyboard_opens_the_drawer_and_escape_gives_the_focus_back(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/entites")
    first = page.locator("tbody tr").first.get_by_role("button")
    first.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_role("link", name="Ouvrir la page de l’entité")).to_be_visible()
    expect(page).to_have_url(re.compile("entity="))
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(first).to_be_focused()


def test_a_history_has_a_chart_a_sentence_a_table_and_files(
    signed_in_page: Page, entity_path: str, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, f"{entity_path}?onglet=historique")
    expect(page.locator("[data-chart] canvas")).to_have_count(1)
    expect(page.locator("[data-summary]").first).to_contain_text("en moyenne")
    page.get_by_role("button", name="6 h", exact=True).click()
    expect(page).to_have_url(re.compile("periode=6h"))
    page.get_by_label("Comparer avec").select_option("before")
    expect(page.locator(".legend li")).to_have_count(2)
    with page.expect_download() as csv:
        page.get_by_role("button", name="CSV").click()
    assert csv.value.suggested_filename.endswith(".csv")
    with page.expect_download() as png:
        page.get_by_role("button", name="PNG").click()
    assert png.value.path().read_bytes()[:4] == b"\x89PNG"
    page.get_by_role("button", name="Tableau").click()
    assert page.locator("tbody tr").count() > 10
    expect(page.locator("thead")).to_contain_text("la période précédente")


def test_dragging_on_the_chart_zooms_and_the_url_says_so(
    signed_in_page: Page, entity_path: str, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, f"{entity_path}?onglet=historique")
    box = page.locator("[data-chart] .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 110, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("periode=custom&du=.*&au="))
    expect(page.get_by_label("Du", exact=True)).to_be_visible()


def test_a_value_leads_back_to_its_frame(
    signed_in_page: Page, entity_path: str, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, f"{entity_path}?onglet=technique")
    page.get_by_role("button", name="Voir la trame").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Journal / séquence")
    expect(dialog).to_contain_text("Décodeur")


def test_rejects_say_why_and_who_must_act(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/sources?vue=rejets")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text(
        re.compile("Exploitant de la plateforme|Propriétaire de l’appareil|Mainteneurs")
    )
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Rejouer le rejet choisi").click()
    expect(page.get_by_text("Les messages sont rejoués")).to_be_visible()


def test_an_error_of_the_server_names_who_must_act(signed_in_page: Page) -> None:
    page = signed_in_page
    body = {
        "status": 503,
        "code": "engine_unavailable",
        "actor": "operator",
        "values": {},
        "detail": "",
        "title": "",
        "type": "about:blank",
    }
    page.route(
        "**/api/v1/home",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body=json.dumps(body)
        ),
    )
    page.goto("/")
    expect(page.get_by_role("alert")).to_contain_text("Un moteur de la plateforme ne répond pas.")
    expect(page.get_by_role("alert")).to_contain_text("exploitant")


def test_pausing_stops_the_live_stream(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/")
    page.get_by_role("button", name="En direct").click()
    page.wait_for_timeout(1500)  # what was asked for before the click may still arrive
    before = page.locator("[data-ledger] dd").first.inner_text()
    page.wait_for_timeout(2500)
    assert page.locator("[data-ledger] dd").first.inner_text() == before
    expect(page.get_by_role("button", name="En pause")).to_have_attribute("aria-pressed", "true")


def test_shortcuts_and_their_sheet(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Raccourcis du clavier")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page.get_by_role("heading", level=1, name="Appareils")).to_be_visible()


def speak(page: Page, key: str) -> None:
    """A new sensor sends its first value, as the settings that were shown say."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"device": "salle-du-conseil", "values": {"temperature": 21.4, "co2": 640}}
    address = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    httpx.post(f"{address}/api/v1/uplinks", json=body, headers=headers).raise_for_status()


def test_the_assistant_goes_from_a_commune_to_a_chart(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/premiere-source")
    page.get_by_role("button", name="Continuer").click()
    page.get_by_role("button", name="HTTP Un programme").click()
    page.get_by_role("button", name="Créer une clé").click()
    expect(page.get_by_text("Copiez-le maintenant")).to_be_visible()
    key = re.search(r"clp_[0-9A-Za-z_]+", page.locator("main").inner_text())
    assert key is not None, "the key is shown, to be copied"
    page.get_by_role("button", name="C’est réglé").click()
    speak(page, key.group(0))
    expect(page.get_by_text("Un message est arrivé")).to_be_visible(timeout=20_000)
    page.get_by_label("Nom du point de mesure").fill("Salle du conseil")
    page.get_by_role("button", name="C’est bien cela").click()
    page.locator("[data-map][data-idle]").wait_for()
    page.locator("[data-map] canvas").click(position={"x": 400, "y": 200})
    expect(page.get_by_label("Latitude")).not_to_have_value("")
    page.get_by_role("button", name="Terminer").click()
    expect(page.locator("[data-chart] canvas").first).to_be_visible()


def test_the_assistant_says_how_to_open_the_radio(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/premiere-source?etape=porte")
    page.get_by_role("button", name="Ma propre passerelle LoRaWAN").click()
    expect(page.get_by_text("Pour l’ouvrir, écrivez ceci dans clapas.toml")).to_be_visible()
    expect(page.get_by_text("enabled = true")).to_be_visible()
    expect(page.get_by_role("button", name="C’est réglé")).to_be_disabled()


def test_a_french_csv_is_read_dry_with_its_bad_lines(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    settle(page, "/premiere-source?etape=reglages&porte=csv")
    lines = "appareil;date;temperature\nstation-1;22/11/2026 08:00;12,4\nstation-1;demain;13\nstation-1;22/11/2026 09:00\n"
    page.get_by_label("Fichier à lire").set_input_files(
        {"name": "releve.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    )
    expect(page.get_by_text("1 ligne peut être envoyée.")).to_be_visible()
    expect(page.get_by_text("Ligne 3 : la date n’est pas lisible.")).to_be_visible()
    expect(page.get_by_text("Ligne 4 : le nombre de colonnes")).to_be_visible()
    page.get_by_role("button", name="Envoyer 1 ligne").click()
    expect(page.get_by_role("heading", level=2, name="La première trame")).to_be_visible()


def test_a_key_is_shown_once_and_revoked_by_typing_its_name(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/compte")
    page.get_by_label("Nom", exact=True).fill("Essai de clé")
    page.get_by_role("button", name="Créer la clé").click()
    expect(page.get_by_text("elle ne sera plus jamais montrée")).to_be_visible()
    page.get_by_role("button", name="Révoquer la clé « Essai de clé »").click()
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name="Révoquer", exact=True)
    expect(confirm).to_be_disabled()
    dialog.get_by_role("textbox").fill("Essai de clé")
    confirm.click()
    expect(page.get_by_role("button", name="Révoquer la clé « Essai de clé »")).to_have_count(0)


def test_an_unknown_address_says_so_and_leads_home(signed_in_page: Page, settle: Settle) -> None:
    settle(signed_in_page, "/nulle-part")
    signed_in_page.get_by_role("link", name="Revenir à l’accueil").click()
    expect(signed_in_page.get_by_role("heading", level=1, name="Ce qui se passe")).to_be_visible()
