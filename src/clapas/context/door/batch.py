"""Batch operations (clauses 5.6.7 to 5.6.10, 5.6.20; 6.14 to 6.17, 6.31): one bad item never fails the others."""

from collections.abc import Callable
from typing import Any

from clapas.context.broker import Broker
from clapas.context.door.entities import merge_into
from clapas.context.door.http import IN_JSON, IN_LD, LD, Answer, Request
from clapas.context.door.queries import answer_query
from clapas.context.door.queryform import request_of_body
from clapas.context.door.reply import Replier
from clapas.context.editing import Editor, created, deleted
from clapas.context.errors import AlreadyExists, BadRequestData, Clash, NgsiError, ResourceNotFound
from clapas.context.model import Entity, is_uri
from clapas.context.reading import Draft, Reader
from clapas.context.terms import Terms
from clapas.context.writing import ATTEMPTS, Taken, Write

MOST = 20_000
Errors = list[dict[str, Any]]


async def _items(broker: Broker, request: Request) -> list[tuple[Any, Terms | NgsiError]]:
    """Each item with its own @context. Raises BadRequestData when the body is not a list of items."""
    payload = request.body
    if not isinstance(payload, list) or not payload:
        raise BadRequestData("a batch is an array of entities")
    if len(payload) > MOST:
        raise BadRequestData(f"a batch holds {MOST} entities at most")
    if any(each is None for each in payload):
        raise BadRequestData("null is not an entity")
    return [(item, await _terms(broker, request, item=item)) for item in payload]


async def _terms(broker: Broker, request: Request, *, item: Any) -> Terms | NgsiError:
    """The @context of one item, or why it has none (6.3.5)."""
    given = isinstance(item, dict) and "@context" in item
    if given and request.kind != LD:
        return BadRequestData(IN_JSON)
    if not given:
        missing = request.kind == LD and request.spec_context is None and isinstance(item, dict)
        return BadRequestData(IN_LD) if missing else request.context.terms
    try:
        return (await broker.book.resolve(item["@context"], link=False)).terms
    except NgsiError as error:
        return error


def _name(item: Any) -> str:
    name = item.get("id", item.get("@id", "")) if isinstance(item, dict) else ""
    return name if isinstance(name, str) else ""


def failure(name: str, error: NgsiError) -> dict[str, Any]:
    """A BatchEntityError (5.2.17)."""
    return {"entityId": name, "error": error.problem()}


async def _drafts(
    broker: Broker, request: Request, *, read: Callable[[Any, Terms], Draft]
) -> tuple[list[Draft], Errors]:
    drafts: list[Draft] = []
    errors: Errors = []
    for item, terms in await _items(broker, request):
        try:
            if isinstance(terms, NgsiError):
                raise terms
            drafts.append(read(item, terms))
        except NgsiError as error:
            errors.append(failure(_name(item), error))
    return drafts, errors


def _whole(item: Any, terms: Terms) -> Draft:
    return Reader(terms).entity(item)


def _named(draft: Draft) -> Draft:
    if not draft.id:
        raise BadRequestData("the entity has no id")
    return draft


def _outcome(success: list[str], errors: Errors) -> Answer:
    if not errors:
        return Answer(status=204)
    return Answer(
        status=207, body={"success": list(dict.fromkeys(success)), "errors": errors}, data=False
    )


class _Group:
    """The entities of one batch, each edited once for all items that speak of it."""

    def __init__(self, write: Write, held: dict[str, Entity]) -> None:
        self.write = write
        self.held = held
        self.fresh: dict[str, Editor] = {}
        self.edited: dict[str, Editor] = {}

    def create(self, draft: Draft) -> None:
        """A new entity."""
        name = draft.id or ""
        if name in self.held or name in self.fresh:
            raise AlreadyExists(f"{name} exists already")
        self.fresh[name] = created(draft, self.write.now)

    def editor(self, name: str) -> Editor:
        """The editor of an entity. Raises ResourceNotFound."""
        if name in self.fresh:
            return self.fresh[name]
        if name not in self.held:
            raise ResourceNotFound(f"{name} does not exist")
        if name not in self.edited:
            self.edited[name] = Editor(self.held[name], self.write.now)
        return self.edited[name]

    async def save(self) -> None:
        """Keep everything."""
        await self.write.save([*self.fresh.values(), *self.edited.values()])


