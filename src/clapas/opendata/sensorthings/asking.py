"""Reading an address and its options: ``Things(1)/Datastreams?$filter=…&$expand=…`` (OGC 18-088, clauses 9.2, 9.3)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clapas.domain.errors import InvalidInput, NotFound
from clapas.opendata.sensorthings.model import SETS, Lead, Set
from clapas.store.odata import Node, parse_filter

SEGMENT = re.compile(r"^(?P<name>[A-Za-z]+)(\((?P<id>'[^']{1,80}'|\d{1,18})\))?$")
TOP, MOST = 100, 1_000
MOST_OBSERVATIONS = 10_000
DEEPEST = 6
OPTIONS = frozenset(
    {"$filter", "$orderby", "$top", "$skip", "$count", "$select", "$expand", "$resultFormat"}
    | {"$skiptoken"}
)
PLACE = frozenset({"$top", "$skip", "$skiptoken"})
FORMATS = ("", "JSON", "dataArray", "GeoJSON")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a set."""

    where: Node | None = None
    order: tuple[tuple[str, bool], ...] = ()
    top: int = TOP
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    expand: "tuple[tuple[str, Options], ...]" = ()
    form: str = ""
    before: tuple[int, int] | None = None
    """Observations after this one in the order of time: (milliseconds, series)."""
    said: tuple[tuple[str, str], ...] = ()
    """The options as they were written, but for the place of the page: the next one asks for the same."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of the path: a set or a navigation, with an id or without."""

    name: str
    id: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """The path: steps, then perhaps a member, its bare value, or references only."""

    steps: tuple[Step, ...]
    member: tuple[str, ...] = ()
    bare: bool = False
    references: bool = False


def read_address(path: str) -> Address:
    """The address of a path below the service's root. Raises NotFound."""
    parts = [each for each in path.split("/") if each]
    steps: list[Step] = []
    members: list[str] = []
    ends = ""
    current: Set | None = None
    for part in parts:
        if part in {"$value", "$ref", "$count"}:
            ends = part
            continue
        found = SEGMENT.match(part)
        lead = _lead(current, found["name"]) if found else None
        if found and lead is not None and not members and not ends:
            current = lead.target
            given = found["id"].strip("'") if found["id"] else None
            steps.append(Step(name=found["name"], id=given))
        elif steps and not ends:
            members.append(part)
        else:
            raise NotFound(path=path[:200])
    if not steps or (members and len(members) > 3):
        raise NotFound(path=path[:200])
    return Address(
        steps=tuple(steps),
        member=tuple(members),
        bare=ends in {"$value", "$count"},
        references=ends == "$ref",
    )


def _lead(current: Set | None, name: Any) -> Lead | None:
    if current is None:
        return Lead(target=name, many=True) if name in SETS else None
    return SETS[current].get(name)


def read_options(params: Mapping[str, str], set_: Set, *, depth: int = 0) -> Options:
    """The options of a request, or those inside an expansion. Raises InvalidInput."""
    for name in params:
        if name.startswith("$") and name not in OPTIONS:
            raise InvalidInput(f"the option {name[:40]} does not exist here", field=name[:40])
    most = MOST_OBSERVATIONS if set_ == "Observations" else MOST
    form = params.get("$resultFormat", "")
    if form not in FORMATS:
        raise InvalidInput("this format does not exist", field="$resultFormat", accepted=FORMATS)
    return Options(
        where=parse_filter(params["$filter"]) if params.get("$filter") else None,
        order=_orders(params.get("$orderby", "")),
        top=min(_number(params, "$top", default=TOP), most),
        skip=_number(params, "$skip", default=0),
        count=params.get("$count", "false").lower() == "true",
        select=tuple(each.strip() for each in _split(params.get("$select", ""), ",")),
        expand=_expands(params.get("$expand", ""), set_, depth=depth),
        form=form,
        before=_token(params.get("$skiptoken", "")),
        said=tuple((name, text) for name, text in params.items() if name not in PLACE),
    )


def _number(params: Mapping[str, str], name: str, *, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not text.isdigit() or len(text) > 9:
        raise InvalidInput("a whole number, not negative", field=name)
    return int(text)


def _token(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    at, _, series = text.partition("_")
    if not (at.isdigit() and series.isdigit()) or len(text) > 40:
        raise InvalidInput("this is no token of ours", field="$skiptoken")
    return int(at), int(series)


def _orders(text: str) -> tuple[tuple[str, bool], ...]:
    found: list[tuple[str, bool]] = []
    for part in _split(text, ","):
        path, _, direction = part.strip().partition(" ")
        if direction.strip().lower() not in {"", "asc", "desc"}:
            raise InvalidInput("asc or desc", field="$orderby")
        found.append((path, direction.strip().lower() == "desc"))
    return tuple(found)


def _expands(text: str, set_: Set, *, depth: int) -> tuple[tuple[str, Options], ...]:
    if not text:
        return ()
    if depth >= DEEPEST:
        raise InvalidInput("expansions are nested too deeply", field="$expand")
    found: dict[str, Options] = {}
    for part in _split(text, ","):
        name, inner = _expansion(part.strip())
        lead = SETS[set_].get(name)
        if lead is None:
            raise InvalidInput(f"{set_} lead to no {name[:40]}", field="$expand")
        options = read_options(inner, lead.target, depth=depth + 1)
        held = found.get(name)
        if held is not None:
            options = msgspec.structs.replace(
                held, expand=(*held.expand, *options.expand), said=_both_said(held, options)
            )
        found[name] = options
    return tuple(found.items())


def _both_said(one: Options, other: Options) -> tuple[tuple[str, str], ...]:
    """What was written of a relation in two parts, ``A/B,A/C``, is one expansion of both."""
    inside = [dict(each.said).get("$expand", "") for each in (one, other)]
    together = ",".join(each for each in inside if each)
    return tuple({**dict(one.said), "$expand": together}.items())


def _expansion(text: str) -> tuple[str, dict[str, str]]:
    """``A($select=x;$expand=B)`` or ``A/B`` as a name and the options inside."""
    head, bracket, rest = text.partition("(")
    if "/" in head:
        name, _, deeper = text.partition("/")
        return name, {"$expand": deeper}
    if not bracket:
        return head, {}
    if not rest.endswith(")"):
        raise InvalidInput("a bracket is missing", field="$expand")
    pairs = (each.partition("=") for each in _split(rest[:-1], ";"))
    return head, {name.strip(): value for name, _, value in pairs}


def _split(text: str, at: str) -> Sequence[str]:
    """Parts of a text between separators that stand outside brackets and quotes."""
    found: list[str] = []
    part, depth, quoted = "", 0, False
    for letter in text:
        if letter == "'":
            quoted = not quoted
        if not quoted:
            depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == at and depth == 0 and not quoted:
            found.append(part)
            part = ""
        else:
            part += letter
    return [each for each in [*found, part] if each.strip()]
