"""The attribute query language ``q`` (clause 4.9): a grammar, a tree, and its jsonpath predicate.

A document is selected by one SQL/JSON path predicate, given to PostgreSQL as a parameter: no text of a
user ever becomes SQL.
"""

import json
from functools import lru_cache
from typing import Any

import msgspec
from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

from clapas.context.errors import BadRequestData, TooComplexQuery
from clapas.context.terms import Terms

LONGEST = 8_000
GRAMMAR = r"""
start: any
?any: all ("|" all)*              -> any_of
?all: term (";" term)*            -> all_of
?term: "(" any ")" | test
test: path                        -> exists
    | path COMPARE VALUE          -> compare
    | path EQUAL items            -> equal
    | path PATTERN REGEX          -> match
items: item ("," item)*
item: VALUE (".." VALUE)?
path: NAME ("." NAME)* inside? linked?
inside: "[" NAME ("." NAME)* "]"
linked: "{" KINDS? any "}"
KINDS.3: /[^\W\d][\w\-]*(,[^\W\d][\w\-]*)*:/
COMPARE: ">=" | "<=" | ">" | "<"
EQUAL: "==" | "!="
PATTERN: "!~=" | "~="
NAME.1: /[^\W\d][\w\-]*(:[^\W\d][\w\-]*)?|https?:[\w\-%\/:#~]+/
VALUE: /"(?:[^"\\]|\\.)*"|'[^']*'|(?:(?!\.\.)[^"';|(),{}])+/
REGEX: /"(?:[^"\\]|\\.)*"|(?:\\.|[^;|(){}\\]|\{[^{}]*\}|\((?:\\.|[^()\\])*\))+/
%ignore " "
"""
PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)
VALUES = ("value", "object", "vocab", "json", "valueList", "objectList")
SYSTEM_HEADS = {"createdAt": "@created", "modifiedAt": "@modified", "expiresAt": "@expires"}
MEMBERS = frozenset(
    {"observedAt", "unitCode", "datasetId", "createdAt", "modifiedAt", "expiresAt", "deletedAt"}
    | {"objectType"}
)


class Path(msgspec.Struct, frozen=True):
    """Where to look: attribute and sub-attributes, inside its value, in a linked entity."""

    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    linked: "Node | None" = None
    kinds: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """A node of the tree: 'any', 'all' with parts, or a test on a path."""

    what: str
    parts: tuple["Node", ...] = ()
    path: Path | None = None
    operator: str = ""
    values: tuple[Any, ...] = ()


