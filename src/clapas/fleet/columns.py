"""The columns of an import: our fields, and the words by which people name them."""

import re
from collections.abc import Sequence

import msgspec

from clapas.store.text import searchable


class Field(msgspec.Struct, frozen=True):
    """A field of an import with its French header, an example and other headers that mean it."""

    name: str
    header: str
    example: str
    words: tuple[str, ...] = ()
    longest: int = 200


FIELDS: tuple[Field, ...] = (
    Field("key", "identifiant", "70B3D57ED0000001",
          ("deveui", "dev eui", "eui", "device eui", "id", "identifier", "device id", "cle", "key"), 128),
    Field("name", "nom", "Compteur du square", ("name", "device name", "libelle", "label", "designation")),
    Field("model", "modele", "adeunis_pulse",
          ("model", "device model", "profil", "profile", "device profile", "type", "reference")),
    Field("source", "source", "chirpstack", ("reseau", "network", "connector", "connecteur")),
    Field("join_eui", "join_eui", "0000000000000000", ("joineui", "join eui", "appeui", "app eui"), 40),
    Field("app_key", "app_key", "000102030405060708090A0B0C0D0E0F", ("appkey", "app key", "cle application"), 80),
    Field("nwk_key", "nwk_key", "", ("nwkkey", "nwk key", "network key"), 80),
    Field("latitude", "latitude", "43.6108", ("lat", "y"), 40),
    Field("longitude", "longitude", "3.8767", ("lon", "lng", "long", "x"), 40),
    Field("lifecycle", "etape", "stock", ("lifecycle", "statut", "status", "etat", "step"), 40),
    Field("address", "adresse", "1 place de la Comédie", ("address", "rue", "lieu")),
    Field("site", "site", "Square Planchon", ("ouvrage", "batiment", "building")),
    Field("service", "service", "Eau", ("direction", "owner service", "proprietaire", "owner")),
    Field("serial", "numero_de_serie", "A12345", ("serial", "serial number", "n de serie", "sn", "numero serie")),
    Field("supplier", "fournisseur", "", ("supplier", "fabricant", "vendor", "maker")),
    Field("contract", "marche", "", ("contract", "contrat", "marche public")),
    Field("bought", "date_achat", "2026-01-31", ("bought", "achat", "purchase date", "date d achat"), 40),
    Field("warranty", "fin_garantie", "2029-01-31", ("warranty", "garantie", "fin de garantie"), 40),
    Field("yearly_cost", "cout_annuel", "12,50", ("yearly cost", "cout", "cost", "cout annuel"), 40),
    Field("note", "remarque", "", ("note", "notes", "comment", "commentaire"), 2000),
    Field("tags", "etiquettes", "secteur=nord;reseau=AEP", ("tags", "labels", "etiquette"), 2000),
)  # fmt: skip
BY_NAME = {each.name: each for each in FIELDS}
_PLAIN = re.compile(r"[^a-z0-9]+")


def plain(header: str) -> str:
    """A header without case, accents and punctuation."""
    return _PLAIN.sub(" ", searchable(header)).strip()


WORDS = {
    plain(word): each.name
    for each in reversed(FIELDS)
    for word in (each.name, each.header, *each.words)
}


def guess(headers: Sequence[str]) -> dict[str, int]:
    """Field → place of its column; the first header that fits wins. ``tag:x`` columns are tags."""
    found: dict[str, int] = {}
    for place, header in enumerate(headers):
        if header.strip().lower().startswith("tag:"):
            found.setdefault(header.strip().lower(), place)
            continue
        name = WORDS.get(plain(header))
        if name:
            found.setdefault(name, place)
    return found


def is_header(cells: Sequence[str]) -> bool:
    """Does a line name columns? At least half of its cells, one being the device's id, are our words."""
    known = guess(cells)
    filled = sum(1 for cell in cells if cell.strip())
    return "key" in known or (filled > 1 and 2 * len(known) >= filled)
