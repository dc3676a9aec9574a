"""The articles of the charter, read from Cedar policies: each has an id, a title, a legal ground.

The policies themselves (``policies/*.cedar``) are the text that a data protection officer reads.
"""

import json
from hashlib import sha256
from importlib.resources import files
from typing import Any

import cedarpy
import msgspec

from clapas.charter.errors import CharterInvalid

KIND = {".": {"left": {"Var": "resource"}, "attr": "kind"}}
"""``resource.kind`` in Cedar's own form."""


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
    parsed: dict[str, Any]
    """Cedar's own form of each policy, by its number."""
    kinds: frozenset[str]
    """The kinds of resources that articles name; all others are alike to them."""
    slices: dict[tuple[str, str, str], "Slice"]
    """Filled as it is used: see :meth:`slice`."""

    def written(self, name: str) -> str:
        """The text of one article, '' when there is none of that id."""
        for number, policy in self.parsed.items():
            if self.identifiers[number] == name:
                return _written({number: policy})
        return ""

    def slice(self, principal: str, action: str, *, kind: str) -> "Slice":
        """The articles that can speak of this type of principal, this action and this kind of resource.

        The others cannot be satisfied, so the answer is the same, in a fraction of the time.
        """
        place = (principal, action, kind if kind in self.kinds else "")
        found = self.slices.get(place)
        if found is None:
            chosen = {
                number: each
                for number, each in self.parsed.items()
                if _speaks_of(each, principal, action=action) and _may_hold(each, place[2])
            }
            found = self.slices[place] = _slice(chosen)
        return found


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the articles, ready to be asked."""

    handle: cedarpy.PolicySet
    identifiers: dict[str, str]


def _speaks_of(policy: dict[str, Any], principal: str, *, action: str) -> bool:
    who, what = policy["principal"], policy["action"]
    if who.get("op") == "is" and who.get("entity_type") != principal:
        return False
    named = [what["entity"]] if "entity" in what else what.get("entities")
    if what.get("op") in {"==", "in"} and named:
        return any(each.get("id") == action for each in named)
    return True


def _may_hold(policy: dict[str, Any], kind: str) -> bool:
    """Could the conditions hold for this kind? False only when a part of their conjunction cannot."""
    return all(
        _true_of(each["body"], kind) is not False
        for each in policy.get("conditions", ())
        if each.get("kind") == "when"
    )


def _true_of(body: dict[str, Any], kind: str) -> bool | None:
    """What an expression says of a resource's kind alone; None when it asks for something else too."""
    if "&&" in body:
        sides = [_true_of(body["&&"][side], kind) for side in ("left", "right")]
        return False if False in sides else None
    if "!" in body:
        said = _true_of(body["!"]["arg"], kind)
        return None if said is None else not said
    named = _named(body)
    return None if named is None else kind in named


def _named(body: dict[str, Any]) -> frozenset[str] | None:
    """The kinds of ``resource.kind == "x"`` or ``["x", "y"].contains(resource.kind)``, else None."""
    if "==" in body and body["=="]["left"] == KIND:
        values = [body["=="]["right"]]
    elif "contains" in body and body["contains"]["right"] == KIND:
        values = body["contains"]["left"].get("Set")
    else:
        return None
    if values is None or not all(isinstance(each.get("Value"), str) for each in values):
        return None
    return frozenset(each["Value"] for each in values)


def _kinds(body: Any) -> set[str]:
    """Every kind that an expression names, wherever."""
    if isinstance(body, list):
        return set().union(*map(_kinds, body))
    if not isinstance(body, dict):
        return set()
    return set(_named(body) or ()).union(*map(_kinds, body.values()))


def _written(policies: dict[str, Any]) -> str:
    form = {"staticPolicies": policies, "templates": {}, "templateLinks": []}
    return cedarpy.policies_from_json_str(json.dumps(form)) if policies else ""


def _slice(policies: dict[str, Any]) -> Slice:
    text = _written(policies)
    again = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"] if text else {}
    return Slice(
        handle=cedarpy.PolicySet.from_str(text),
        identifiers={number: each["annotations"]["id"] for number, each in again.items()},
    )


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
        parsed=parsed,
        kinds=frozenset(_kinds([each.get("conditions", []) for each in parsed.values()])),
        slices={},
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
