"""Assets and work orders read from what GIS and maintenance tools export: names in French or English.

A line without reference, or whose kind, state or verdict is not known, is named and refused alone; a table
without the columns that it needs is refused whole.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from clapas.store.water_works import Asset, Work
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.works.layers import Row, read_layer

T = TypeVar("T")
ASSET_COLUMNS: dict[str, tuple[str, ...]] = {
    "reference": ("reference", "référence", "asset", "id", "identifiant", "id gis", "pipe", "name"),
    "kind": ("kind", "type", "nature", "layer", "ouvrage"),
    "sector": ("sector", "secteur", "zone", "dma"),
    "state": ("state", "etat", "état", "status", "statut"),
    "material": ("material", "materiau", "matériau", "matiere", "matière"),
    "diameter_mm": ("diameter mm", "diametre mm", "diamètre mm", "diameter", "diametre", "diamètre", "dn"),
    "length_m": ("length m", "longueur m", "length", "longueur"),
    "laid": ("laid", "pose", "annee pose", "année pose", "annee de pose", "année de pose", "year"),
}  # fmt: skip
WORK_COLUMNS: dict[str, tuple[str, ...]] = {
    "reference": ("reference", "référence", "work", "work order", "ot", "bon", "id", "identifiant"),
    "kind": ("kind", "type", "nature", "travaux"),
    "state": ("state", "etat", "état", "status", "statut"),
    "asset": ("asset", "ouvrage", "troncon", "tronçon", "pipe", "conduite"),
    "meter": ("meter", "compteur", "entity"),
    "sector": ("sector", "secteur", "zone", "dma"),
    "opened": ("opened", "ouvert", "ouvert le", "date", "demande", "cree le", "créé le"),
    "done": ("done", "fait", "fait le", "termine le", "terminé le", "closed"),
    "verdict": ("verdict", "constat", "resultat", "résultat", "found"),
    "note": ("note", "remarque", "commentaire", "comment"),
}
ASSET_KINDS = {
    "pipe": ("pipe", "pipes", "conduite", "conduites", "canalisation", "canalisations", "troncon", "tronçon", "main"),
    "valve": ("valve", "valves", "vanne", "vannes"),
    "hydrant": ("hydrant", "hydrants", "poteau", "poteaux incendie", "pi", "bi"),
    "meter": ("meter", "meters", "compteur", "compteurs", "debitmetre", "débitmètre"),
    "tank": ("tank", "reservoir", "réservoir", "chateau d'eau"),
    "pump": ("pump", "pompe", "station"),
    "connection": ("connection", "branchement", "branchements"),
}  # fmt: skip
WORK_KINDS = {
    "search": ("search", "recherche", "recherche de fuite", "ecoute", "écoute"),
    "repair": ("repair", "reparation", "réparation"),
    "replacement": ("replacement", "renouvellement", "remplacement"),
    "flushing": ("flushing", "purge", "rincage", "rinçage"),
    "inspection": ("inspection", "visite", "controle", "contrôle"),
}
STATES = {
    "planned": ("planned", "planifie", "planifié", "a faire", "à faire", "ouvert", "open", "prevu", "prévu", "candidate"),
    "running": ("running", "en cours", "in progress"),
    "done": ("done", "fait", "termine", "terminé", "clos", "closed"),
    "cancelled": ("cancelled", "annule", "annulé"),
}  # fmt: skip
VERDICTS = {
    "": ("", "-"),
    "leak": ("leak", "fuite", "fuite trouvee", "fuite trouvée", "confirmed", "oui"),
    "no_leak": ("no leak", "no_leak", "rien", "pas de fuite", "aucune fuite", "false", "non"),
}
MOST_TEXT = 300
MOST_PROBLEMS = 50


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What a file held: its assets or works, each reference once (the last), and the lines refused."""

    assets: list[Asset] = []
    works: list[Work] = []
    problems: list[str] = []


def read_assets(path: Path) -> Brought:
    """Assets of a CSV or of the layers of a GeoPackage. Raises BadTable."""
    found, problems = _each(
        read_layer(path), _asset, columns=ASSET_COLUMNS, needed=("reference", "kind")
    )
    return Brought(
        assets=list({each.reference: each for each in found}.values()), problems=problems
    )


def read_works(path: Path) -> Brought:
    """Work orders of a CSV or of the layers of a GeoPackage. Raises BadTable."""
    found, problems = _each(
        read_layer(path), _work, columns=WORK_COLUMNS, needed=("reference", "kind", "state")
    )
    return Brought(works=list({each.reference: each for each in found}.values()), problems=problems)


def _each(
    rows: list[Row],
    made: Callable[[Row, Mapping[str, str]], T],
    *,
    columns: Mapping[str, tuple[str, ...]],
    needed: tuple[str, ...],
) -> tuple[list[T], list[str]]:
    known = {name for row in rows[:1] for name in row.cells}
    missing = [each for each in needed if not known & set(columns[each])]
    if missing:
        raise BadTable(
            f"no column {', '.join(missing)}; columns are {', '.join(sorted(known)) or 'none'}",
            missing=missing,
        )
    found, problems = [], []
    for row in rows:
        cells = {
            field: next((row.cells[name] for name in names if row.cells.get(name)), "")[:MOST_TEXT]
            for field, names in columns.items()
        }
        try:
            found.append(made(row, cells))
        except BadTable as error:
            problems.append(f"line {row.line}: {error}")
    return found, problems[:MOST_PROBLEMS]


def _asset(row: Row, cells: Mapping[str, str]) -> Asset:
    laid = _number(cells["laid"][:4], "laid")
    return Asset(
        reference=_reference(cells),
        kind=_word(cells["kind"], ASSET_KINDS, otherwise="other"),
        sector=cells["sector"],
        state=cells["state"],
        material=cells["material"],
        diameter_mm=_number(cells["diameter_mm"], "diameter_mm"),
        length_m=_number(cells["length_m"], "length_m"),
        laid=None if laid is None else int(laid),
        places=row.places,
    )


def _work(row: Row, cells: Mapping[str, str]) -> Work:
    longitude, latitude = row.places[0] if row.places else (None, None)
    return Work(
        reference=_reference(cells),
        kind=_word(cells["kind"], WORK_KINDS, otherwise="other"),
        state=_word(cells["state"], STATES),
        asset=cells["asset"],
        meter=cells["meter"],
        sector=cells["sector"],
        opened=_day(cells["opened"]),
        done=_day(cells["done"]),
        verdict=_word(cells["verdict"], VERDICTS),
        note=cells["note"],
        longitude=longitude,
        latitude=latitude,
    )


def _reference(cells: Mapping[str, str]) -> str:
    if not cells["reference"]:
        raise BadTable("no reference")
    return cells["reference"]


def _word(text: str, words: Mapping[str, tuple[str, ...]], *, otherwise: str | None = None) -> str:
    """Our word for theirs. Raises BadTable."""
    said = text.strip().lower()
    for ours, theirs in words.items():
        if said in theirs or said == ours:
            return ours
    if otherwise is not None:
        return otherwise
    raise BadTable(f"{text!r} is none of {', '.join(word or '(empty)' for word in words)}")


def _number(text: str, field: str) -> float | None:
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise BadTable(f"{field}: {text!r} is no number") from error


def _day(text: str) -> date | None:
    if not text:
        return None
    for layout in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text[:10], layout).date()  # noqa: DTZ007 a civil day
        except ValueError:
            continue
    raise BadTable(f"{text!r} is no day")
