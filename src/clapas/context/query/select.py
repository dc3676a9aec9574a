"""Type selectors (clause 4.17), scope queries (4.19), attribute presence: each a jsonpath predicate."""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

from clapas.context.errors import BadRequestData, TooComplexQuery
from clapas.context.terms import Terms

LONGEST = 8_000
GRAMMAR = r"""
start: any
any: all (("|" | ",") all)*
all: term (";" term)*
?term: "(" any ")" | WORD
WORD: /[^\s();,|]+/
%ignore " "
"""
PARSER = Lark(GRAMMAR, parser="lalr")


@lru_cache(maxsize=2000)
def _parse(text: str) -> Tree[Token]:
    if len(text) > LONGEST or text.count("(") > 100:
        raise TooComplexQuery("the selector is too long")
    try:
        return PARSER.parse(text)
    except (LarkError, RecursionError) as error:
        raise BadRequestData(f"{text!r} cannot be understood") from error


def _compiled(node: Tree[Token] | Token, leaf: Callable[[str], str]) -> str:
    if isinstance(node, Token):
        return leaf(str(node))
    parts = [_compiled(each, leaf) for each in node.children]
    if len(parts) == 1:
        return parts[0]
    return "(" + (" || " if node.data == "any" else " && ").join(parts) + ")"


def _words(node: Tree[Token] | Token) -> list[str]:
    if isinstance(node, Token):
        return [str(node)]
    return [word for each in node.children for word in _words(each)]


def type_predicate(text: str, terms: Terms) -> str:
    """Entities whose types satisfy a selector; '*' is every entity."""
    if text == "*":
        return "1 == 1"
    return _compiled(_parse(text), lambda word: f'$."@type"[*] == {json.dumps(terms.expand(word))}')


def type_matches(text: str, types: Sequence[str], *, terms: Terms) -> bool:
    """The same decision for one entity in memory."""
    return text == "*" or _holds(_parse(text), lambda word: terms.expand(word) in types)


def _holds(node: Tree[Token] | Token, leaf: Callable[[str], bool]) -> bool:
    if isinstance(node, Token):
        return leaf(str(node))
    results = [_holds(each, leaf) for each in node.children]
    return all(results) if node.data == "all" else any(results)


def type_words(text: str) -> list[str]:
    """The names in a selector."""
    return _words(_parse(text))


def _scope_leaf(word: str) -> str:
    if not re.match(r"^/?(#|(\+|[^/+#]+)(/(\+|[^/+#]+))*(/#)?)$", word):
        raise BadRequestData(f"{word!r} is not a scope query")
    pattern = scope_pattern(word)
    return f'exists($."@scope"[*] ? (@ like_regex {json.dumps(pattern)}))'


def scope_pattern(word: str) -> str:
    """The regular expression of one scope with '+' (one level) and '#' (the rest)."""
    parts = word.strip("/").split("/")
    found = "^/?"
    for place, part in enumerate(parts):
        separator = "/" if place else ""
        if part == "#":
            found += "(/.*)?" if place else ".*"
        elif part == "+":
            found += separator + "[^/]+"
        else:
            found += separator + re.escape(part).replace("\\-", "-")
    return found + "$"


def scope_predicate(text: str) -> str:
    """Entities whose scopes satisfy a scope query."""
    return _compiled(_parse(text), _scope_leaf)


def scope_matches(text: str, scopes: Sequence[str]) -> bool:
    """The same decision for one entity in memory."""

    def leaf(word: str) -> bool:
        pattern = re.compile(scope_pattern(word))
        return any(pattern.match(scope) for scope in scopes)

    return _holds(_parse(text), leaf)


def attribute_predicate(iris: Sequence[str]) -> str:
    """Entities that have at least one of the attributes."""
    return "(" + " || ".join(f"exists($.{json.dumps(iri)})" for iri in iris) + ")"


def dataset_predicate(datasets: Sequence[str]) -> str:
    """Entities with an instance of one of the dataset ids ('' = the default one)."""
    tests = [
        f"exists($.*[*] ? (@.datasetId == {json.dumps(each)}))"
        if each
        else "exists($.*[*] ? (exists(@.type) && !exists(@.datasetId)))"
        for each in datasets
    ]
    return "(" + " || ".join(tests) + ")"
