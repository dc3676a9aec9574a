"""What every door of the water trade asks and answers with: rights, a file to keep, a bounded table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar import Request, Response

from clapas.domain.errors import InvalidInput
from clapas.usecases.routes import Rooms

Call = Request[Any, Any, Any]
READ = {"action": "read", "kind": "entity"}
EXPORT = {"action": "export", "kind": "series"}
ACT = {"action": "write", "kind": "alarm"}
PERSONAL = {"action": "administer", "kind": "subscriber"}
OPEN = {"action": "write", "kind": "session", "csrf": False}
LONGEST_TABLE = 5_000_000
"""Characters of a table that is brought: about a hundred thousand lines."""
PDF, CSV, GEOPACKAGE = (
    "application/pdf",
    "text/csv",
    "application/geopackage+sqlite3",
)


def attachment(body: bytes, kind: str, *, name: str) -> Response[bytes]:
    """A file that the browser keeps under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=kind, headers=headers)


def bounded_table(text: str) -> str:
    """The table, when it is not too long. Raises InvalidInput."""
    if len(text) > LONGEST_TABLE:
        raise InvalidInput("too long a table", field="table", limit=LONGEST_TABLE)
    return text


@contextmanager
def laid(path: Path) -> Iterator[None]:
    """What is wrong with a table that was brought is told without the place where we laid it. Raises InvalidInput."""
    try:
        yield
    except InvalidInput as error:
        values = {name: value for name, value in error.values.items() if name != "path"}
        raise type(error)(str(error).removeprefix(f"{path}: "), **values) from error


def directory_of(rooms: Rooms) -> Path:
    """The data directory, which holds the vault's key. Raises InvalidInput when the platform has none."""
    if rooms.directory is None:
        raise InvalidInput("this platform has no data directory for the vault's key")
    return rooms.directory
