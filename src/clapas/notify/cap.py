"""Public dissemination: CAP 1.2 messages (OASIS, Common Alerting Protocol 1.2) and an Atom feed (RFC 4287).

Also the text and the polygon that an authority may type into FR-Alert: that channel is the State's, the
decision is the prefect's, and nothing here ever sends to it.
"""

import re
from collections.abc import Sequence
from datetime import UTC
from textwrap import shorten
from xml.etree import ElementTree as ET

import msgspec

from clapas.domain.window import instant

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
SEVERITY = {"critical": "Extreme", "major": "Severe", "minor": "Moderate", "warning": "Minor"}
FR_ALERT_LONGEST = 500
"""Cell broadcast carries 15 pages of 82 octets (3GPP TS 23.041): 615 characters with any accent."""
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, clause 2.2)."""


class Bulletin(msgspec.Struct, frozen=True, kw_only=True):
    """What is told to the public. ``polygon`` is [longitude, latitude] corners, closed when written.

    ``sender`` names one issuer of the world and, like ``identifier``, has neither space nor comma;
    ``sender_name`` is what people read. ``previous`` is (identifier, sent ms) of the bulletin that this one updates or cancels.
    """

    identifier: str
    sender: str
    sent: int
    event: str
    description: str
    severity: str
    area: str
    status: str = "Actual"
    kind: str = "Alert"
    language: str = "fr-FR"
    category: str = "Other"
    instruction: str = ""
    onset: int | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    circle: tuple[float, float, float] | None = None
    """Longitude, latitude, radius in kilometres."""
    previous: tuple[str, int] | None = None
    sender_name: str = ""


def moment(at: int) -> str:
    """A time as CAP wants it: whole seconds and a numeric offset, never Z (clause 3.2.1)."""
    return instant(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def cap(bulletin: Bulletin) -> bytes:
    """The CAP 1.2 message."""
    alert = ET.Element("alert", xmlns=CAP)
    _add(alert, "identifier", text=bulletin.identifier)
    _add(alert, "sender", text=bulletin.sender)
    _add(alert, "sent", text=moment(bulletin.sent))
    _add(alert, "status", text=bulletin.status)
    _add(alert, "msgType", text=bulletin.kind)
    _add(alert, "scope", text="Public")
    if bulletin.previous:
        name, at = bulletin.previous
        _add(alert, "references", text=f"{bulletin.sender},{name},{moment(at)}")
    info = ET.SubElement(alert, "info")
    over = bulletin.kind == "Cancel"
    for name, text in (
        ("language", bulletin.language),
        ("category", bulletin.category),
        ("event", bulletin.event),
        ("responseType", "AllClear" if over else "Monitor"),
        ("urgency", "Past" if over else "Immediate"),
        ("severity", SEVERITY.get(bulletin.severity, "Unknown")),
        ("certainty", "Observed"),
    ):
        _add(info, name, text=text)
    if bulletin.onset is not None:
        _add(info, "onset", text=moment(bulletin.onset))
    if bulletin.sender_name:
        _add(info, "senderName", text=bulletin.sender_name)
    _add(info, "headline", text=bulletin.event[:160])
    _add(info, "description", text=bulletin.description)
    if bulletin.instruction:
        _add(info, "instruction", text=bulletin.instruction)
    _area(info, bulletin)
    ET.indent(alert)
    return bytes(ET.tostring(alert, encoding="utf-8", xml_declaration=True))


def _area(info: ET.Element, bulletin: Bulletin) -> None:
    area = ET.SubElement(info, "area")
    _add(area, "areaDesc", text=bulletin.area)
    if bulletin.polygon:
        corners = list(bulletin.polygon)
        closed = corners if corners[0] == corners[-1] else [*corners, corners[0]]
        _add(area, "polygon", text=" ".join(f"{y:.5f},{x:.5f}" for x, y in closed))
    if bulletin.circle:
        x, y, radius = bulletin.circle
        _add(area, "circle", text=f"{y:.5f},{x:.5f} {radius:g}")


def atom(bulletins: Sequence[Bulletin], *, title: str, address: str, updated: int) -> bytes:
    """The feed of bulletins, newest first; each entry links to its CAP message."""
    feed = ET.Element("feed", xmlns=ATOM)
    _add(feed, "id", text=address)
    _add(feed, "title", text=title)
    _add(feed, "updated", text=_rfc3339(updated))
    ET.SubElement(feed, "link", rel="self", href=address)
    for each in bulletins:
        entry = ET.SubElement(feed, "entry")
        _add(entry, "id", text=f"urn:clapas:{each.identifier}")
        _add(entry, "title", text=each.event)
        _add(entry, "updated", text=_rfc3339(each.sent))
        author = ET.SubElement(entry, "author")
        _add(author, "name", text=each.sender_name or each.sender)
        _add(entry, "summary", text=each.description)
        number = each.identifier.rsplit("-", 2)[-2]
        link = f"{address.rpartition('/')[0]}/{number}/cap.xml"
        ET.SubElement(entry, "link", rel="alternate", type="application/cap+xml", href=link)
    ET.indent(feed)
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def fr_alert(bulletin: Bulletin) -> dict[str, object]:
    """What the authority would type: the text (at most 500 characters) and the polygon, to copy."""
    text = " ".join(
        f"{bulletin.event}. {bulletin.area}. {bulletin.description} {bulletin.instruction}".split()
    )
    return {
        "text": shorten(text, FR_ALERT_LONGEST, placeholder="…"),
        "polygon": [list(each) for each in bulletin.polygon],
        "sent": False,
    }


def _rfc3339(at: int) -> str:
    return instant(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _add(parent: ET.Element, name: str, *, text: str) -> None:
    ET.SubElement(parent, name).text = FORBIDDEN.sub("", text)
