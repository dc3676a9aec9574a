"""Answers made of entities: style, projection, @context, GeoJSON."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from clapas.context.door.http import GEO, LD, Answer, Headers, Request, preferences
from clapas.context.errors import BadRequestData, InvalidRequest, TooManyResults
from clapas.context.linked import Shown
from clapas.context.model import GEOMETRIES, Entity, is_uri
from clapas.context.reading import FORBIDDEN
from clapas.context.rendering import ALL, Format, Projection, Renderer, Style, feature
from clapas.context.terms import KEYWORDS, Terms
from clapas.context.versions import Version, read_version

SAFE = "=:/*,;()!~'@$|"
"""What stands as it is in the query of a link (RFC 3986, 3.4), so that ids can be read."""
HEAD = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
PARTS = re.compile(r"[^,|{}]+|[,|{}]")
FORMATS: dict[str, Format] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}


def style_of(request: Request) -> Style:
    """How this request wants its entities. Raises BadRequestData."""
    if "geometryProperty" in request.params and request.media != GEO:
        raise BadRequestData("geometryProperty is for application/geo+json")
    given = request.params.get("format")
    names = [each for each in request.words("options") if each in FORMATS]
    if given is None and len({FORMATS[each] for each in names}) > 1:
        raise InvalidRequest("options name two formats")
    name = given if given in FORMATS else (names[0] if names else "normalized")
    if "lang" in request.params and not request.params["lang"]:
        raise BadRequestData("lang is empty")
    return Style(
        format=FORMATS[name],
        system="sysAttrs" in request.options,
        lang=languages(request.params.get("lang", "")),
        datasets=datasets_of(request),
        projection=projection_of(request),
        version=version_of(request),
    )


def version_of(request: Request) -> Version | None:
    """The version of the standard that the client prefers (6.3.6). Raises BadRequestData."""
    asked = preferences(request.headers).get("ngsi-ld")
    return read_version(asked) if asked is not None else None


def datasets_of(request: Request) -> frozenset[str] | None:
    """The dataset ids asked for, '' for the default one; None: all."""
    if "datasetId" not in request.params:
        return None
    found = request.words("datasetId")
    if not found or any(each != "@none" and not is_uri(each) for each in found):
        raise BadRequestData("datasetId holds URIs or @none")
    return frozenset("" if each == "@none" else each for each in found)


def languages(text: str) -> tuple[str, ...]:
    """Languages by preference, as Accept-Language writes them."""
    found: list[tuple[float, int, str]] = []
    for place, entry in enumerate(each for each in text.split(",") if each.strip()):
        tag, _, rest = entry.partition(";")
        quality = 1.0
        if rest.strip().startswith("q="):
            try:
                quality = float(rest.strip()[2:])
            except ValueError as error:
                raise BadRequestData("lang: a quality is a number") from error
        found.append((-quality, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(found))


def projection_of(request: Request) -> Projection:
    """attrs, pick and omit. Raises BadRequestData."""
    terms = request.context.terms
    given = request.params
    if "attrs" in given and ("pick" in given or "omit" in given):
        raise BadRequestData("attrs cannot be used together with pick or omit")
    pick = read_projection(given["pick"], terms) if "pick" in given else None
    omit = read_projection(given["omit"], terms) if "omit" in given else {}
    if pick is not None and any(name in pick and omit[name] is None for name in omit):
        raise BadRequestData("pick and omit name the same member")
    for named in (pick or {}, omit):
        check_hops(request, max((hops(each) for each in named.values()), default=0))
    if "attrs" in given:
        pick = dict.fromkeys([*_attributes(request), *HEAD], None)
    return Projection(pick=pick, omit=omit) if pick is not None or omit else ALL


def _attributes(request: Request) -> list[str]:
    """What attrs names, expanded: attributes, so neither id nor type (5.7.2.4). Raises BadRequestData."""
    names = request.words("attrs")
    if not names:
        raise BadRequestData("attrs is empty")
    for name in names:
        if name in KEYWORDS:
            raise BadRequestData(f"attrs: {name!r} is no attribute")
    return [_expanded(name, request.context.terms) for name in names]


def _expanded(name: str, terms: Terms) -> str:
    """The IRI of a name of an attribute. Raises BadRequestData for what no name holds (4.6.2)."""
    if FORBIDDEN.search(name):
        raise BadRequestData(f"{name!r} cannot be the name of an attribute")
    return terms.expand(name)


def hops(projection: Projection | None) -> int:
    """How many steps into linked entities a member of a projection goes."""
    if projection is None:
        return 0
    return 1 + max((hops(each) for each in (projection.pick or {}).values()), default=0)


def check_hops(request: Request, wanted: int) -> None:
    """Raise BadRequestData when linked entities are named beyond what is joined (5.7.1.4, 5.7.2.4)."""
    joined = request.params.get("join", "@none") != "@none"
    if wanted > (request.number("joinLevel", 1, least=1) if joined else 0):
        raise BadRequestData("linked entities are named that join and joinLevel do not reach")


def read_projection(text: str, terms: Terms) -> dict[str, Projection | None]:
    """A projection: names by comma or pipe, ``relationship{names of the linked entity}``."""
    if not text.strip():
        raise BadRequestData("the projection is empty")
    tokens = PARTS.findall(text)
    found, rest = _projected(tokens, terms, depth=0)
    if rest:
        raise BadRequestData(f"the projection {text!r} cannot be understood")
    return found


def _projected(
    tokens: list[str], terms: Terms, *, depth: int
) -> tuple[dict[str, Projection | None], list[str]]:
    found: dict[str, Projection | None] = {}
    last, wanted = "", True
    while tokens:
        word, tokens = tokens[0].strip(), tokens[1:]
        if word in {",", "|"} and not wanted:
            wanted = True
        elif word == "{" and last and not wanted and depth < 10:
            inner, tokens = _projected(tokens, terms, depth=depth + 1)
            found[last] = Projection(pick=inner)
        elif word == "}" and depth and not wanted:
            return found, tokens
        elif word and word not in {",", "|", "{", "}"} and wanted:
            last = word if word in HEAD else _expanded(word, terms)
            found[last], wanted = None, False
        else:
            raise BadRequestData("the projection cannot be understood")
    if depth or wanted:
        raise BadRequestData("the projection cannot be understood")
    return found, tokens


def geometry_of(request: Request, entity: Entity) -> Any:
    """The geometry of a Feature: that of ``geometryProperty``, else of the location; None without.

    Of several instances, the default one (4.5.16.1).
    """
    name = request.params.get("geometryProperty", "location")
    wanted = datasets_of(request)
    instances = entity.attributes.get(request.context.terms.expand(name), [])
    for instance in sorted(instances, key=lambda each: "datasetId" in each):
        value = instance.get("value")
        if not isinstance(value, dict) or value.get("type") not in GEOMETRIES:
            continue
        if wanted is None or instance.get("datasetId", "") in wanted:
            return value
    return None


class Replier:
    """Makes the answer of a request that gives entities."""

    def __init__(self, request: Request, style: Style | None = None) -> None:
        self.request = request
        self.style = style or style_of(request)
        self.renderer = Renderer(request.context.terms, self.style)

    def shown(self, entity: Entity) -> dict[str, Any]:
        """One entity in the request's style."""
        return self.renderer.entity(entity)

    def one(self, entity: Entity, shown: Any = None, *, headers: Headers | None = None) -> Answer:
        """An answer of one entity."""
        request = self.request
        body = shown if shown is not None else self.shown(entity)
        if request.media == GEO:
            body = feature(body, geometry_of(request, entity), context=geo_context(request))
        elif request.media == LD and isinstance(body, dict):
            body = {**body, "@context": request.context.embedded}
        return Answer(status=self._status, body=body, headers=headers or [])

    @property
    def _status(self) -> int:
        """203 when the payload was amended for an earlier version (4.3.6.8)."""
        return 203 if self.renderer.amended else 200

    def many(self, shown: Sequence[Shown], *, headers: Headers | None = None) -> Answer:
        """An answer of several entities."""
        request = self.request
        bodies = [body for _, body in shown]
        if request.media == GEO:
            features = [
                feature(body, geometry_of(request, entity), context=None) for entity, body in shown
            ]
            collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
            context = geo_context(request)
            if context is not None:
                collection["@context"] = context
            return Answer(status=self._status, body=collection, headers=headers or [])
        if request.media == LD:
            embedded = request.context.embedded
            bodies = [{**body, "@context": embedded} for body in bodies]
        return Answer(status=self._status, body=bodies, headers=headers or [])


