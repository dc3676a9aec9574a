"""The files of abnormal water volumes: opened from readings for bills, followed until the certificate."""

from collections.abc import Sequence
from datetime import date

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.store import filters
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("water_files")
MOST = 500


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    """An abnormal period of a meter: volume and reference in m³, ``years`` the volumes that made it."""

    meter: str
    starts: date
    ends: date
    volume: float
    reference: float
    source: str
    years: dict[int, float]
    context: str


class FileRow(msgspec.Struct, frozen=True):
    """A file: its period, volumes in m³, and how far it is."""

    id: int
    entity: str
    starts: date
    ends: date
    volume: float
    reference: float
    source: str
    years: dict[str, float]
    context: str
    informed: date | None
    proof: str
    certificate: date | None
    name: str
    commune: str


class WaterFiles:
    """The table of files."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def open(self, rows: RowFilter, files: Sequence[NewFile]) -> int:
        """Open files of the meters that may be seen; gives how many are new."""
        body = msgspec.json.encode(files).decode()
        return await self._postgres.run(SQL["open"], files=body, **filters.values(rows))

    async def list(self, rows: RowFilter) -> list[FileRow]:
        """At most 500 files, what is to be done first first."""
        found = await self._postgres.rows(SQL["list"], id=0, limit=MOST, **filters.values(rows))
        return [FileRow(*row) for row in found]

    async def get(self, rows: RowFilter, file: int) -> FileRow:
        """A file. Raises NotFound, also when it may not be seen."""
        found = await self._postgres.row(SQL["list"], id=file, limit=1, **filters.values(rows))
        if found is None or file <= 0:
            raise NotFound(file=file)
        return FileRow(*found)

    async def note(
        self,
        rows: RowFilter,
        file: int,
        *,
        informed: date | None,
        proof: str,
        certificate: date | None,
        actor: str,
    ) -> None:
        """Write the information with its proof, or the certificate. Raises NotFound."""
        values = {"id": file, "informed": informed, "proof": proof, "certificate": certificate}
        found = await self._postgres.row(SQL["note"], **values, actor=actor, **filters.values(rows))
        if found is None:
            raise NotFound(file=file)
