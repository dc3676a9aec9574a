"""The order of words: the root collation of Unicode for Latin letters (UTS 10; clause 4.23.3, RFC 6067)."""

import re
import unicodedata
from collections.abc import Callable

from clapas.context.errors import BadRequestData

Key = Callable[[str], tuple[str, str, str]]
"""What a word is sorted by."""
TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-[a-z]{2}|-[0-9]{3})?(-u-co-(?P<kind>standard|phonebk))?",
    re.IGNORECASE,
)
ROOT = frozenset({"und", "ca", "de", "en", "eu", "fr", "ga", "id", "it", "nl", "oc", "pt"})
"""Languages that CLDR orders as the root does."""
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE"})


def read_collation(tag: str | None) -> Key | None:
    """The order that a language tag asks for, None without one.

    The root order, or that of German phone books. Raises BadRequestData: no other is offered.
    """
    if tag is None:
        return None
    found = TAG.fullmatch(tag)
    language = found["language"].lower() if found else ""
    if found and found["kind"] and found["kind"].lower() == "phonebk" and language == "de":
        return phone_book
    if found is None or language not in ROOT or (found["kind"] or "standard").lower() != "standard":
        raise BadRequestData(f"the collation {tag!r} is not offered: und is")
    return collation_key


def collation_key(text: str) -> tuple[str, str, str]:
    """Base letters first, then accents, then small letters before capitals."""
    split = unicodedata.normalize("NFD", text)
    base = "".join(each for each in split if not unicodedata.combining(each))
    return base.casefold(), split.casefold(), text.swapcase()


def phone_book(text: str) -> tuple[str, str, str]:
    """As the root, but ä, ö and ü stand with ae, oe and ue (DIN 5007-2; CLDR ``de``, ``phonebk``)."""
    base, _, _ = collation_key(unicodedata.normalize("NFC", text).translate(UMLAUTS))
    _, *rest = collation_key(text)
    return base, rest[0], rest[1]
