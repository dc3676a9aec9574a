"""Who a thing of the city belongs to, its tags, and its place among the others: commune > site > equipment."""

import re
from typing import Annotated

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import Forbidden, InvalidInput
from clapas.store.entity_files import EntityFile, Related
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

TAG = re.compile(r"[^\W\d_][\w.-]{0,59}")
"""Names of tags: letters of any language."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
"""Names of relations (NGSI-LD attribute names, ETSI GS CIM 009, 4.6.2, without a prefix)."""
Text = Annotated[str, msgspec.Meta(max_length=200)]
Few = Annotated[dict[str, Text], msgspec.Meta(max_length=30)]


class EntityFileIn(msgspec.Struct, frozen=True, kw_only=True):
    """Owner service, tags, and relations: name → the id of what the thing is part of or belongs to."""

    service: Text = ""
    tags: Few = {}
    relations: Few = {}


class EntityFileOut(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a thing; ``above`` goes from the nearest to the farthest."""

    file: EntityFile
    relations: dict[str, str]
    above: list[Related]
    may_write: bool


@get(
    "/api/v1/entities/{id:str}/file",
    tags=["entities"],
    opt=asks("read", "entity"),
    summary="Its file",
)
async def file(request: Call, id: FromPath[str]) -> EntityFileOut:  # noqa: A002
    """Owner service, tags, and what the thing is part of, as far as the caller may see it."""
    return await _sheet(request, id)


async def _sheet(request: Call, id: str) -> EntityFileOut:  # noqa: A002
    store, rows = services_of(request).store, rows_of(request, "entity")
    row = await store.entities.get(rows, id)
    writable = await store.entity_files.known(rows_of(request, "entity", action="write"), [id])
    return EntityFileOut(
        file=await store.entity_files.get(id),
        relations=row.entity.relations,
        above=await store.entity_files.above(rows, id),
        may_write=id in writable,
    )


@get(
    "/api/v1/entities/{id:str}/parts",
    tags=["entities"],
    opt=asks("read", "entity"),
    summary="Its parts",
)
async def parts(
    request: Call,
    id: FromPath[str],  # noqa: A002
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[Listed[Related]]:
    """The things that say to be part of this one."""
    store, rows = services_of(request).store, rows_of(request, "entity")
    await store.entities.get(rows, id)
    page = await store.entity_files.below(rows, id, after=after, limit=page_size(limit))
    return listing(request, page.items, after=page.next)


@put(
    "/api/v1/entities/{id:str}/file",
    tags=["entities"],
    opt=asks("write", "entity"),
    summary="Write it",
)
async def save(request: Call, id: FromPath[str], data: JSONBody[EntityFileIn]) -> EntityFileOut:  # noqa: A002
    """Owner service, tags and relations, all of them as they now are. What a thing is part of must be seen."""
    store, rows = services_of(request).store, rows_of(request, "entity")
    await store.entities.get(rows, id)
    if id not in await store.entity_files.known(rows_of(request, "entity", action="write"), [id]):
        raise Forbidden("this thing may be read, not changed", entity=id)
    for field, names, allowed in (("tags", data.tags, TAG), ("relations", data.relations, NAME)):
        odd = [name for name in names if not allowed.fullmatch(name)]
        if odd:
            raise InvalidInput("a name has letters, digits, _ . -", field=field, unknown=odd)
    known = await store.entity_files.known(rows, data.relations.values())
    lost = sorted(set(data.relations.values()) - (known - {id}))
    if lost:
        raise InvalidInput(
            "a thing is part of another that exists", field="relations", unknown=lost
        )
    written = EntityFile(service=data.service.strip(), tags=data.tags, actor=request.user.name)
    await store.entity_files.save(id, written, relations=data.relations)
    return await _sheet(request, id)


HANDLERS = (file, parts, save)
