"""A spreadsheet imported and undone in the page, and a device installed on a phone."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import segno
from playwright.sync_api import BrowserContext, Page, Route, expect

pytestmark = pytest.mark.ui

NewContext = Callable[..., BrowserContext]
Settle = Callable[[Page, str], None]
SHEET = (
    "identifiant;nom;modèle;latitude;longitude\r\n"
    "70B3D57ED0000901;Square;;43,61;3,88\r\n"
    "70B3D57ED0000902;Inversé;;3,88;43,61\r\n"
    "70B3D57ED00009;Court;;;\r\n"
)
FILE: Any = {"name": "parc.csv", "mimeType": "text/csv", "buffer": SHEET.encode("cp1252")}


def test_a_spreadsheet_is_tried_corrected_imported_and_undone(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/importer")
    page.get_by_label("Choisir un fichier").set_input_files(FILE)
    expect(page.get_by_text("encodage cp1252")).to_be_visible()
    page.get_by_role("button", name="Essayer à blanc").click()
    expect(page.get_by_text("2 lignes sont fausses")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("cell", name="14 / 16")).to_be_visible()
    page.get_by_label("Remettre à l’endroit").check()
    page.get_by_label("Importer sans les lignes fausses").check()
    page.get_by_role("button", name="Essayer à blanc").click()
    page.get_by_role("button", name=re.compile("^Importer 2 appareils")).click(timeout=30_000)
    expect(page.get_by_text("2 appareils créés")).to_be_visible(timeout=30_000)
    found = page.request.get("/api/v1/fleet?q=70b3d57ed00009").json()["items"]
    assert [each["device"]["commune"] for each in found] == ["34172", "34172"]

    page.get_by_role("button", name="Annuler cet import").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler cet import").click()
    expect(page.get_by_text("tout est comme avant")).to_be_visible(timeout=30_000)
    assert page.request.get("/api/v1/fleet?q=70b3d57ed00009").json()["items"] == []


def test_a_technician_installs_a_device_on_a_phone(new_context: NewContext, settle: Settle) -> None:
    context = new_context(width=360, height=740)
    context.grant_permissions(["geolocation"])
    context.set_geolocation({"latitude": 43.61, "longitude": 3.88})
    page = context.new_page()
    settle(page, "/terrain")
    page.get_by_label(re.compile("aisir son identifiant")).fill("70B3D57ED0000777")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name="L’ajouter au parc").click()
    page.get_by_role("button", name="Le placer ici").click()
    expect(page.get_by_text("43,61000 ; 3,88000")).to_be_visible()
    expect(page.get_by_text("En attente de la première trame")).to_be_visible()
    page.get_by_label("Remarque").fill("posé au mât")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("L’intervention est notée.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    device = page.request.get("/api/v1/devices/70b3d57ed0000777").json()
    assert (device["commune"], device["latitude"]) == ("34172", 43.61)


def test_the_code_of_a_device_is_read_from_a_photo(new_context: NewContext, settle: Settle) -> None:
    """Whatever the browser: this one has no reader of codes of its own."""
    code = io.BytesIO()
    text = "LW:D0:1122334455667788:70B3D57ED0000778:0000BEEF:SAB-12"
    segno.make(text, error="m", micro=False).save(code, kind="png", scale=8)
    photo: Any = {"name": "code.png", "mimeType": "image/png", "buffer": code.getvalue()}
    page = new_context(width=390, height=844).new_page()
    settle(page, "/terrain")
    page.get_by_label("Photographier son code QR").set_input_files(photo)
    expect(page.get_by_text("70b3d57ed0000778 n’est pas dans le parc")).to_be_visible()
    page.get_by_role("button", name="L’ajouter au parc").click()
    expect(page.get_by_text("En attente de la première trame")).to_be_visible()
    file = page.request.get("/api/v1/devices/70b3d57ed0000778/file").json()["file"]
    assert (file["join_eui"], file["serial"]) == ("1122334455667788", "AB-12")
    settle(page, "/appareil/70b3d57ed0000778")
    page.get_by_role("button", name="Modifier sa fiche").click()
    page.get_by_label("Service", exact=True).fill("Eau")
    page.get_by_label("Coût annuel (€)").fill("12.5")
    page.get_by_role("form", name="Modifier sa fiche").get_by_role(
        "button", name="Enregistrer"
    ).click()
    expect(page.get_by_text("La fiche est enregistrée.")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text="12,50")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_list_is_kept_and_a_dataset_follows_it(signed_in_page: Page, settle: Settle) -> None:
    page = signed_in_page
    devices = [each["device"] for each in page.request.get("/api/v1/fleet").json()["items"]]
    simulated = next(each["key"] for each in devices if each["model"].startswith("simulated"))
    settle(page, f"/appareils?q={simulated}")
    page.get_by_role("button", name="Garder cette liste").click()
    page.get_by_label("Nom", exact=True).fill("Essai des droits")
    page.get_by_role("dialog").get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("La liste est gardée.")).to_be_visible()

    settle(page, "/charte")
    page.get_by_role("button", name="Nouveau dossier").click()
    for label, text in (("Code du jeu", "essai-des-droits"), ("Titre", "Essai"), ("Service responsable", "eau"),
                        ("Intendant (personne à qui demander)", "x"), ("Responsable de traitement", "x")):  # fmt: skip
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Le jeu suit le groupe").select_option("Essai des droits")
    expect(page.get_by_text("1 appareil y est maintenant.")).to_be_visible()
    page.get_by_label("Motif de non-ouverture").select_option("security")
    page.get_by_label("Revue avant le").fill("2099-01-01")
    page.get_by_role("button", name="Enregistrer", exact=True).click()
    kept = page.get_by_text("Le dossier est enregistré et appliqué.")
    expect(kept).to_be_visible(timeout=30_000)
    page.get_by_text("Essai · restreint").click()
    expect(page.get_by_text("1 appareil, 1 objet mesuré")).to_be_visible()


def test_a_new_device_lets_itself_in_and_waits_for_a_person(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    settle(page, "/parc/codes")
    page.get_by_label("Nom", exact=True).fill("Lot d’essai")
    page.get_by_role("button", name="Faire un code").click()
    expect(page.get_by_text("il ne sera plus montré")).to_be_visible()
    code = page.get_by_text(re.compile(r"^clc-[0-9A-Z-]{23}$")).inner_text()
    redeemed = page.request.post(
        "/api/v1/claims/redeem", data={"device": "sonde-neuve", "code": code}
    )
    assert redeemed.ok, redeemed.text()

    settle(page, "/parc/quarantaine")
    page.get_by_label("Choisir sonde-neuve").check()
    page.get_by_role("button", name="Accepter 1 appareil").click()
    expect(page.get_by_label("Choisir sonde-neuve")).to_have_count(0, timeout=30_000)
    device = page.request.get("/api/v1/devices/sonde-neuve").json()
    assert device["lifecycle"] == "active"


def test_a_model_says_how_many_devices_a_change_touches(
    signed_in_page: Page, settle: Settle
) -> None:
    page = signed_in_page
    rows = page.request.get("/api/v1/catalogue").json()["items"]
    model = next(each for each in rows if each["devices"] > 1)
    settle(page, f"/modele/{model['id']}")
    said = page.get_by_text(f"Changer ce modèle agit sur {model['devices']} appareils.")
    expect(said).to_be_visible()
    page.get_by_label("Intervalle attendu (minutes)").fill("45")
    page.get_by_role("button", name=f"Changer pour {model['devices']} appareils").click()
    expect(page.get_by_text("Modèle enregistré")).to_be_visible()
    changed = page.request.get(f"/api/v1/models/{model['id']}").json()
    assert changed["interval_s"] == 2700


COLOURS = """() => { const canvas = document.querySelector('canvas.still');
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return new Set(pixels).size; }"""


def test_points_are_on_the_map_before_its_library_has_come(signed_in_page: Page) -> None:
    page = signed_in_page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/maplibre-gl-*.js", hold)
    page.goto("/carte")
    page.locator("[data-map][data-painted]").wait_for()
    assert page.locator("[data-map][data-moves]").count() == 0
    land_water_and_limits = 3
    assert page.evaluate(COLOURS) > land_water_and_limits
    for each in held:
        each.abort()
    expect(page.get_by_text("Ce navigateur ne peut pas dessiner la carte")).to_be_visible()
    expect(page.locator("canvas.still")).to_be_visible()
