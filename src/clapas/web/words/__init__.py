"""The words of errors in the reader's language, from every room's ``words/{fr,en}.json``."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from clapas.domain.errors import ClapasError

LANGUAGES = ("fr", "en")


@cache
def words(language: str) -> dict[str, str]:
    """All words of a language, room after room."""
    found: dict[str, str] = {}
    for room in sorted(files("clapas").iterdir(), key=lambda each: each.name):
        page = room / "words" / f"{language}.json"
        if page.is_file():
            found.update(json.loads(page.read_text(encoding="utf-8")))
    return found


def error_title(error: ClapasError, language: str) -> str:
    """The short sentence of an error: the word ``error.<code>``, else its English docstring."""
    text = words(language).get(f"error.{error.code}")
    return text or (type(error).__doc__ or error.code).strip().splitlines()[0]


def preferred_language(headers: Mapping[str, str]) -> str:
    """The reader's language among ours (RFC 9110, 12.5.4); French when nothing is said."""
    best, weight = "fr", 0.0
    for part in headers.get("accept-language", "")[:200].split(","):
        name, _, quality = part.strip().partition(";q=")
        language = name.split("-")[0].lower()
        try:
            value = float(quality or 1)
        except ValueError:
            continue
        if language in LANGUAGES and value > weight:
            best, weight = language, value
    return best
