"""The catalogue of open data, as harvesters read it: DCAT-AP 3.0.1 in JSON-LD, from the datasets' records.

A dataset is listed when its record is open and published as it is. Sources: DCAT-AP 3.0.1 (SEMIC, 2025);
themes and frequencies by the EU's authority tables; DCAT-AP 3.0.0 for high-value datasets (Implementing
Regulation (EU) 2023/138).
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from clapas.domain.dataset import DatasetRecord
from clapas.store import Place

AUTHORITY = "http://publications.europa.eu/resource/authority"
CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
}
LICENCES = {
    "LO-2.0": "https://spdx.org/licenses/etalab-2.0",
    "ODbL-1.0": "https://spdx.org/licenses/ODbL-1.0",
    "CC-BY-4.0": f"{AUTHORITY}/licence/CC_BY_4_0",
}
HIGH_VALUE_LAW = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
JSON = f"{AUTHORITY}/file-type/JSON"
SIMULATED = ({"@language": "fr", "@value": "données simulées"},)


def listed(records: Iterable[DatasetRecord]) -> list[DatasetRecord]:
    """The records that a public catalogue shows, by id."""
    found = (each for each in records if each.id and each.classification == "ouvert")
    return sorted((each for each in found if each.publication.rule == "open"), key=lambda r: r.id)


def catalogue(records: Iterable[DatasetRecord], place: Place, *, base: str) -> dict[str, Any]:
    """The catalogue of a territory; ``base`` is the address of the platform, without a last slash."""
    address = f"{base}/catalogue.jsonld"
    return {
        "@context": CONTEXT,
        "@id": address,
        "@type": "dcat:Catalog",
        "dct:title": [{"@language": "fr", "@value": f"Données ouvertes, {place.name}"}],
        "dct:description": [
            {"@language": "fr", "@value": f"Mesures du territoire : {place.name}."},
            {"@language": "en", "@value": f"Measures of the territory: {place.name}."},
        ],
        "dct:publisher": _agent(base, place.name, siren=place.siren),
        "dcat:dataset": [_dataset(each, base) for each in listed(records)],
    }


def _dataset(record: DatasetRecord, base: str) -> dict[str, Any]:
    """A record as a ``dcat:Dataset`` with its one distribution: its observations by SensorThings."""
    name = f"{base}/dataset/{quote(record.id, safe='')}"
    keywords = [{"@language": "fr", "@value": each} for each in record.keywords]
    found: dict[str, Any] = {
        "@id": name,
        "@type": "dcat:Dataset",
        "dct:identifier": record.id,
        "dct:title": _said(record.title, record.title_en),
        "dct:description": _said(record.description or record.title, record.description_en),
        "dct:publisher": _agent(base, record.owner),
        "dct:accessRights": {"@id": f"{AUTHORITY}/access-right/PUBLIC"},
        "dcat:distribution": [_distribution(record, name, base=base)],
    }
    if record.simulated:
        keywords += SIMULATED
    if keywords:
        found["dcat:keyword"] = keywords
    if record.theme:
        found["dcat:theme"] = {"@id": f"{AUTHORITY}/data-theme/{record.theme}"}
    if record.frequency:
        found["dct:accrualPeriodicity"] = {"@id": f"{AUTHORITY}/frequency/{record.frequency}"}
    if record.steward:
        found["dcat:contactPoint"] = {"@type": "vcard:Kind", "vcard:fn": record.steward}
    if record.hvd:
        found["dcatap:hvdCategory"] = {"@id": record.hvd}
        found["dcatap:applicableLegislation"] = {"@id": HIGH_VALUE_LAW}
    return found


def _distribution(record: DatasetRecord, name: str, *, base: str) -> dict[str, Any]:
    asked = quote(f"properties/dataset eq '{record.id}'")
    found: dict[str, Any] = {
        "@id": f"{name}/sensorthings",
        "@type": "dcat:Distribution",
        "dct:title": [{"@language": "fr", "@value": "SensorThings 1.1"}],
        "dcat:accessURL": {"@id": f"{base}/sta/v1.1/Things?$filter={asked}&$expand=Datastreams"},
        "dct:format": {"@id": JSON},
    }
    if record.licence in LICENCES:
        found["dct:license"] = {"@id": LICENCES[record.licence]}
    if record.hvd:
        found["dcatap:applicableLegislation"] = {"@id": HIGH_VALUE_LAW}
    return found


def _agent(base: str, name: str, *, siren: str = "") -> dict[str, Any]:
    """Who publishes; a French public body is known by its SIREN."""
    known = f"{base}/organisation/{quote(siren or name, safe='')}"
    return {"@id": known, "@type": "foaf:Agent", "foaf:name": name}


def _said(french: str, english: str) -> list[dict[str, str]]:
    words = [{"@language": "fr", "@value": french}]
    return [*words, {"@language": "en", "@value": english}] if english else words
