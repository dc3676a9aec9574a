"""Road traffic: DATEX II measured data, version 3 (EN 16157-5, ``RoadTrafficData``) and version 2, pushed or pulled.

One uplink a site: flow, speed, occupancy, travel time and its free-flow value. Names of elements are read
without their namespace, so that both versions and their national profiles are understood. A value that the
source marks ``dataError`` is not a value. Of several values of one kind at a site (lanes, classes of vehicles)
the first is the site's; the others keep their rank in their name and mean nothing by themselves.

XML that declares a document type or entities is refused: a publication needs none.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError, fromstring

import msgspec

from clapas.domain.device import Entity
from clapas.domain.message import RawMessage, Reading, Uplink
from clapas.sources.contract import Connector, Example, Fetch
from clapas.sources.errors import Incomplete, Malformed
from clapas.sources.wire import bounded, local_id, moment

TYPE = "TrafficFlowObserved"
MAX_BODY = 32 << 20
SECONDS_PER_HOUR = 3600.0
NUMBERS = {
    "averageVehicleSpeed": ("speed", "averageVehicleSpeed", "vehicle_speed", 1.0),
    "occupancy": ("percentage", "occupancy", "road_occupancy", 0.01),
    "travelTime": ("duration", "travelTime", "travel_time", 1.0),
    "freeFlowTravelTime": ("duration", "freeFlowTravelTime", "travel_time", 1.0),
    "freeFlowSpeed": ("speed", "freeFlowSpeed", "vehicle_speed", 1.0),
}
"""Element → (element of its number, attribute, quantity, scale to the quantity's unit)."""
DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY", b"\x00")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node that publishes measured data."""

    url: str = ""
    """The address of its ``MeasuredDataPublication``."""
    interval_s: float = 60.0


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per site of the publication; raises Malformed, Incomplete."""
    root = read_xml(bounded(message, MAX_BODY))
    sites = [each for each in root.iter() if local(each) == "siteMeasurements"]
    if not sites:
        raise Incomplete("the publication has no site measurements", field="siteMeasurements")
    uplinks = [_uplink(each, message.received) for each in sites]
    found = tuple(each for each in uplinks if each.values)
    if not found:
        raise Incomplete("no site has a value", sites=len(sites))
    return found


def read_xml(body: bytes) -> Element:
    """The root of a document without declarations; raises Malformed."""
    if any(each in body for each in DECLARATIONS):
        raise Malformed(
            "a DATEX II publication declares no document type and no entity, and is UTF-8"
        )
    try:
        return fromstring(body)  # noqa: S314 - declarations, where the danger is, are refused above
    except (ParseError, ValueError) as error:
        raise Malformed(f"the XML cannot be read: {error}", detail=str(error)) from None


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def child(element: Element, *names: str) -> Element | None:
    """The element at the end of a path of local names, None when a step lacks."""
    found: Element | None = element
    for name in names:
        found = next((each for each in found if local(each) == name), None) if found is not None else None  # fmt: skip
    return found


def _uplink(site: Element, received: int) -> Uplink:
    reference = child(site, "measurementSiteReference")
    name = "" if reference is None else reference.get("id", "")
    if not name:
        raise Incomplete("a site has a reference", field="measurementSiteReference.id")
    key = local_id(f"datex2:{name}")
    thing = Entity(id=f"urn:ngsi-ld:{TYPE}:{key.partition(':')[2]}", type=TYPE)
    measured = _time(site, received)
    return Uplink(
        source="datex2",
        device=key,
        message_id=f"{key}@{measured.isoformat()}" if measured else None,
        measured=measured,
        values=tuple(_readings(site, thing.id)),
        profile=TYPE,
        entities=(thing,),
    )


def _time(site: Element, received: int) -> datetime | None:
    """``measurementTimeDefault``: a text in version 2, in version 3 a ``timeValue`` inside."""
    default = child(site, "measurementTimeDefault")
    if default is None:
        return None
    inner = child(default, "timeValue")
    text = (inner if inner is not None else default).text
    return moment((text or "").strip(), received=received)


def _readings(site: Element, thing: str) -> Iterator[Reading]:
    seen: Counter[str] = Counter()
    for data in site.iter():
        if local(data) != "basicData":
            continue
        for attribute, quantity, value in _values(data):
            seen[attribute] += 1
            first = seen[attribute] == 1
            channel = attribute if first else f"{attribute}_{seen[attribute]}"
            yield Reading(channel, value, quantity if first else "", "", None, thing)


def _values(data: Element) -> Iterator[tuple[str, str, float]]:
    """(attribute, quantity, value in the quantity's unit) of one ``basicData``."""
    for element in data:
        name = local(element)
        if _true(element, "dataError"):
            continue
        if name in NUMBERS:
            inside, attribute, quantity, scale = NUMBERS[name]
            value = _number(child(element, inside))
            if value is not None:
                yield attribute, quantity, value * scale
        elif name == "vehicleFlow":
            rate = _number(child(element, "vehicleFlowRate"))
            if rate is not None:
                yield _flow(rate, _number(child(data, "measurementOrCalculationPeriod")))


def _flow(rate: float, period: float | None) -> tuple[str, str, float]:
    """Vehicles of the interval when its length is told; else the hourly rate, which is no count."""
    if period and period > 0:
        return "intensity", "vehicle_count", rate * period / SECONDS_PER_HOUR
    return "vehicleFlowRate", "", rate


def _true(element: Element, name: str) -> bool:
    flag = child(element, name)
    return flag is not None and (flag.text or "").strip().lower() in {"true", "1"}


def _number(element: Element | None) -> float | None:
    """A finite number, None when it lacks; -1 is how feeds say that there is no speed or time."""
    try:
        value = float((element.text if element is not None else None) or "nan")
    except ValueError:
        raise Malformed("a value is no number", value=str(element.text)[:40] if element is not None else "") from None  # fmt: skip
    return value if 0 <= value < 1e9 else None


async def pull(settings: Settings, fetch: Fetch) -> Sequence[RawMessage]:
    """Ask the node once."""
    body = await fetch(settings.url)
    return () if body is None else (RawMessage("datex2", settings.url, 0, body),)


_RECEIVED = 1_767_268_802_000
_V3 = b"""<?xml version="1.0" encoding="UTF-8"?>
<d2:payload xmlns:d2="http://datex2.eu/schema/3/d2Payload" xmlns:com="http://datex2.eu/schema/3/common"
 xmlns:roa="http://datex2.eu/schema/3/roadTrafficData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:type="roa:MeasuredDataPublication" lang="fr" modelBaseVersion="3">
 <roa:siteMeasurements>
  <roa:measurementSiteReference id="A9-27" version="1" targetClass="roa:MeasurementSite"/>
  <roa:measurementTimeDefault><com:timeValue>2026-01-01T12:58:00+01:00</com:timeValue></roa:measurementTimeDefault>
  <roa:physicalQuantity index="0"><roa:basicData xsi:type="roa:TrafficFlow">
   <roa:measurementOrCalculationPeriod>360</roa:measurementOrCalculationPeriod>
   <roa:vehicleFlow><com:vehicleFlowRate>1200</com:vehicleFlowRate></roa:vehicleFlow></roa:basicData></roa:physicalQuantity>
  <roa:physicalQuantity index="1"><roa:basicData xsi:type="roa:TrafficSpeed">
   <roa:averageVehicleSpeed><com:speed>87.5</com:speed></roa:averageVehicleSpeed></roa:basicData></roa:physicalQuantity>
 </roa:siteMeasurements>
</d2:payload>"""
_V2 = b"""<d2LogicalModel xmlns="http://datex2.eu/schema/2/2_0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <payloadPublication xsi:type="MeasuredDataPublication" lang="fr"><siteMeasurements>
  <measurementSiteReference id="T 12" version="1"/><measurementTimeDefault>2026-01-01T11:58:00Z</measurementTimeDefault>
  <measuredValue index="1"><measuredValue><basicData xsi:type="TravelTimeData">
   <travelTime><duration>564</duration></travelTime>
   <freeFlowTravelTime><duration>410</duration></freeFlowTravelTime></basicData></measuredValue></measuredValue>
  <measuredValue index="2"><measuredValue><basicData xsi:type="TrafficConcentration">
   <occupancy><dataError>true</dataError><percentage>3</percentage></occupancy></basicData></measuredValue></measuredValue>
 </siteMeasurements></payloadPublication></d2LogicalModel>"""


def _expected(name: str, *values: tuple[str, float, str]) -> Uplink:
    thing = Entity(id=f"urn:ngsi-ld:{TYPE}:{name}", type=TYPE)
    return Uplink(
        source="datex2",
        device=f"datex2:{name}",
        message_id=f"datex2:{name}@2026-01-01T11:58:00+00:00",
        measured=datetime.fromisoformat("2026-01-01T11:58:00+00:00"),
        values=tuple(
            Reading(attribute, value, quantity, "", None, thing.id)
            for attribute, value, quantity in values
        ),
        profile=TYPE,
        entities=(thing,),
    )


EXAMPLES = (
    Example(
        RawMessage("datex2", "/in/datex2", _RECEIVED, _V3),
        (_expected("A9-27", ("intensity", 120.0, "vehicle_count"), ("averageVehicleSpeed", 87.5, "vehicle_speed")),),
    ),
    Example(
        RawMessage("datex2", "/in/datex2", _RECEIVED, _V2),
        (_expected("T_12", ("travelTime", 564.0, "travel_time"), ("freeFlowTravelTime", 410.0, "travel_time")),),
    ),
)  # fmt: skip

CONNECTOR = Connector(
    name="datex2", parse=parse, examples=EXAMPLES, http="datex2", settings=Settings, pull=pull
)
