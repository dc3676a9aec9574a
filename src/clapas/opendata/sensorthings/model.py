"""The entity sets, what each leads to, and how rows become entities (OGC 18-088, clause 8)."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import instant

Set = Literal[
    "Things",
    "Locations",
    "HistoricalLocations",
    "Datastreams",
    "Sensors",
    "ObservedProperties",
    "Observations",
    "FeaturesOfInterest",
]
Row = Mapping[str, Any]
DEFINITION = "https://uri.etsi.org/ngsi-ld/default-context/"
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
UNITS = "https://unece.org/trade/uncefact/cl-recommendations#"


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a navigation leads: to which set, to many or to one, and by which of its paths."""

    target: Set
    many: bool
    path: str = ""
    """The path of the target that must equal ``source`` of the row."""
    source: str = "id"


def _many(target: Set, path: str = "") -> Lead:
    return Lead(target=target, many=True, path=path)


def _one(target: Set, path: str, *, source: str = "id") -> Lead:
    return Lead(target=target, many=False, path=path, source=source)


SETS: dict[Set, dict[str, Lead]] = {
    "Things": {
        "Locations": _many("Locations", "id"),
        "HistoricalLocations": _many("HistoricalLocations", "id"),
        "Datastreams": _many("Datastreams", "Thing/id"),
    },
    "Locations": {
        "Things": _many("Things", "id"),
        "HistoricalLocations": _many("HistoricalLocations", "id"),
    },
    "HistoricalLocations": {
        "Thing": _one("Things", "id"),
        "Locations": _many("Locations", "id"),
    },
    "Datastreams": {
        "Thing": _one("Things", "id", source="thing"),
        "Sensor": _one("Sensors", "id", source="sensor"),
        "ObservedProperty": _one("ObservedProperties", "id", source="property"),
        "Observations": _many("Observations"),
    },
    "Sensors": {"Datastreams": _many("Datastreams", "Sensor/id")},
    "ObservedProperties": {"Datastreams": _many("Datastreams", "ObservedProperty/id")},
    "Observations": {
        "Datastream": _one("Datastreams", "id", source="series"),
        "FeatureOfInterest": _one("FeaturesOfInterest", "Datastreams/id", source="series"),
    },
    "FeaturesOfInterest": {"Observations": _many("Observations")},
}
KINDS = {
    "Things": "place",
    "Locations": "place",
    "HistoricalLocations": "place",
    "FeaturesOfInterest": "place",
    "Datastreams": "stream",
    "Sensors": "sensor",
    "ObservedProperties": "property",
}
PLACED = frozenset({"Locations", "HistoricalLocations", "FeaturesOfInterest"})


def time_of(milliseconds: int) -> str:
    """An instant as SensorThings writes it."""
    return instant(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def geometry_of(row: Row) -> Any:
    """The GeoJSON geometry of a place, None without one."""
    if row.get("geometry"):
        return row["geometry"]
    if row["longitude"] is None or row["latitude"] is None:
        return None
    return {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]}


def _place(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "description": row["description"]}


def _thing(row: Row) -> dict[str, Any]:
    properties = {"type": row["type"], "entity": row["entity"]}
    properties |= {name: row[name] for name in ("commune", "dataset") if row[name]}
    return {**_place(row), "properties": properties}


def _located(row: Row) -> dict[str, Any]:
    return {
        **_place(row),
        "encodingType": "application/geo+json",
        "location": geometry_of(row),
    }


def _feature(row: Row) -> dict[str, Any]:
    return {
        **_place(row),
        "encodingType": "application/geo+json",
        "feature": geometry_of(row),
    }


def _historical(row: Row) -> dict[str, Any]:
    return {"time": row["changed"].isoformat().replace("+00:00", "Z")}


def _stream(row: Row) -> dict[str, Any]:
    quantity = QUANTITIES.get(row["quantity"])
    unit: dict[str, Any] = {"name": None, "symbol": None, "definition": None}
    if quantity is not None:
        unit = {
            "name": quantity.en,
            "symbol": quantity.unit,
            "definition": UNITS + quantity.code,
        }
    return {
        "name": row["name"],
        "description": row["description"],
        "observationType": MEASUREMENT,
        "unitOfMeasurement": unit,
        "observedArea": geometry_of(row),
        "properties": {name: row[name] for name in ("attribute", "quantity", "entity")},
    }


def _sensor(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "description": row["description"],
        "encodingType": "text/html",
        "metadata": row["model"],
        "properties": {"model": row["model"]},
    }


def _property(row: Row) -> dict[str, Any]:
    quantity = QUANTITIES.get(row["quantity"])
    return {
        "name": row["name"],
        "definition": DEFINITION + row["name"],
        "description": quantity.en if quantity is not None else row["name"],
        "properties": {"quantity": row["quantity"]},
    }


def _observation(row: Row) -> dict[str, Any]:
    shown = {
        "phenomenonTime": time_of(row["at"]),
        "resultTime": time_of(row["at"] + row["lag"]),
        "result": row["value"],
    }
    return shown | ({"resultQuality": row["quality"]} if row["quality"] else {})


MAKERS = {
    "Things": _thing,
    "Locations": _located,
    "HistoricalLocations": _historical,
    "FeaturesOfInterest": _feature,
    "Datastreams": _stream,
    "Sensors": _sensor,
    "ObservedProperties": _property,
    "Observations": _observation,
}


def id_text(set_: Set, row: Row) -> str:
    """An entity's id as addresses write it."""
    return f"'{row['id']}'" if set_ == "Observations" else str(row["id"])


def shown(set_: Set, row: Row, *, root: str) -> dict[str, Any]:
    """An entity with its links; ``root`` is the address of the service."""
    link = f"{root}/{set_}({id_text(set_, row)})"
    found: dict[str, Any] = {"@iot.id": row["id"], "@iot.selfLink": link}
    found |= MAKERS[set_](row)
    found |= {f"{name}@iot.navigationLink": f"{link}/{name}" for name in SETS[set_]}
    return found
