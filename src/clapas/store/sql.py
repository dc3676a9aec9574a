"""Named queries, kept in ``queries/<room>.sql``: one ``-- name: x`` line, one comment, the text.

What several queries of a file say alike stands at its head, after ``-- part: x``; they say ``/*part x*/``.
"""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

from clapas.store.filters import written_out

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
PART = re.compile(r"^-- part: (\w+)$", re.MULTILINE)
USE = re.compile(r"/\*part (\w+)\*/")


@cache
def queries(room: str) -> dict[str, LiteralString]:
    """The queries of one file by name.

    They come from our own package and never hold a user's string, hence the literal type.
    """
    text = (files("clapas.store") / "queries" / f"{room}.sql").read_text("utf-8")
    head, *named = NAME.split(written_out(text))
    parts = _cut(PART.split(head)[1:])
    return {
        name: USE.sub(lambda found: parts[found[1]], body) for name, body in _cut(named).items()
    }


def _cut(pieces: list[str]) -> dict[str, str]:
    """Names and texts that follow each other, as a dictionary."""
    return {name: body.strip() for name, body in zip(pieces[::2], pieces[1::2], strict=True)}
