"""The doors by which a utility's GIS and maintenance tool give their assets and work orders, and read them back."""

import asyncio
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from litestar import get, post
from litestar.params import FromQuery

from clapas.domain.errors import InvalidInput
from clapas.domain.window import milliseconds
from clapas.store.water_works import Asset, Stock, Work
from clapas.usecases.routes import rooms_of, seen_by
from clapas.usecases.water.doors import ACT, READ, Call, laid
from clapas.usecases.water.works.tables import Brought, read_assets, read_works

LARGEST = 32 << 20
"""Bytes of a file: a GeoPackage of some hundred thousand assets."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept of a file; ``refused`` lines are named, ``settled`` meters had their case decided."""

    kept: int
    outside: int
    settled: list[str] = []
    refused: list[str] = []


class WorkQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Work orders, and the assets by sector and kind."""

    items: list[Work]
    stock: list[Stock]


@post("/api/v1/water/assets", opt=ACT, status_code=200, request_max_body_size=LARGEST)
async def bring_assets(request: Call) -> Told:
    """Bring assets; the body is the file: CSV, or a GeoPackage."""
    brought = await _brought(await request.body(), read_assets)
    rooms = rooms_of(request)
    firsts = [each.places[0] if each.places else (None, None) for each in brought.assets]
    communes = await rooms.store.territory.commune_at(firsts)
    assets = [
        msgspec.structs.replace(each, commune=commune)
        for each, commune in zip(brought.assets, communes, strict=True)
    ]
    kept = await rooms.store.water_works.put_assets(
        seen_by(request, "write").entities, assets, actor=str(request.user.id), now=_now()
    )
    return Told(kept=kept, outside=len(assets) - kept, refused=brought.problems)


@post("/api/v1/water/works", opt=ACT, status_code=200, request_max_body_size=LARGEST)
async def bring_works(request: Call) -> Told:
    """Bring work orders, state and verdict; the body is the file: CSV, or a GeoPackage.

    A finished work with a verdict at a meter decides the case that lives there.
    """
    brought = await _brought(await request.body(), read_works)
    rooms = rooms_of(request)
    communes = await rooms.store.territory.commune_at(
        [(each.longitude, each.latitude) for each in brought.works]
    )
    works = [
        msgspec.structs.replace(each, commune=commune)
        for each, commune in zip(brought.works, communes, strict=True)
    ]
    kept, settled = await rooms.store.water_works.put_works(
        seen_by(request, "write").entities, works, actor=str(request.user.id), now=_now()
    )
    return Told(kept=kept, outside=len(works) - kept, settled=settled, refused=brought.problems)


@get("/api/v1/water/works", opt=READ)
async def works(request: Call, sector: FromQuery[str] = "") -> WorkQueue:
    """Work orders that may be seen, what runs first, with the stock of assets."""
    store, entities = rooms_of(request).store.water_works, seen_by(request).entities
    return WorkQueue(
        items=await store.works(entities, sector=sector), stock=await store.stock(entities)
    )


@get("/api/v1/water/assets", opt=READ)
async def assets(
    request: Call, sector: FromQuery[str] = "", after: FromQuery[str] = ""
) -> dict[str, list[Asset]]:
    """Assets that may be seen, five hundred at a time by reference."""
    store = rooms_of(request).store.water_works
    return {"items": await store.assets(seen_by(request).entities, sector=sector, after=after)}


async def _brought(body: bytes, read: Callable[[Path], Brought]) -> Brought:
    if not body:
        raise InvalidInput("the body is the file: a CSV or a GeoPackage", field="body")

    def opened() -> Brought:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "brought"
            path.write_bytes(body)
            with laid(path):
                return read(path)

    return await asyncio.to_thread(opened)


def _now() -> int:
    return milliseconds(datetime.now(UTC))


HANDLERS = (bring_assets, bring_works, works, assets)
