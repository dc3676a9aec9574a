"""How lists search: without case and without accents, anywhere in the words."""

import unicodedata
from collections.abc import Mapping
from typing import Any


def searchable(*words: str) -> str:
    """The one form in which names are kept for searching and in which a search is asked."""
    plain = unicodedata.normalize("NFKD", " ".join(words)).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def device_words(key: str, name: str, *, tags: Mapping[str, Any]) -> str:
    """What a device is found by: its key, its name, its tags as ``name=value``."""
    return searchable(key, name, *(f"{tag}={text}" for tag, text in tags.items()))


def pattern(q: str) -> str:
    """The LIKE pattern of a search; the sender's own % and _ mean themselves."""
    plain = searchable(q.strip()[:100])
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, "\\" + special)
    return f"%{plain}%"
