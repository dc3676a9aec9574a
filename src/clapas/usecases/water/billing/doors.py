"""The doors of the files of abnormal volumes: readings for bills in, the queue, information and certificate, the PDF."""

import asyncio
import tempfile
from datetime import date, datetime
from pathlib import Path

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from clapas.domain.errors import NotFound
from clapas.store.water_files import NewFile
from clapas.usecases.routes import rooms_of, seen_by
from clapas.usecases.water.billing.commands import review_table
from clapas.usecases.water.billing.dossier import render_dossier
from clapas.usecases.water.billing.files import (
    FileQueue,
    Note,
    Readings,
    checked,
    dossier_of,
    new_file,
    queue_of,
)
from clapas.usecases.water.doors import (
    ACT,
    EXPORT,
    PDF,
    PERSONAL,
    READ,
    Call,
    attachment,
    bounded_table,
    directory_of,
    laid,
)
from clapas.usecases.water.meters.tables import read_readings
from clapas.usecases.water.watch.vault import Vault

SERVICE = "Service de l’eau"


async def _today(request: Call) -> date:
    return datetime.now(await rooms_of(request).store.territory.zone()).date()


@get("/api/v1/water/files", opt=READ)
async def files(request: Call) -> FileQueue:
    """The queue of abnormal volumes: who is to be informed first, then whose month ends first."""
    rows = await rooms_of(request).store.water_files.list(seen_by(request).entities)
    return queue_of(rows, await _today(request))


@post("/api/v1/water/files", opt=ACT, status_code=200)
async def open_files(request: Call, data: JSONBody[Readings]) -> dict[str, int]:
    """Review a table of indexes read for bills; open a file for each abnormal period of a known meter."""
    bounded_table(data.table)
    found = await asyncio.to_thread(abnormal, data)
    entities = seen_by(request, "write").entities
    opened = await rooms_of(request).store.water_files.open(entities, found)
    return {"abnormal": len(found), "opened": opened}


def abnormal(data: Readings) -> list[NewFile]:
    """The abnormal periods of a table. Raises BadTable."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "indexes.csv"
        path.write_text(data.table, encoding="utf-8")
        with laid(path):
            table = read_readings(path)
    reviews = review_table(table, {}, comparable=data.comparable)
    return [new_file(each) for each in reviews if each.verdict == "abnormal"]


@post("/api/v1/water/files/{file:int}", opt=ACT, status_code=200)
async def note(request: Call, file: FromPath[int], data: JSONBody[Note]) -> dict[str, int]:
    """The subscriber was informed (a date and its proof), or gave the plumber's certificate."""
    store = rooms_of(request).store
    entities = seen_by(request, "write").entities
    row = await store.water_files.get(entities, file)
    told = checked(data, row, today=await _today(request))
    await store.water_files.note(
        entities, file, **msgspec.structs.asdict(told), actor=str(request.user.id)
    )
    return {"id": file}


@get("/api/v1/water/files/{file:int}/dossier.pdf", opt=EXPORT)
async def dossier(request: Call, file: FromPath[int]) -> Response[bytes]:
    """The file as the subscriber receives it (PDF/A-2a, PDF/UA-1, French)."""
    row = await rooms_of(request).store.water_files.get(seen_by(request, "export").entities, file)
    body = await asyncio.to_thread(render_dossier, dossier_of(row, SERVICE))
    return attachment(body, PDF, name=f"dossier-{file}.pdf")


@get("/api/v1/water/files/{file:int}/named-dossier.pdf", opt=PERSONAL)
async def named_dossier(request: Call, file: FromPath[int]) -> Response[bytes]:
    """The file with the subscriber's name, address and contract, taken from the vault for this print alone.

    Only who may administer subscribers; the decision is in the trail. Raises NotFound without a known subscriber.
    """
    rooms = rooms_of(request)
    row = await rooms.store.water_files.get(seen_by(request).entities, file)
    sealed = next(iter(await rooms.store.water.subscribers([row.entity])), None)
    if sealed is None:
        raise NotFound(subscriber=row.entity)
    who = Vault.of(directory_of(rooms)).open(sealed)
    body = await asyncio.to_thread(render_dossier, dossier_of(row, SERVICE, who=who))
    return attachment(body, kind=PDF, name=f"dossier-{file}.pdf")


HANDLERS = (files, open_files, note, dossier, named_dossier)