async def _each(
    broker: Broker,
    request: Request,
    *,
    drafts: list[Draft],
    errors: Errors,
    act: Callable[[_Group, Draft], None],
) -> tuple[list[str], set[str]]:
    """Do something for each draft in one transaction; gives the ids done, and those created."""
    for _ in range(ATTEMPTS):
        done: list[str] = []
        refused: Errors = []
        try:
            async with broker.write(request.tenant) as write:
                group = _Group(write, await write.take([each.id or "" for each in drafts]))
                for draft in drafts:
                    try:
                        act(group, draft)
                        done.append(draft.id or "")
                    except NgsiError as error:
                        refused.append(failure(draft.id or "", error))
                await group.save()
        except Taken:
            continue
        errors += refused
        return done, set(group.fresh)
    raise Clash("these entities are being created by others")


async def create(broker: Broker, request: Request) -> Answer:
    """Batch Entity Creation (5.6.7)."""
    drafts, errors = await _drafts(broker, request, read=_whole)
    done, _ = await _each(
        broker, request, drafts=drafts, errors=errors, act=lambda group, d: group.create(d)
    )
    if errors:
        return _outcome(done, errors)
    return Answer(status=201, body=done, data=False)


async def upsert(broker: Broker, request: Request) -> Answer:
    """Batch Entity Creation or Update (5.6.8): 'replace' unless 'update' is asked for."""
    merging = "update" in request.options
    drafts, errors = await _drafts(broker, request, read=_whole)

    def act(group: _Group, draft: Draft) -> None:
        name = draft.id or ""
        if name not in group.held and name not in group.fresh:
            group.create(draft)
        elif merging:
            editor = group.editor(name)
            editor.head(draft)
            for iri, instances in draft.attributes.items():
                editor.append(iri, instances)
        else:
            editor = group.editor(name)
            editor.replace(draft)
            editor.touched = True

    done, fresh = await _each(broker, request, drafts=drafts, errors=errors, act=act)
    if errors:
        return _outcome(done, errors)
    if fresh:
        made = [each for each in dict.fromkeys(done) if each in fresh]
        return Answer(status=201, body=made, data=False)
    return Answer(status=204)


async def update(broker: Broker, request: Request) -> Answer:
    """Batch Entity Update (5.6.9)."""
    overwrite = "noOverwrite" not in request.options
    drafts, errors = await _drafts(
        broker, request, read=lambda item, terms: _named(Reader(terms).entity(item, whole=False))
    )

    def act(group: _Group, draft: Draft) -> None:
        editor = group.editor(draft.id or "")
        editor.head(draft, overwrite=overwrite)
        refused = [
            request.context.terms.compact(iri)
            for iri, instances in draft.attributes.items()
            if not editor.append(iri, instances, overwrite=overwrite)
        ]
        if refused:
            raise BadRequestData(f"exists already: {', '.join(refused)}")

    done, _ = await _each(broker, request, drafts=drafts, errors=errors, act=act)
    return _outcome(done, errors)


async def merge(broker: Broker, request: Request) -> Answer:
    """Batch Entity Merge (5.6.20)."""
    drafts, errors = await _drafts(
        broker,
        request,
        read=lambda item, terms: _named(Reader(terms, merge=True).entity(item, whole=False)),
    )
    observed = request.params.get("observedAt", "")

    def act(group: _Group, draft: Draft) -> None:
        merge_into(group.editor(draft.id or ""), draft, observed=observed)

    done, _ = await _each(broker, request, drafts=drafts, errors=errors, act=act)
    return _outcome(done, errors)


async def delete(broker: Broker, request: Request) -> Answer:
    """Batch Entity Delete (5.6.10)."""
    payload = request.body
    if not isinstance(payload, list) or not payload or any(each is None for each in payload):
        raise BadRequestData("a batch deletion is an array of ids")
    errors: Errors = []
    done: list[str] = []
    wanted = [each for each in payload if is_uri(each)]
    for each in payload:
        if not is_uri(each):
            errors.append(failure(str(each), BadRequestData("this is not a URI")))
    async with broker.write(request.tenant) as write:
        held = await write.take(wanted)
        gone = dict(held)
        for name in wanted:
            if gone.pop(name, None) is not None:
                done.append(name)
            else:
                errors.append(failure(name, ResourceNotFound(f"{name} does not exist")))
        await write.save([deleted(each, write.now) for each in held.values()])
    return _outcome(done, errors)


async def query(broker: Broker, request: Request) -> Answer:
    """Query Entities by POST (5.7.2; 6.23)."""
    request, asked = request_of_body(request)
    return await answer_query(broker, request, asked=asked, replier=Replier(request))
