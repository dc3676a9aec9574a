"""Cut a body of JSON objects into objects, whatever its frame; tell what could not be read.

Feeds and archives come as an array, an object, one object a line (with empty lines, even first), a
concatenation, an array whose end or commas are missing. Every byte that is not blank, a comma or an
array's bracket ends up either in an object or in an unread piece: nothing is lost silently.
"""

import json
from typing import Any

import msgspec

_FRAME = " \t\r\n,[]\ufeff"
_DECODER = json.JSONDecoder()
MAX_OBJECTS = 100_000


class Split(msgspec.Struct, frozen=True):
    """The objects in their order, and the pieces that are not JSON objects."""

    objects: tuple[dict[str, Any], ...]
    unread: tuple[str, ...]


def split_objects(body: bytes) -> Split:
    """All the objects of a body, well framed or not."""
    text = body.decode("utf-8", errors="replace")
    objects: list[dict[str, Any]] = []
    unread: list[str] = []
    position = 0
    while position < len(text) and len(objects) < MAX_OBJECTS:
        if text[position] in _FRAME:
            position += 1
            continue
        value, after = _object(text, position)
        if value is None:
            unread.append(text[position:after].strip(_FRAME))
        else:
            objects.append(value)
        position = after
    if position < len(text):
        unread.append(text[position:])
    return Split(tuple(objects), tuple(unread))


def _object(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """The object that starts here and where it ends; None and the next start when there is none."""
    try:
        value, after = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, _next_start(text, start)
    return (value, after) if isinstance(value, dict) else (None, after)


def _next_start(text: str, start: int) -> int:
    """Where reading can start again: the next line or object, whichever comes first."""
    after_line = text.find("\n", start)
    after_object = text.find("},", start)
    ends = [
        end for end in (after_line, after_object + 2 if after_object >= 0 else -1) if end > start
    ]
    return min(ends, default=len(text))
