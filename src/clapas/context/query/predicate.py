"""The query language compiled to one SQL/JSON path predicate, given to PostgreSQL as a parameter (clause 4.9)."""

import json
from collections.abc import Collection
from typing import Any

import msgspec

from clapas.context.errors import BadRequestData
from clapas.context.query.q import MEMBERS, Node, Path
from clapas.context.terms import Terms

RELATED = frozenset({"@.object", "@.objectList"})
"""What can be equal or not, never more or less (4.9)."""
VALUES = ("value", "object", "vocab", "json", "valueList", "objectList")
SYSTEM_HEADS = {"createdAt": "@created", "modifiedAt": "@modified", "expiresAt": "@expires"}


class Compiler:
    """Compiles a tree to a jsonpath predicate under one @context.

    ``linked``: for each path into other entities, the ids of those that satisfy what it asks.
    ``expanded``: the attributes whose values are words of the @context (expandValues).
    """

    def __init__(
        self,
        terms: Terms,
        linked: dict[Path, list[str]] | None = None,
        *,
        expanded: Collection[str] = (),
    ) -> None:
        self._terms = terms
        self._linked = linked or {}
        self._expanded = {terms.expand(name) for name in expanded}

    def predicate(self, node: Node) -> str:
        """The predicate of a node over the document."""
        if node.what in {"any", "all"}:
            joint = " || " if node.what == "any" else " && "
            return "(" + joint.join(self.predicate(part) for part in node.parts) + ")"
        path = node.path
        if path is None:
            raise BadRequestData("the query is incomplete")
        if node.what == "absent":
            return f"!({self.predicate(msgspec.structs.replace(node, what='exists'))})"
        if path.linked is not None:
            ids = self._linked.get(path, [])
            tests = [
                f"(@.object == {as_text(each)} || @.objectList == {as_text(each)})" for each in ids
            ]
            inner = " || ".join(tests) or "1 == 2"
            return f"exists({self._instances(path.names)} ? ({inner}))"
        if path.names[0] in SYSTEM_HEADS and len(path.names) == 1:
            target = f"$.{as_text(SYSTEM_HEADS[path.names[0]])}"
            return self._test(node, "$", targets=[target], whole=True)
        names, member = path.names, ""
        if len(names) > 1 and names[-1] in MEMBERS:
            names, member = names[:-1], names[-1]
        place = self._instances(names)
        targets = [f"@.{as_text(member)}"] if member else self._targets(path.inside)
        if node.what in {"compare", "match"}:
            targets = [each for each in targets if each not in RELATED]
        words = self._terms.expand(names[0]) in self._expanded
        return self._test(node, place, targets=targets, words=words)

    def _instances(self, names: tuple[str, ...]) -> str:
        return "$" + "".join(f".{as_text(self._terms.expand(name))}[*]" for name in names)

    def _targets(self, inside: tuple[str, ...]) -> list[str]:
        if not inside:
            return [*(f"@.{member}" for member in VALUES), '@.value."@value"', "@.languageMap.*"]
        tail = "".join(f".{as_text(name)}" for name in inside)
        if inside == ("*",):
            return ["@.languageMap.*"]
        return [f"@.{member}{tail}" for member in ("value", "json", "languageMap", "valueList")]

    def _test(
        self,
        node: Node,
        place: str,
        *,
        targets: list[str],
        whole: bool = False,
        words: bool = False,
    ) -> str:
        present = " || ".join(f"exists({target})" for target in targets)
        if node.what == "exists":
            return present if whole else f"exists({place} ? ({present}))"
        inner = " || ".join(
            f"exists({target} ? ({self._condition(node, words=words)}))" for target in targets
        )
        if node.operator in {"!=", "!~="}:
            inner = f"({present}) && !({inner})"
        return f"({inner})" if whole else f"exists({place} ? ({inner}))"

    def _condition(self, node: Node, *, words: bool) -> str:
        if node.what == "match":
            return f"@ like_regex {as_text(node.values[0])}"
        if node.what == "compare":
            return f"@ {node.operator} {as_text(node.values[0])}"
        tests: list[str] = []
        for value in node.values:
            if isinstance(value, tuple):
                tests.append(f"(@ >= {as_text(value[0])} && @ <= {as_text(value[1])})")
                continue
            tests.append(f"@ == {as_text(value)}")
            if words and isinstance(value, str):
                tests.append(f"@ == {as_text(self._terms.expand(value))}")
        return " || ".join(tests)


def as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
