"""The order of words: the root collation of Unicode for Latin letters (UTS 10; clause 4.23.3, RFC 6067)."""

import re
import unicodedata

from clapas.context.errors import BadRequestData

TAG = re.compile(r"^([A-Za-z]{2,3})(-[A-Za-z]{2}|-[0-9]{3})?$")
ROOT = frozenset({"und", "ca", "de", "en", "eu", "fr", "ga", "id", "it", "nl", "oc", "pt"})
"""Languages that CLDR orders as the root does."""


def check_collation(tag: str) -> None:
    """Raise BadRequestData unless a language tag asks for the root order: no other is offered."""
    found = TAG.match(tag)
    if found is None or found[1].lower() not in ROOT:
        raise BadRequestData(f"the collation {tag!r} is not offered: und is")


def collation_key(text: str) -> tuple[str, str, str]:
    """Base letters first, then accents, then small letters before capitals."""
    split = unicodedata.normalize("NFD", text)
    base = "".join(each for each in split if not unicodedata.combining(each))
    return base.casefold(), split.casefold(), text.swapcase()