class _Tree(Transformer[Token, Node]):
    def start(self, found: list[Any]) -> Any:
        return found[0]

    def any_of(self, found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else Node("any", tuple(found))

    def all_of(self, found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else Node("all", tuple(found))

    def exists(self, found: list[Any]) -> Node:
        return Node("exists", path=found[0])

    def compare(self, found: list[Any]) -> Node:
        return Node("compare", path=found[0], operator=str(found[1]), values=(literal(found[2]),))

    def equal(self, found: list[Any]) -> Node:
        return Node("equal", path=found[0], operator=str(found[1]), values=tuple(found[2]))

    def match(self, found: list[Any]) -> Node:
        text = str(found[2])
        pattern = json.loads(text) if text.startswith('"') and _is_json(text) else text.strip('"')
        return Node("match", path=found[0], operator=str(found[1]), values=(pattern,))

    def items(self, found: list[Any]) -> list[Any]:
        return found

    def item(self, found: list[Any]) -> Any:
        values = [literal(each) for each in found]
        return values[0] if len(values) == 1 else tuple(values)

    def path(self, found: list[Any]) -> Path:
        names = tuple(str(each) for each in found if isinstance(each, Token))
        inside: tuple[str, ...] = ()
        linked, kinds = None, ()
        for each in found:
            if isinstance(each, list):
                inside = tuple(each)
            elif isinstance(each, tuple):
                kinds, linked = each
        return Path(names, inside, linked, kinds)

    def inside(self, found: list[Any]) -> list[str]:
        return [str(each) for each in found]

    def linked(self, found: list[Any]) -> tuple[Any, Any]:
        kinds = tuple(str(found[0]).rstrip(":").split(",")) if len(found) == 2 else ()
        return kinds, found[-1]

    def test(self, found: list[Any]) -> Any:
        return found[0]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def literal(token: str) -> Any:
    """The value of a literal: a quoted text, a number, a boolean, else the text itself (a URI, a time)."""
    text = str(token).strip()
    if text.startswith('"'):
        return str(json.loads(text)) if _is_json(text) else text[1:-1]
    if text.startswith("'"):
        return text[1:-1]
    if text in {"true", "false"}:
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124
        return text
    return int(text) if text.lstrip("+-").isdigit() else number


@lru_cache(maxsize=2000)
def parse(text: str) -> Node:
    """The tree of a query. Raises BadRequestData, TooComplexQuery."""
    if len(text) > LONGEST or text.count("(") > 100:
        raise TooComplexQuery("the query is too long")
    try:
        tree: Any = PARSER.parse(text)
        return _Tree().transform(tree)
    except (LarkError, RecursionError) as error:
        raise BadRequestData(f"the query {text!r} cannot be understood") from error


def linked_paths(node: Node) -> list[Path]:
    """Every path of the tree that leads into other entities."""
    found = [node.path] if node.path is not None and node.path.linked is not None else []
    for part in node.parts:
        found += linked_paths(part)
    return found


def is_sharp(node: Node) -> bool:
    """Whether a text or a number must be equal: few entities satisfy that, and an index knows which."""
    if node.what == "all":
        return any(is_sharp(part) for part in node.parts)
    return (
        node.what == "equal"
        and node.operator == "=="
        and not any(isinstance(value, bool | tuple) for value in node.values)
    )


class Compiler:
    """Compiles a tree to a jsonpath predicate under one @context.

    ``linked``: for each path into other entities, the ids of those that satisfy what it asks.
    """

    def __init__(self, terms: Terms, linked: dict[Path, list[str]] | None = None) -> None:
        self._terms = terms
        self._linked = linked or {}

    def predicate(self, node: Node) -> str:
        """The predicate of a node over the document."""
        if node.what in {"any", "all"}:
            joint = " || " if node.what == "any" else " && "
            return "(" + joint.join(self.predicate(part) for part in node.parts) + ")"
        path = node.path
        if path is None:
            raise BadRequestData("the query is incomplete")
        if path.linked is not None:
            ids = self._linked.get(path, [])
            tests = [
                f"(@.object == {_text(each)} || @.objectList == {_text(each)})" for each in ids
            ]
            inner = " || ".join(tests) or "1 == 2"
            return f"exists({self._instances(path.names)} ? ({inner}))"
        if path.names[0] in SYSTEM_HEADS and len(path.names) == 1:
            target = f"$.{_text(SYSTEM_HEADS[path.names[0]])}"
            return self._test(node, "$", [target], whole=True)
        names, member = path.names, ""
        if len(names) > 1 and names[-1] in MEMBERS:
            names, member = names[:-1], names[-1]
        place = self._instances(names)
        targets = [f"@.{_text(member)}"] if member else self._targets(path.inside)
        return self._test(node, place, targets)

    def _instances(self, names: tuple[str, ...]) -> str:
        return "$" + "".join(f".{_text(self._terms.expand(name))}[*]" for name in names)

    def _targets(self, inside: tuple[str, ...]) -> list[str]:
        if not inside:
            return [*(f"@.{member}" for member in VALUES), '@.value."@value"', "@.languageMap.*"]
        tail = "".join(f".{_text(name)}" for name in inside)
        found = [f"@.{member}{tail}" for member in ("value", "json", "languageMap", "valueList")]
        if inside == ("*",):
            found.append("@.languageMap.*")
        return found

    def _test(self, node: Node, place: str, targets: list[str], *, whole: bool = False) -> str:
        present = " || ".join(f"exists({target})" for target in targets)
        if node.what == "exists":
            return present if whole else f"exists({place} ? ({present}))"
        inner = " || ".join(
            f"exists({target} ? ({self._condition(node, target)}))" for target in targets
        )
        if node.operator in {"!=", "!~="}:
            inner = f"({present}) && !({inner})"
        return f"({inner})" if whole else f"exists({place} ? ({inner}))"

    def _condition(self, node: Node, target: str) -> str:
        if node.what == "match":
            return f"@ like_regex {_text(node.values[0])}"
        if node.what == "compare":
            return f"@ {node.operator} {_text(node.values[0])}"
        tests: list[str] = []
        for value in node.values:
            if isinstance(value, tuple):
                tests.append(f"(@ >= {_text(value[0])} && @ <= {_text(value[1])})")
                continue
            tests.append(f"@ == {_text(value)}")
            if target == "@.vocab" and isinstance(value, str):
                tests.append(f"@ == {_text(self._terms.expand(value))}")
        return " || ".join(tests)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
