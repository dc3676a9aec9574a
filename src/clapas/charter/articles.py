"""The articles of the charter, read from Cedar policies: each has an id, a title, a legal ground.

The policies themselves (``policies/*.cedar``) are the text that a data protection officer reads.
"""

import json
from hashlib import sha256
from importlib.resources import files

import cedarpy
import msgspec

from clapas.charter.errors import CharterInvalid


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """One article: its id, its titles in both languages, its legal ground, what it does."""

    id: str
    titre: str
    title: str
    fondement: str
    effect: str


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """Validated policies, ready to be asked; ``version`` is the SHA-256 of their text."""

    text: str
    version: str
    articles: dict[str, Article]
    handle: cedarpy.PolicySet
    identifiers: dict[str, str]
    """Cedar's own policy number → the article's id."""


def packaged_text() -> str:
    """The default articles that ship with Clapas, all files in the order of their names."""
    folder = files("clapas.charter") / "policies"
    found = sorted(each.name for each in folder.iterdir() if each.name.endswith(".cedar"))
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in found)


def packaged_schema() -> str:
    """The vocabulary that articles may use, as a Cedar schema."""
    schema = files("clapas.charter") / "policies" / "clapas.cedarschema"
    return schema.read_text(encoding="utf-8")


def read_policies(text: str, *, schema: str) -> Policies:
    """Parse and check articles against the vocabulary.

    Raises CharterInvalid when one does not parse, uses a word that the vocabulary lacks, or has no id.
    """
    try:
        handle = cedarpy.PolicySet.from_str(text)
        parsed = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
        validation = cedarpy.validate_policies(text, schema)
    except ValueError as error:
        raise CharterInvalid(str(error)) from error
    if not validation.validation_passed:
        raise CharterInvalid("; ".join(str(each) for each in validation.errors))
    articles = {number: _article(number, policy) for number, policy in parsed.items()}
    by_id = {article.id: article for article in articles.values()}
    if len(by_id) != len(articles):
        raise CharterInvalid("two articles have the same id")
    return Policies(
        text=text,
        version=sha256(text.encode()).hexdigest(),
        articles=by_id,
        handle=handle,
        identifiers={number: article.id for number, article in articles.items()},
    )


def _article(number: str, policy: dict[str, object]) -> Article:
    notes = policy.get("annotations")
    if not isinstance(notes, dict) or not notes.get("id") or not notes.get("titre"):
        raise CharterInvalid(f"article {number} lacks @id or @titre")
    return Article(
        id=str(notes["id"]),
        titre=str(notes["titre"]),
        title=str(notes.get("title") or notes["titre"]),
        fondement=str(notes.get("fondement") or ""),
        effect=str(policy.get("effect", "")),
    )
