"""Reads whose answers are merged as they are: discovery (5.7.5 to 5.7.10), temporal evolutions (5.7.3, 5.7.4)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clapas.context.broker import Broker
from clapas.context.door.http import Answer, Headers, Request
from clapas.context.entity_maps import HEADER, chosen_map, map_made, note_sources, wished
from clapas.context.errors import ResourceNotFound
from clapas.context.federation.asking import API, Call, Reply
from clapas.context.federation.questions import types_asked
from clapas.context.federation.reads import Located
from clapas.context.federation.shares import Share
from clapas.context.federation.writes import Local
from clapas.context.model import is_uri

Merge = Callable[[Any, Any], Any]
LISTS = frozenset({"typeList", "attributeList", "attributeNames", "typeNames", "attributeTypes"})
COUNTS = frozenset({"entityCount", "attributeCount"})
VALUES = frozenset(
    {"values", "objects", "languageMaps", "vocabs", "jsons", "valueLists", "objectLists"}
)
METHODS = frozenset({"totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq"})
OURS = frozenset({"local", "offset", "csf", "entityMap"})
"""Parameters that are not the sources' business."""
MAPS = "createEntityMapQueryTemporal"
MAPPED = frozenset({"retrieveTemporal", "queryTemporal"})
"""Operations that keep to entity maps."""
HEAD = frozenset({"id", "type", "scope", "@context"})


def merged_answers(local: Local, operation: str, *, merge: Merge) -> Local:
    """A read whose local answer takes in the sources' own; ``local`` alone when there are none."""

    async def handle(broker: Broker, request: Request) -> Answer:
        mapped = operation in MAPPED
        chosen = await chosen_map(broker, request) if mapped else None
        asking = request if chosen is None else chosen.request(request)
        shares = await _concerned(broker, asking, operation=operation)
        if not shares:
            return await local(broker, request)
        try:
            answer = await local(broker, request)
            missing = None
        except ResourceNotFound as error:
            answer, missing = Answer(), error
        calls = [(share, _call(request, share)) for share in shares]
        replies = await broker.federation.ask(asking, calls)
        warnings: Headers = []
        for reply in replies:
            if reply.ok and isinstance(reply.body, dict | list):
                answer.body = merge(answer.body, reply.body)
            elif reply.warning:
                warnings.append(
                    broker.federation.warning(reply.warning, reply.share, text=reply.problem)
                )
        if answer.body is None and missing is not None:
            missing.headers = tuple(warnings)
            raise missing
        answer.headers = [*answer.headers, *warnings]
        if mapped and wished(request):
            await _mapped(broker, request, answer=answer, replies=replies)
        return answer

    return handle


async def _mapped(
    broker: Broker, request: Request, *, answer: Answer, replies: Sequence[Reply]
) -> None:
    """The entity map of the answer says what each source gave, and the map that it used (5.7.3.4, 5.7.4.4)."""
    where = Located(sources={})
    for reply in replies:
        given = reply.body if isinstance(reply.body, list) else [reply.body]
        for each in given if reply.ok else ():
            if isinstance(each, dict) and is_uri(each.get("id")):
                where.sources.setdefault(each["id"], []).append(reply.share.id)
        if reply.ok and reply.map:
            where.maps[reply.share.id] = reply.map
    named = next((value for name, value in answer.headers if name == HEADER), "")
    if named:
        await note_sources(broker, request, named=named, where=where)
    else:
        answer.headers.append(await map_made(broker, request, where=where))


async def _concerned(broker: Broker, request: Request, *, operation: str) -> list[Share]:
    """The sources that the read concerns and that can answer it."""
    ids = _ids(request)
    wanted = [request.context.terms.expand(each) for each in request.words("attrs")]
    shares = await broker.federation.shares(
        request,
        ids=ids,
        types=_kinds(request),
        attributes=wanted or None,
    )
    return [each for each in shares if operation in each.operations]


def _kinds(request: Request) -> set[str] | None:
    """The types that the read is about; None: any."""
    if request.args and "/types/" in request.path:
        return {request.context.terms.expand(request.args[0])}
    return types_asked(request, request.params.get("type", ""))


def _ids(request: Request) -> list[str]:
    if request.args and "/entities/" in request.path:
        return [request.args[0]]
    return request.words("id")


def _call(request: Request, share: Share) -> Call:
    path = request.path.strip("/").removeprefix(API.strip("/")).strip("/")
    kept = [(k, v) for k, v in request.params.items() if k not in OURS]
    if request.params.get("entityMap") == "true" and MAPS in share.operations:
        kept.append(("entityMap", "true"))
    body = request.body if isinstance(request.body, Mapping) else None
    return Call(method=request.method, path=path, params=tuple(kept), body=body)


def discovered(one: Any, other: Any) -> Any:
    """Types or attributes known here and there, as one answer."""
    if one is None:
        return other
    if isinstance(one, list) and isinstance(other, list):
        by_id = {each["id"]: each for each in one}
        for each in other:
            if isinstance(each, dict) and "id" in each:
                held = by_id.get(each["id"])
                by_id[each["id"]] = discovered(held, each)
        return list(by_id.values())
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one
    found = dict(one)
    for name, value in other.items():
        if name in LISTS:
            found[name] = sorted({*found.get(name, []), *value})
        elif name in COUNTS:
            found[name] = found.get(name, 0) + value
        elif name == "attributeDetails":
            found[name] = discovered(found.get(name, []), value)
    return found


def evolved_both(one: Any, other: Any) -> Any:
    """Temporal evolutions known here and there, as one answer."""
    if one is None:
        return other
    if isinstance(one, list):
        by_id = {each.get("id"): each for each in one}
        for each in other if isinstance(other, list) else [other]:
            by_id[each.get("id")] = evolved_both(by_id.get(each.get("id")), each)
        return list(by_id.values())
    if isinstance(other, list):
        other = next((each for each in other if each.get("id") == one.get("id")), {})
    found = dict(one)
    for name, value in other.items():
        if name in HEAD or name.endswith("At"):
            continue
        found[name] = _instances(found[name], value) if name in found else value
    return found


def _instances(one: Any, other: Any) -> Any:
    """The instances of one attribute, each once, the oldest first; or its pairs of value and time."""
    if _is_series(one) and _is_series(other) and one.get("datasetId") == other.get("datasetId"):
        return {
            **one,
            **{
                name: _pairs(one.get(name, []), held)
                for name, held in other.items()
                if name in VALUES | METHODS
            },
        }
    mine = one if isinstance(one, list) else [one]
    theirs = other if isinstance(other, list) else [other]
    known = {_identity(each) for each in mine}
    fresh = [each for each in theirs if _identity(each) not in known]
    return sorted([*mine, *fresh], key=lambda each: str(each.get("observedAt", "")))


def _is_series(value: Any) -> bool:
    return isinstance(value, dict) and bool((VALUES | METHODS) & set(value))


def _pairs(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    fresh = [each for each in other if each not in one]
    return sorted([*one, *fresh], key=lambda pair: str(pair[1]))


def _identity(instance: Mapping[str, Any]) -> str:
    own = instance.get("instanceId")
    plain = {k: v for k, v in instance.items() if k not in {"createdAt", "modifiedAt"}}
    return str(own) if own else str(sorted(plain.items(), key=str))
