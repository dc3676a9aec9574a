"""What harvesters read of a territory: open records and nothing else, in DCAT-AP's words."""

from datetime import date
from pathlib import Path

import msgspec

from clapas.charter import validate
from clapas.domain.dataset import DatasetRecord, Dpia, Publication
from clapas.opendata.catalogue import AUTHORITY, catalogue, listed
from clapas.store import Place
from clapas.usecases.discovery import discover
from clapas.usecases.enrol import Stewards, record_of

PLACE = Place(name="Montpellier Méditerranée Métropole", siren="243400017", timezone="Europe/Paris")
BASE = "https://donnees.example.org"
OPEN = DatasetRecord(
    id="bikes", title="Vélos", title_en="Bikes", description="Vélos libres", description_en="Free bikes",
    owner="Mobilité", steward="A. Martin", classification="ouvert", licence="LO-2.0", theme="TRAN",
    keywords=("vélo", "gbfs"), frequency="CONT", publication=Publication(rule="open"),
)  # fmt: skip


def test_theme_keywords_and_frequency_are_the_european_ones() -> None:
    found = catalogue([OPEN], PLACE, base=BASE)
    (dataset,) = found["dcat:dataset"]
    assert dataset["dcat:theme"] == {"@id": f"{AUTHORITY}/data-theme/TRAN"}
    assert dataset["dct:accrualPeriodicity"] == {"@id": f"{AUTHORITY}/frequency/CONT"}
    assert [each["@value"] for each in dataset["dcat:keyword"]] == ["vélo", "gbfs"]
    assert dataset["dct:title"] == [
        {"@language": "fr", "@value": "Vélos"},
        {"@language": "en", "@value": "Bikes"},
    ]
    (way,) = dataset["dcat:distribution"]
    assert way["dcat:accessURL"]["@id"].startswith(f"{BASE}/sta/v1.1/Things?$filter=")
    assert way["dct:license"] == {"@id": "https://spdx.org/licenses/etalab-2.0"}


def test_what_is_not_open_or_not_published_is_not_even_named() -> None:
    replace = msgspec.structs.replace
    others = [
        replace(OPEN, id="kept", classification="interne"),
        replace(OPEN, id="aggregated", publication=Publication(rule="aggregate", k=10)),
        replace(OPEN, id="personal", classification="personnel"),
        replace(OPEN, id="unpublished", publication=Publication()),
    ]
    assert [each.id for each in listed([*others, OPEN])] == ["bikes"]


def test_what_is_not_said_is_left_out() -> None:
    bare = DatasetRecord(
        id="bare", title="Nu", owner="Eau", classification="ouvert", publication=Publication(rule="open")
    )  # fmt: skip
    (dataset,) = catalogue([bare], PLACE, base=BASE)["dcat:dataset"]
    silent = {"dcat:theme", "dct:accrualPeriodicity", "dcat:keyword", "dcat:contactPoint"}
    assert not silent & set(dataset)
    assert dataset["dct:description"] == [{"@language": "fr", "@value": "Nu"}]


def test_every_open_pack_says_what_it_is_about(tmp_path: Path) -> None:
    who = Stewards(owner="Mobilité", steward="A. Martin", controller="Métropole")
    today = date(2026, 1, 6)
    records = [record_of(each, who, version=1, today=today) for each in discover(tmp_path).values()]
    told = catalogue(records, PLACE, base=BASE)["dcat:dataset"]
    assert {each["dct:identifier"] for each in told} >= {"bikes", "counters", "parking"}
    for each in told:
        assert {"dcat:theme", "dcat:keyword", "dct:accrualPeriodicity"} <= set(each)


def test_every_pack_ships_a_record_without_fault_once_somebody_answers_for_it(
    tmp_path: Path,
) -> None:
    """What is personal waits for its impact assessment alone (GDPR art. 35), and says so."""
    today = date(2026, 1, 6)
    made = Dpia(status="done", reference="AIPD-1")
    for pack in discover(tmp_path).values():
        faults = {}
        for name, dpia in (("waiting", Dpia(status="required")), ("made", made)):
            who = Stewards(owner="Régie", steward="A. Martin", controller="Métropole", dpia=dpia)
            record = record_of(pack, who, version=1, today=today)
            found = validate(record, today=today)
            faults[name] = [each.code for each in found if each.severity == "error"]
        personal = pack.dataset.classification == "personnel"
        assert faults == {"waiting": ["dpia_not_done"] if personal else [], "made": []}, pack.name
