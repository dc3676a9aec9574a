"""The platform and its territory: name, communes, vocabulary, types."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get

from clapas.domain.errors import NotFound
from clapas.domain.quantities import QUANTITIES, Quantity
from clapas.web.answers import Listed, listing
from clapas.web.guard import asks
from clapas.web.services import Call, Services, rows_of, services_of
from clapas.web.words import words


class TerritoryOut(msgspec.Struct, frozen=True, kw_only=True):
    """The territory; ``bbox`` is west, south, east, north in degrees."""

    name: str = ""
    siren: str = ""
    timezone: str = "Europe/Paris"
    bbox: list[float] = []


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What the page needs before anybody signs in."""

    version: str
    territory: TerritoryOut
    simulated: bool
    languages: list[str]
    started: datetime


class TypeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A type of entity, with how many are visible."""

    type: str
    count: int
    label_fr: str
    label_en: str


async def territory_of(services: Services) -> TerritoryOut:
    """The territory, empty before one was created."""
    try:
        found = await services.store.territory.get()
    except NotFound:
        return TerritoryOut()
    return TerritoryOut(
        name=found.name,
        siren=found.siren,
        timezone=found.timezone,
        bbox=list(found.bbox) if found.bbox else [],
    )


@get("/api/v1/platform", tags=["platform"], opt=asks("read", "entrance"), summary="The platform")
async def platform(request: Call) -> Platform:
    """Name of the territory, version, languages."""
    services = services_of(request)
    return Platform(
        version=services.version,
        territory=await territory_of(services),
        simulated=services.simulated,
        languages=["fr", "en"],
        started=services.started,
    )


@get(
    "/api/v1/territory/communes.geojson",
    tags=["platform"],
    opt=asks("read", "territory"),
    media_type="application/geo+json",
    summary="The communes",
)
async def communes(request: Call) -> dict[str, Any]:
    """The communes as a GeoJSON FeatureCollection (RFC 7946)."""
    found = await services_of(request).store.territory.communes()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": each.code,
                "geometry": each.contour,
                "properties": {
                    "code": each.code,
                    "name": each.name,
                    "population": each.population,
                    "longitude": each.longitude,
                    "latitude": each.latitude,
                    "townhall": each.townhall,
                },
            }
            for each in found
        ],
    }


@get("/api/v1/quantities", tags=["platform"], opt=asks("read", "quantity"), summary="Quantities")
async def quantities(request: Call) -> Response[Listed[Quantity]]:
    """The vocabulary: units, plausible ranges, labels."""
    return listing(request, list(QUANTITIES.values()))


@get("/api/v1/types", tags=["entities"], opt=asks("read", "type"), summary="Types of entities")
async def types(request: Call) -> list[TypeOut]:
    """The types of the entities that may be seen, with their number."""
    found = await services_of(request).store.entities.types(rows_of(request, "entity"))
    return [
        TypeOut(
            type=each.type,
            count=each.count,
            label_fr=words("fr").get(f"type.{each.type}", each.type),
            label_en=words("en").get(f"type.{each.type}", each.type),
        )
        for each in found
    ]


HANDLERS = (platform, communes, quantities, types)
