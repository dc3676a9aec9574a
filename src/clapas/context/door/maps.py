"""Entity maps (clauses 5.14; 6.32, 6.34, 6.35)."""

from clapas.context.broker import Broker
from clapas.context.door.http import LD, Answer, Request
from clapas.context.door.queries import query_of
from clapas.context.door.queryform import request_of_body
from clapas.context.entity_maps import HEADER, HERE, PATH, bounded, lifetime, make
from clapas.context.errors import BadRequestData
from clapas.context.federation.reads import Located, located, with_sources
from clapas.context.lasting import keep, one
from clapas.context.model import is_date_time, is_uri, moment, time_text
from clapas.context.scope_times import evolved
from clapas.context.search import Query
from clapas.context.temporal import read_window


def _asked(request: Request, *, temporal: bool = False) -> tuple[Request, Query]:
    """The query of the parameters, or of the body. Raises BadRequestData."""
    lifetime(request)
    if request.method == "POST":
        return request_of_body(request, temporal=temporal)
    return request, query_of(request, request.params)


async def create(broker: Broker, request: Request) -> Answer:
    """Create EntityMap for Query Entities (5.14.4)."""
    made, asked = _asked(request)
    return await _made(broker, request, found=await located(broker, made, asked=asked))


async def create_temporal(broker: Broker, request: Request) -> Answer:
    """Create EntityMap for Query Temporal Evolution of Entities (5.14.5)."""
    made, asked = _asked(request, temporal=True)
    given = request.body.get("temporalQ") if request.method == "POST" else request.params
    if not isinstance(given, dict):
        raise BadRequestData("a temporal query needs timerel and timeAt")
    window = read_window(given)
    if not window.relation:
        raise BadRequestData("a temporal query needs timerel and timeAt")
    ids = await evolved(broker, made, asked=asked, window=window)
    here = Located(sources={each: [HERE] for each in ids})
    return await _made(
        broker, request, found=await with_sources(broker, made, asked=asked, here=here)
    )


async def _made(broker: Broker, request: Request, *, found: Located) -> Answer:
    body = await make(broker, request, where=found)
    headers = [(HEADER, PATH + body["id"]), ("Location", PATH + body["id"])]
    return Answer(status=201, body=_shown(request, body), headers=headers)


def _shown(request: Request, body: dict[str, object]) -> dict[str, object]:
    return body | {"@context": request.context.embedded} if request.media == LD else body


async def retrieve(broker: Broker, request: Request) -> Answer:
    """Retrieve EntityMap (5.14.1)."""
    body = await one(broker, "map", tenant=request.tenant, name=request.args[0])
    return Answer(body=_shown(request, body))


async def update(broker: Broker, request: Request) -> Answer:
    """Update EntityMap (5.14.2): its expiry; what the broker made is not changed by anybody."""
    body = await one(broker, "map", tenant=request.tenant, name=request.args[0])
    fragment = request.body
    if not isinstance(fragment, dict) or not fragment:
        raise BadRequestData("a fragment is a JSON object")
    if "expiresAt" in fragment:
        if not is_date_time(fragment["expiresAt"]):
            raise BadRequestData("expiresAt is a DateTime")
        wanted = moment(fragment["expiresAt"])
        given = bounded(broker, wanted)
        text = fragment["expiresAt"] if given == wanted else time_text(given)
        await keep(broker, "map", tenant=request.tenant, body={**body, "expiresAt": text})
    return Answer(status=204)


async def delete(broker: Broker, request: Request) -> Answer:
    """Delete EntityMap (5.14.3)."""
    name = request.args[0]
    if is_uri(name):
        await one(broker, "map", tenant=request.tenant, name=name)
        await broker.store.rows("drop_map", tenant=request.tenant, id=name)
        return Answer(status=204)
    raise BadRequestData(f"the id {name!r} is not a URI")
