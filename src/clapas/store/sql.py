"""Named queries, kept in ``queries/<room>.sql``: one ``-- name: x`` line, one comment, the text."""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from clapas.store.filters import written_out

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries(room: str) -> dict[str, LiteralString]:
    """The queries of one file by name.

    They come from our own package and never hold a user's string, hence the literal type.
    """
    text = (files("clapas.store") / "queries" / f"{room}.sql").read_text("utf-8")
    parts = NAME.split(written_out(text))[1:]
    return {
        name: cast("LiteralString", body.strip())
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
