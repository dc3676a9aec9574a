"""The filter language of OData as SensorThings uses it: a grammar and its tree (OGC 18-088, clause 9.3.3.5)."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, VisitError

from clapas.domain.errors import InvalidInput

LONGEST = 8_000
GRAMMAR = r"""
?start: either
?either: both ("or" both)*            -> either
?both: denied ("and" denied)*         -> both
?denied: _NOT denied                  -> denied
       | compared
?compared: sum (COMPARE sum)?         -> compared
?sum: product (ADD product)*          -> chain
?product: atom (MUL atom)*            -> chain
?atom: "(" either ")"
     | NAME "(" (either ("," either)*)? ")" -> call
     | GEO                            -> geography
     | DURATION                       -> duration
     | STRING                         -> string
     | DATE_TIME                      -> moment
     | NUMBER                         -> number
     | TRUTH                          -> truth
     | PATH                           -> path
_NOT.6: /not(?=[\s(])/
COMPARE.3: /\b(eq|ne|gt|ge|lt|le)\b/
ADD.3: /\b(add|sub)\b/
MUL.3: /\b(mul|div|mod)\b/
TRUTH.4: /\b(true|false|null)\b/
GEO.5: /geography'[^']*'/
DURATION.5: /duration'[^']*'/
STRING.3: /'(?:[^']|'')*'/
DATE_TIME.5: /\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?/
NUMBER.2: /-?\d+(\.\d+)?([eE][+-]?\d+)?/
NAME.2: /[a-z_.]+(?=\()/
PATH.1: /@?[A-Za-z][\w.]*(\(('[^']*'|\d+)\))?(\/@?[A-Za-z_][\w.]*)*/
%ignore /\s+/
"""
PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


class FilterRefused(InvalidInput):
    """This $filter or $orderby cannot be understood, or asks for what there is not."""

    code = "filter_refused"


class Node(msgspec.Struct, frozen=True):
    """``what``: either, both, denied, compared, call, path, value, geography; its operator or name; its parts.

    'among' is our own: a path whose value is one of several whole numbers.
    """

    what: str
    name: str = ""
    parts: tuple["Node", ...] = ()
    value: Any = None


def _joined(what: str) -> Any:
    def make(_: Any, found: list[Node]) -> Node:
        return found[0] if len(found) == 1 else Node(what, parts=tuple(found))

    return make


class _Tree(Transformer[Token, Node]):
    either = _joined("either")
    both = _joined("both")

    def denied(self, found: list[Node]) -> Node:
        return Node("denied", parts=tuple(found))

    def compared(self, found: list[Any]) -> Node:
        return (
            found[0] if len(found) == 1 else Node("compared", str(found[1]), (found[0], found[2]))
        )

    def chain(self, found: list[Any]) -> Node:
        made: Node = found[0]
        for place in range(1, len(found), 2):
            made = Node("call", str(found[place]), (made, found[place + 1]))
        return made

    def call(self, found: list[Any]) -> Node:
        return Node("call", str(found[0]), tuple(found[1:]))

    def geography(self, found: list[Any]) -> Node:
        return Node("geography", value=str(found[0])[len("geography'") : -1])

    def duration(self, found: list[Any]) -> Node:
        return Node("value", "duration", value=str(found[0])[len("duration'") : -1])

    def string(self, found: list[Any]) -> Node:
        return Node("value", "text", value=str(found[0])[1:-1].replace("''", "'"))

    def moment(self, found: list[Any]) -> Node:
        at = datetime.fromisoformat(str(found[0]))
        return Node("value", "moment", value=at if at.tzinfo else at.replace(tzinfo=UTC))

    def number(self, found: list[Any]) -> Node:
        return Node("value", "number", value=float(found[0]))

    def truth(self, found: list[Any]) -> Node:
        return Node("value", "truth", value={"true": True, "false": False, "null": None}[found[0]])

    def path(self, found: list[Any]) -> Node:
        return Node("path", str(found[0]))


@lru_cache(maxsize=1000)
def parse_filter(text: str) -> Node:
    """The tree of a $filter. Raises FilterRefused."""
    if len(text) > LONGEST or text.count("(") > 100:
        raise FilterRefused("the filter is too long", field="$filter")
    try:
        tree: Any = PARSER.parse(text)
        return _Tree().transform(tree)
    except (LarkError, VisitError, ValueError, RecursionError) as error:
        raise FilterRefused(f"the filter {text[:200]!r} cannot be understood") from error


def conjuncts(node: Node) -> list[Node]:
    """The parts that must all hold."""
    if node.what == "both":
        return [each for part in node.parts for each in conjuncts(part)]
    return [node]


def paths_of(node: Node) -> set[str]:
    """The paths that a tree speaks of."""
    own = {node.name} if node.what == "path" else set()
    return own.union(*(paths_of(part) for part in node.parts))
