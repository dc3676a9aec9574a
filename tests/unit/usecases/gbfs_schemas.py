"""The specification's rules for the four files that we write, as JSON Schema (draft 7), in our own words.

Facts from github.com/MobilityData/gbfs and gbfs-json-schema, v2.3 and v3.0: names, types, bounds, what is
required. Times and addresses are patterns, so that no format checker is needed.
"""

from typing import Any

Schema = dict[str, Any]

RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
LANGUAGE: Schema = {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z]{2})?$"}
URL: Schema = {"type": "string", "pattern": r"^https?://[^\s/]+/\S*$"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
STAMP: dict[str, Schema] = {
    "2.3": {"type": "integer", "minimum": 1_450_155_600},
    "3.0": {"type": "string", "pattern": RFC3339},
}
NAME: dict[str, Schema] = {
    "2.3": TEXT,
    "3.0": {
        "type": "array", "minItems": 1,
        "items": {"type": "object", "required": ["text", "language"],
                  "properties": {"text": TEXT, "language": LANGUAGE}},
    },
}  # fmt: skip
FEEDS: dict[str, tuple[str, ...]] = {
    "2.3": (
        "gbfs", "gbfs_versions", "system_information", "vehicle_types", "station_information", "station_status",
        "free_bike_status", "system_hours", "system_alerts", "system_calendar", "system_regions",
        "system_pricing_plans", "geofencing_zones",
    ),
    "3.0": (
        "gbfs", "gbfs_versions", "system_information", "vehicle_types", "station_information", "station_status",
        "vehicle_status", "system_alerts", "system_regions", "system_pricing_plans", "geofencing_zones",
    ),
}  # fmt: skip


def schema(version: str, file: str) -> Schema:
    """The rules of one file of one version."""
    data = {
        "gbfs": _discovery,
        "system_information": _system,
        "station_information": _information,
        "station_status": _status,
    }[file](version)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["last_updated", "ttl", "version", "data"],
        "properties": {
            "last_updated": STAMP[version],
            "ttl": COUNT,
            "version": {"const": version},
            "data": data,
        },
    }


def _some(required: list[str], properties: dict[str, Schema]) -> Schema:
    """An object that knows only these fields: what we write must all be in the specification."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}  # fmt: skip


def _discovery(version: str) -> Schema:
    def has(name: str) -> Schema:
        return {"contains": {"properties": {"name": {"const": name}}}}

    names: Schema = {"enum": list(FEEDS[version])}
    feed = _some(["name", "url"], {"name": names, "url": URL})
    feeds: Schema = {
        "type": "array",
        "minItems": 1,
        "items": feed,
        "allOf": [has("system_information"), has("station_status")],
    }
    listed = _some(["feeds"], {"feeds": feeds})
    if version == "3.0":
        return listed
    return {"type": "object", "minProperties": 1, "additionalProperties": False, "patternProperties": {LANGUAGE["pattern"]: listed}}  # fmt: skip


def _system(version: str) -> Schema:
    common = {"system_id": TEXT, "name": NAME[version], "timezone": {"pattern": "^[A-Z][A-Za-z_]+(/[A-Za-z_-]+)*$"}, "feed_contact_email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"}}  # fmt: skip
    if version == "2.3":
        return _some(["system_id", "language", "name", "timezone"], {**common, "language": LANGUAGE, "license_url": URL})  # fmt: skip
    own = {"languages": {"type": "array", "minItems": 1, "items": LANGUAGE}, "opening_hours": TEXT, "license_id": {"enum": ["etalab-2.0", "ODbL-1.0", "CC-BY-4.0"]}}  # fmt: skip
    required = ["system_id", "languages", "name", "opening_hours", "feed_contact_email", "timezone"]
    return _some(required, common | own)


def _stations(station: Schema) -> Schema:
    return _some(["stations"], {"stations": {"type": "array", "items": station}})


def _information(version: str) -> Schema:
    return _stations(
        _some(
            ["station_id", "name", "lat", "lon"],
            {
                "station_id": {"type": "string", "minLength": 1},
                "name": NAME[version],
                "lat": {"type": "number", "minimum": -90, "maximum": 90},
                "lon": {"type": "number", "minimum": -180, "maximum": 180},
                "capacity": COUNT,
            },
        )
    )


def _status(version: str) -> Schema:
    bikes = "num_bikes_available" if version == "2.3" else "num_vehicles_available"
    flags = dict.fromkeys(("is_installed", "is_renting", "is_returning"), FLAG)
    station = _some(
        ["station_id", bikes, *flags, "last_reported"],
        {"station_id": {"type": "string", "minLength": 1}, bikes: COUNT, "num_docks_available": COUNT, "last_reported": STAMP[version], **flags},
    )  # fmt: skip
    return _stations(station)