def geo_context(request: Request) -> Any:
    """The @context inside GeoJSON, unless ``Prefer: body=json`` asks for it in the Link header."""
    return None if preferences(request.headers).get("body") == "json" else request.context.embedded


def page_of(request: Request, default: int, *, most: int) -> tuple[int, int, bool]:
    """limit, offset, count. Raises BadRequestData, TooManyResults."""
    count = request.flag("count")
    limit = request.number("limit", default)
    if limit == 0 and not count:
        raise BadRequestData("limit=0 is for counting: it needs count=true")
    if limit > most:
        raise TooManyResults(f"a page holds {most} at most")
    return limit, request.number("offset", 0), count


def page_links(
    request: Request, limit: int, *, offset: int, more: bool, lone: bool = False
) -> Headers:
    """Link headers to the pages before and after; ``lone``: as they are written in a Link header of their own."""
    if not limit:
        return []
    kept = [
        quote(unquote_plus(part), safe=SAFE)
        for part in request.query.split("&")
        if part and part.partition("=")[0] not in {"limit", "offset"}
    ]
    places = [("next", offset + limit)] if more else []
    places += [("prev", max(0, offset - limit))] if offset else []
    path, media = request.path.rstrip("/"), LD if lone else request.media
    headers: Headers = []
    for rel, place in places:
        words = [*kept, f"limit={limit}", f"offset={place}"]
        query = "&".join(words if lone else sorted(words))
        headers.append(("Link", f'<{path}?{query}>;rel="{rel}";type="{media}"'))
    return headers


def listing(bodies: list[Any], *, links: Headers, count: int | None, lone: bool) -> Answer:
    """A page of subscriptions or registrations; ``lone``: where there are links, the @context is not beside them."""
    headers = links if count is None else [*links, ("NGSILD-Results-Count", str(count))]
    return Answer(body=bodies, headers=headers, data=not (lone and links))


def describe(value: Any) -> Any:
    """A value as plain JSON."""
    return msgspec.to_builtins(value)
