"""The answers: collections with their next page, one entity, a member of it, data arrays, GeoJSON."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from clapas.domain.errors import NotFound
from clapas.opendata.sensorthings.asking import Address, Options
from clapas.opendata.sensorthings.model import SETS, geometry_of, time_of
from clapas.opendata.sensorthings.reader import Found, series_of

CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/iot_sensing/1.1/req/{name}"
    for name in (
        "datamodel",
        "resource-path/resource-path-to-entities",
        "request-data",
        "data-array/data-array",
    )
)


def root_document(root: str) -> dict[str, Any]:
    """What there is, and what the service can do (clause 9.2.1)."""
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in SETS],
        "serverSettings": {"conformance": list(CONFORMANCE)},
    }


def next_link(
    root: str, path: str, *, params: Mapping[str, str], found: Found, options: Options
) -> str:
    """The address of the next page: by time inside one stream, else by number."""
    kept = {k: v for k, v in params.items() if k not in {"$skip", "$skiptoken"}}
    newest = not options.order or options.order[0] == ("phenomenonTime", True)
    one = "Datastreams(" in path and len(series_of(found.rows)) == 1
    if found.set == "Observations" and newest and one:
        last = found.rows[-1]
        kept["$skiptoken"] = f"{last['at']}_{last['series']}"
    else:
        kept["$skip"] = str(options.skip + options.top)
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in kept.items())
    return f"{root}/{path}?{query}"


def member(entity: Mapping[str, Any], address: Address) -> Any:
    """A member of an entity, under its name. Raises NotFound."""
    value: Any = entity
    for name in address.member:
        if not isinstance(value, Mapping) or name not in value:
            raise NotFound(path="/".join(address.member))
        value = value[name]
    return value


def data_array(found: Found, root: str) -> list[dict[str, Any]]:
    """Observations as rows of numbers, one block for each stream (clause 12.1)."""
    blocks: dict[int, list[list[Any]]] = {}
    for row in found.rows:
        cells = [row["id"], time_of(row["at"]), time_of(row["at"] + row["lag"]), row["value"]]
        blocks.setdefault(row["series"], []).append(cells)
    return [
        {
            "Datastream@iot.navigationLink": f"{root}/Datastreams({series})",
            "components": ["id", "phenomenonTime", "resultTime", "result"],
            "dataArray@iot.count": len(rows),
            "dataArray": rows,
        }
        for series, rows in blocks.items()
    ]


def geojson(found: Found, entities: list[dict[str, Any]]) -> dict[str, Any]:
    """Entities as features, each at its thing's place."""
    features = [
        {
            "type": "Feature",
            "id": entity.get("@iot.id"),
            "geometry": geometry_of(row) if "longitude" in row else None,
            "properties": {
                name: value
                for name, value in entity.items()
                if name not in {"location", "feature", "observedArea"} and "@iot" not in name
            },
        }
        for row, entity in zip(found.rows, entities, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}
