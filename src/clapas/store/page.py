"""Keyset paging: the cursor is the last row's key, opaque to those who carry it."""

import base64
from typing import Any

import msgspec

from clapas.domain.errors import InvalidInput

MOST = 1000


def bounded(limit: int) -> int:
    """A page's size between 1 and 1,000."""
    return max(1, min(limit, MOST))


def cursor(*key: Any) -> str:
    """The opaque form of a key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(after: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The key in a cursor, checked against the kinds of its parts. Raises InvalidInput."""
    if after is None:
        return None
    try:
        text = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        return tuple(msgspec.json.decode(text, type=tuple.__class_getitem__(kinds)))
    except ValueError as error:
        raise InvalidInput("this page cursor is not one of ours", after=after) from error
