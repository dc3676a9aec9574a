"""Tests on entities as trees: those of a relation, and a filter of observations taken apart."""

import msgspec

from clapas.domain.window import milliseconds
from clapas.opendata.sensorthings.model import Row
from clapas.store.odata import FilterRefused, Node, conjuncts, paths_of
from clapas.store.sensorthings import LAST

TIMES = {"gt": (1, 0), "ge": (0, 0), "lt": (0, 0), "le": (0, 1)}


def equals(path: str, value: float) -> Node:
    """The test that a path equals a number."""
    return Node("compared", "eq", (Node("path", path), Node("value", "number", value=float(value))))


def both(*nodes: Node | None) -> Node | None:
    """All of these tests."""
    held = tuple(each for each in nodes if each is not None)
    return held[0] if len(held) == 1 else Node("both", parts=held) if held else None


def streams_of(parent: Row | None) -> Node | None:
    """The test that streams belong to a Datastream, or to a feature's thing."""
    if parent is None:
        return None
    return equals("id" if "thing" in parent else "Thing/id", parent["id"])


def divided(where: Node | None) -> tuple[Node | None, Node | None, int, int]:
    """A filter of observations: of their own members, of their streams, and the time it leaves.

    Raises FilterRefused when one alternative speaks of both.
    """
    own: list[Node] = []
    theirs: list[Node] = []
    start, end = 0, LAST
    for part in conjuncts(where) if where is not None else ():
        heads = {path.partition("/")[0] for path in paths_of(part)}
        if heads <= {"Datastream", "FeatureOfInterest"} and heads:
            theirs.append(_of_stream(part))
        elif heads & {"Datastream", "FeatureOfInterest"}:
            raise FilterRefused("one alternative speaks of observations and of their streams")
        else:
            own.append(_with_ids(part))
            start, end = _narrowed(part, start, end=end)
    return both(*own), both(*theirs), start, end


def _of_stream(node: Node) -> Node:
    """A test on a Datastream's members, as the stream itself sees them."""
    name = node.name
    if node.what == "path":
        head, _, rest = name.partition("/")
        name = rest or "id" if head == "Datastream" else f"Thing/{rest}"
    return msgspec.structs.replace(
        node, name=name, parts=tuple(_of_stream(each) for each in node.parts)
    )


def _with_ids(node: Node) -> Node:
    if node.what == "path" and node.name in {"id", "@iot.id"}:
        raise FilterRefused("an observation is asked for by its address")
    for each in node.parts:
        _with_ids(each)
    return node


def _narrowed(part: Node, start: int, *, end: int) -> tuple[int, int]:
    """The time that a comparison of phenomenonTime leaves."""
    if part.what != "compared" or part.name not in {*TIMES, "eq"}:
        return start, end
    left, right = part.parts
    if left.name != "phenomenonTime" or right.name != "moment":
        return start, end
    at = milliseconds(right.value)
    if part.name == "eq":
        return max(start, at), min(end, at + 1)
    more, less = TIMES[part.name]
    if part.name in {"gt", "ge"}:
        return max(start, at + more), end
    return start, min(end, at + less)
