"""What is given: SensorThings, the paths of the city's own NGSI v2 API, the catalogue of open data."""

from typing import Any, Protocol

from litestar import Request, Response, get
from litestar.params import FromPath

from clapas.charter import PURPOSE, AuditTrail, Charter, Exit
from clapas.domain.errors import NotFound
from clapas.opendata import city
from clapas.opendata.catalogue import catalogue
from clapas.opendata.sensorthings.answers import (
    data_array,
    geojson,
    member,
    next_link,
    root_document,
)
from clapas.opendata.sensorthings.asking import read_address, read_options
from clapas.opendata.sensorthings.model import SETS
from clapas.opendata.sensorthings.reader import Found, Reader, check_form, references
from clapas.store import Place, Store

Call = Request[Any, Any, Any]
READ = {"action": "read", "kind": "entity"}
SERVICE = "/sta/v1.1"


class Rooms(Protocol):
    """What these doors need of the running platform."""

    @property
    def store(self) -> Store: ...
    @property
    def charter(self) -> Charter: ...
    @property
    def audit(self) -> AuditTrail | None: ...


def rooms_of(request: Call) -> Rooms:
    """The rooms of the application that answers."""
    found: Rooms = request.app.state.services
    return found


def exit_of(request: Call) -> Exit:
    """The way out for this caller."""
    rooms = rooms_of(request)
    purpose = request.headers.get(PURPOSE, "")[:60]
    return Exit(charter=rooms.charter, principal=request.user, purpose=purpose, audit=rooms.audit)


def base_of(request: Call) -> str:
    """The address that the caller used, without a last slash."""
    return str(request.base_url).rstrip("/")


@get(SERVICE, opt=READ, sync_to_thread=False)
def sensorthings_root(request: Call) -> dict[str, Any]:
    """SensorThings: the entity sets, and what the service can do."""
    return root_document(base_of(request) + SERVICE)


@get(SERVICE + "/{address:path}", opt=READ)
async def sensorthings(request: Call, address: FromPath[str]) -> Response[Any]:
    """SensorThings: an entity set, an entity, a member of it."""
    root, path = base_of(request) + SERVICE, address.strip("/")
    params = dict(request.query_params)
    where = read_address(path)
    set_ = _set_of(where)
    options = read_options(params, set_)
    check_form(set_, options.form)
    reader = Reader(rooms_of(request).store, exit_of(request), root=root)
    if where.bare and not where.member:
        params["$count"] = "true"
        options = read_options(params | {"$top": "0"}, set_)
    found, one = await reader.follow(where, options)
    if where.bare and not where.member:
        return Response(str(found.count), media_type="text/plain")
    if one:
        entity = (await reader.entities(found, options))[0]
        if not where.member:
            return Response(entity)
        value = member(entity, where)
        if where.bare:
            return Response(str(value), media_type="text/plain")
        return Response({where.member[-1]: value})
    return await _collection(
        reader, found, root=root, path=path, params=params, references_only=where.references
    )


def _set_of(where: Any) -> Any:
    set_ = where.steps[0].name
    for step in where.steps[1:]:
        set_ = SETS[set_][step.name].target
    return set_


async def _collection(
    reader: Reader,
    found: Found,
    *,
    root: str,
    path: str,
    params: dict[str, str],
    references_only: bool,
) -> Response[Any]:
    options = read_options(params, found.set)
    if options.form == "GeoJSON":
        entities = await reader.entities(found, options)
        return Response(geojson(found, entities), media_type="application/geo+json")
    body: dict[str, Any] = {}
    if found.count is not None:
        body["@iot.count"] = found.count
    if found.more and found.rows:
        body["@iot.nextLink"] = next_link(root, path, params=params, found=found, options=options)
    if references_only:
        body["value"] = references(found, root)
    elif options.form == "dataArray":
        body["value"] = data_array(found, root)
    else:
        body["value"] = await reader.entities(found, options)
    return Response(body)


FEEDS = [f"/{name}" for name in city.FEEDS]
ARCHIVES = [f"/{name}_timeseries/{{thing:str}}/attrs/{{attribute:str}}" for name in city.FEEDS]


@get(FEEDS, opt=READ)
async def city_feed(request: Call) -> Response[list[dict[str, Any]]]:
    """The city's own paths: the things of one feed, as NGSI v2 entities."""
    name = request.url.path.strip("/")
    asked = city.read_asked(dict(request.query_params))
    rooms = rooms_of(request)
    found, total = await city.feed(rooms.store, exit_of(request), name=name, asked=asked)
    headers = {"Fiware-Total-Count": str(total)} if asked.count else {}
    return Response(found, headers=headers)


@get(ARCHIVES, opt=READ)
async def city_archive(
    request: Call, thing: FromPath[str], attribute: FromPath[str]
) -> dict[str, Any]:
    """The city's own paths: one attribute of a thing over time (``fromDate``, ``toDate``)."""
    name = request.url.path.strip("/").partition("_timeseries")[0]
    params = dict(request.query_params)
    rooms = rooms_of(request)
    return await city.archive(
        rooms.store, exit_of(request), name=name, thing=thing, attribute=attribute, params=params
    )


@get("/catalogue.jsonld", opt={"action": "read", "kind": "entrance"})
async def open_data(request: Call) -> Response[dict[str, Any]]:
    """The catalogue of open data, DCAT-AP 3.0.1 in JSON-LD, for harvesters."""
    rooms = rooms_of(request)
    try:
        place = await rooms.store.territory.get()
    except NotFound:
        place = Place(name="Clapas", siren="", timezone="Europe/Paris")
    found = catalogue(rooms.charter.records, place, base=base_of(request))
    return Response(found, media_type="application/ld+json")


HANDLERS = (sensorthings_root, sensorthings, city_feed, city_archive, open_data)
