"""The order of what a query finds: orderBy, by values, system times, ids or distance (clause 4.23)."""

from collections.abc import Sequence
from typing import Any

import msgspec
from shapely.geometry import shape

from clapas.context.collation import Key, read_collation
from clapas.context.editing import value_of
from clapas.context.errors import BadRequestData
from clapas.context.geometry import check_geometry
from clapas.context.model import GEOMETRIES
from clapas.context.query.geo import distance
from clapas.context.query.q import MEMBERS
from clapas.context.terms import Terms

DIRECTIONS = ("asc", "desc", "dist-asc", "dist-desc")
SYSTEM = {"createdAt": "@created", "modifiedAt": "@modified", "expiresAt": "@expires"}

Held = tuple[str, dict[str, Any]]
"""An entity's id and some members of its document."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an ordering: a member of the document, or a path below it."""

    iri: str
    path: tuple[str, ...] = ()
    descending: bool = False
    origin: Any = None
    collate: Key | None = None
    """What texts are sorted by; None: their code points."""


def read_orders(
    text: str,
    terms: Terms,
    *,
    origin: Any = None,
    geometry: str | None = None,
    collation: str | None = None,
) -> tuple[Order, ...]:
    """``orderBy``: keys by comma, each with an optional direction after ';'. Raises BadRequestData."""
    collate = read_collation(collation)
    found: list[Order] = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(";")
        if not name or (direction and direction not in DIRECTIONS):
            raise BadRequestData(f"orderBy: {part!r} cannot be understood")
        head, *rest = name.replace("[", ".").replace("]", "").split(".")
        start = None
        if direction.startswith("dist-"):
            if origin is None:
                raise BadRequestData("ordering by distance needs orderFrom")
            wanted = {"type": geometry or "Point", "coordinates": origin}
            check_geometry(wanted, "orderFrom")
            start = shape(wanted)
        path = tuple(each if each in MEMBERS else terms.expand(each) for each in rest)
        iri = {"id": "@id", "type": "@type", "scope": "@scope", **SYSTEM}.get(head)
        found.append(
            Order(
                iri=iri or terms.expand(head),
                path=path,
                descending=direction.endswith("desc"),
                origin=start,
                collate=collate,
            )
        )
    return tuple(found)


def sorted_by(orders: Sequence[Order], found: list[Held]) -> list[Held]:
    """What was found in the order asked for; equals as they were, what has no such value last."""
    for order in reversed(orders):
        keyed = [(_key(order, each), each) for each in found]
        present = [each for each in keyed if each[0] is not None]
        absent = [each for key, each in keyed if key is None]
        present.sort(key=lambda pair: pair[0] or (), reverse=order.descending)
        found = [each for _, each in present] + absent
    return found


def _key(order: Order, found: Held) -> tuple[int, Any] | None:
    """What an entity is sorted by: numbers before texts before the rest; None when it has nothing."""
    name, members = found
    if order.iri == "@id":
        return 1, name
    held = members.get(order.iri)
    if order.iri[0] == "@":
        return None if held is None else (1, held[0] if isinstance(held, list) else held)
    if not held:
        return None
    value = _followed(held[0], order.path)
    if order.origin is not None:
        if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
            return None
        return 0, distance(shape(value), order.origin)
    return _sortable(value, collate=order.collate)


def _followed(instance: dict[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        inner = instance.get(name)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            instance = inner[0]
        elif name in instance:
            return inner
        else:
            value = value_of(instance)
            return value.get(name) if isinstance(value, dict) else None
    return value_of(instance)


def _sortable(value: Any, *, collate: Key | None) -> tuple[int, Any] | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, collate(value) if collate else value
    return 3, str(value)
