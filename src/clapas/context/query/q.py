"""The attribute query language ``q`` (clause 4.9): a grammar, a tree, and its jsonpath predicate.

A document is selected by one SQL/JSON path predicate, given to PostgreSQL as a parameter: no text of a
user ever becomes SQL.
"""

import json
import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec
from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, VisitError

from clapas.context.errors import BadRequestData, TooComplexQuery

LONGEST = 8_000
GRAMMAR = r"""
start: any
?any: all ("|" all)*              -> any_of
?all: term (";" term)*            -> all_of
?term: "(" any ")" | test
test: path                        -> exists
    | "!" path                    -> absent
    | path COMPARE VALUE          -> compare
    | path EQUAL items            -> equal
    | path PATTERN REGEX          -> match
items: item ("," item)*
item: VALUE (".." VALUE)?
path: NAME ("." NAME)* inside? linked?
inside: "[" (NAME ("." NAME)* | ANY) "]"
ANY: "*"
linked: "{" KINDS? any "}"
KINDS.3: /[^\W\d][\w\-]*(,[^\W\d][\w\-]*)*:/
COMPARE: ">=" | "<=" | ">" | "<"
EQUAL: "==" | "!="
PATTERN: "!~=" | "~="
NAME.1: /[^\W\d][\w\-]*(:[^\W\d][\w\-]*)?|https?:[\w\-%\/:#~]+/
VALUE: /"(?:[^"\\]|\\.)*"|'[^']*'|(?![=~!])(?:(?!\.\.)[^"';|(),{}<>])+/
REGEX: /"(?:[^"\\]|\\.)*"|(?:\\.|[^;|(){}\\]|\{[^{}]*\}|\((?:\\.|[^()\\])*\))+/
%ignore " "
"""
PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
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
    """A node of the tree: 'any', 'all' with parts, or a test on a path (present, absent, its value)."""

    what: str
    parts: tuple["Node", ...] = ()
    path: Path | None = None
    operator: str = ""
    values: tuple[Any, ...] = ()


def _inward(node: Node) -> Node:
    """What is asked of ``rel{a}`` is asked of ``a``, in the entity that ``rel`` leads to."""
    path = node.path
    if path is None or path.linked is None:
        return node
    inner = path.linked
    if inner.what != "exists" or inner.path is None:
        raise BadRequestData("a test inside braces and one behind them exclude each other")
    asked = _inward(msgspec.structs.replace(node, path=inner.path))
    return Node("exists", path=msgspec.structs.replace(path, linked=asked))


class _Tree(Transformer[Token, Node]):
    def start(self, found: list[Any]) -> Any:
        return found[0]

    def any_of(self, found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else Node("any", tuple(found))

    def all_of(self, found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else Node("all", tuple(found))

    def exists(self, found: list[Any]) -> Node:
        return Node("exists", path=found[0])

    def absent(self, found: list[Any]) -> Node:
        return Node("absent", path=found[0])

    def compare(self, found: list[Any]) -> Node:
        value = literal(found[2])
        return _inward(Node("compare", path=found[0], operator=str(found[1]), values=(value,)))

    def equal(self, found: list[Any]) -> Node:
        values = tuple(found[2])
        return _inward(Node("equal", path=found[0], operator=str(found[1]), values=values))

    def match(self, found: list[Any]) -> Node:
        text = str(found[2])
        pattern = json.loads(text) if text.startswith('"') and _is_json(text) else text.strip('"')
        return _inward(Node("match", path=found[0], operator=str(found[1]), values=(pattern,)))

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
def parse(text: str, *, encoded: bool = False) -> Node:
    """The tree of a query. Raises BadRequestData, TooComplexQuery.

    ``encoded``: the query may have been written as it would stand in an address, though it is in a body,
    where nothing is percent-encoded: what must be equal is so as written, and decoded.
    """
    return _as_written_or_decoded(parse(text)) if encoded else _parsed(text)


def _as_written_or_decoded(node: Node) -> Node:
    path = node.path
    if path is not None and path.linked is not None:
        path = msgspec.structs.replace(path, linked=_as_written_or_decoded(path.linked))
    values = node.values
    if node.what == "equal":
        escaped = [each for each in values if isinstance(each, str) and ESCAPE.search(each)]
        values = (*values, *map(_decoded, escaped))
    parts = tuple(_as_written_or_decoded(each) for each in node.parts)
    return msgspec.structs.replace(node, parts=parts, path=path, values=values)


def _decoded(text: str) -> Any:
    """A text decoded; its quotes may have been encoded too."""
    plain = unquote(text)
    return literal(plain) if plain.startswith('"') else plain


def _parsed(text: str) -> Node:
    if len(text) > LONGEST or text.count("(") > 100:
        raise TooComplexQuery("the query is too long")
    try:
        tree: Any = PARSER.parse(text)
        return _Tree().transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, BadRequestData):
            raise error.orig_exc from error
        raise BadRequestData(f"the query {text!r} cannot be understood") from error
    except (LarkError, RecursionError) as error:
        raise BadRequestData(f"the query {text!r} cannot be understood") from error


def linked_paths(node: Node) -> list[Path]:
    """Every path of the tree that leads into other entities."""
    found = [node.path] if node.path is not None and node.path.linked is not None else []
    for part in node.parts:
        found += linked_paths(part)
    return found


def depth(node: Node) -> int:
    """How many steps into linked entities a query goes."""
    own = 1 + depth(node.path.linked) if node.path is not None and node.path.linked else 0
    return max([own, *(depth(part) for part in node.parts)])


def names_of(node: Node) -> set[str]:
    """The attributes that a query speaks of."""
    found = {node.path.names[0]} if node.path is not None else set()
    return found.union(*(names_of(part) for part in node.parts))


def is_sharp(node: Node) -> bool:
    """Whether a text or a number must be equal: few entities satisfy that, and an index knows which."""
    if node.what == "all":
        return any(is_sharp(part) for part in node.parts)
    return (
        node.what == "equal"
        and node.operator == "=="
        and not any(isinstance(value, bool | tuple) for value in node.values)
    )
