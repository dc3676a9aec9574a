"""Service keys: listed, made (the secret is shown once), rotated, revoked."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import Unauthenticated
from clapas.identity import NewKey
from clapas.store.identity import KeyRow
from clapas.web.answers import Listed, listing, page_size
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


class KeyOut(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    owner: UUID
    scopes: list[str]
    communes: list[str]
    created: datetime | None
    expires: datetime
    last_used: date | None
    replaces: str


class KeyShown(KeyOut, frozen=True, kw_only=True):
    """A key just made, with its secret: the only time."""

    secret: str


class KeyWanted(msgspec.Struct, frozen=True, kw_only=True):
    """The key to make; without ``expires`` it lives for a year."""

    name: str
    scopes: list[str]
    expires: datetime | None = None
    communes: list[str] = []


def _fields(row: KeyRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in KeyOut.__struct_fields__}


def _shown(key: NewKey) -> KeyShown:
    return KeyShown(**_fields(key.row), secret=key.secret)  # type: ignore[arg-type]


@get("/api/v1/keys", tags=["keys"], opt=asks("administer", "key"), summary="Service keys")
async def keys(
    request: Call, after: FromQuery[str | None] = None, limit: FromQuery[int] = 50
) -> Response[Listed[KeyOut]]:
    """Keys that are not revoked."""
    size = page_size(limit)
    found = await services_of(request).identity.keys.list(after=after or "", limit=size)
    items = [KeyOut(**_fields(row)) for row in found]  # type: ignore[arg-type]
    return listing(request, items, after=found[-1].id if len(found) == size else None)


@post("/api/v1/keys", tags=["keys"], opt=asks("administer", "key"), summary="Make a key")
async def make(request: Call, data: JSONBody[KeyWanted]) -> KeyShown:
    """Make a key; its owner is the person signed in."""
    if request.auth is None:
        raise Unauthenticated("a person makes keys, not a key")
    key = await services_of(request).identity.keys.create(
        name=data.name,
        owner=request.auth.account.id,
        scopes=data.scopes,
        expires=data.expires,
        communes=data.communes,
    )
    return _shown(key)


@post(
    "/api/v1/keys/{id:str}/rotate", tags=["keys"], opt=asks("administer", "key"), summary="Rotate"
)
async def rotate(request: Call, id: FromPath[str]) -> KeyShown:  # noqa: A002
    """A successor with the same rights; both work for a week."""
    return _shown(await services_of(request).identity.keys.rotate(id))


@delete(
    "/api/v1/keys/{id:str}",
    status_code=204,
    tags=["keys"],
    opt=asks("administer", "key"),
    summary="Revoke a key",
)
async def revoke(request: Call, id: FromPath[str]) -> None:  # noqa: A002
    """The key works no more."""
    await services_of(request).identity.keys.revoke(id)


HANDLERS = (keys, make, rotate, revoke)
