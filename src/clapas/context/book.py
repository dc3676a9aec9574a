"""The @contexts that the broker knows: built in, hosted, cached, implicitly created; compiled once each."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import urljoin
from uuid import uuid4

import msgspec
import orjson
from pyld import jsonld

from clapas.context.core import core_address, core_context, core_versions
from clapas.context.errors import BadRequestData, LdContextNotAvailable, NgsiError
from clapas.context.fetch import Fetcher
from clapas.context.settings import Settings
from clapas.context.terms import Terms, compile_terms
from clapas.context.vocabulary import NAME as PLATFORM
from clapas.context.vocabulary import followed, platform_aliases, platform_context

Kind = Literal["Hosted", "Cached", "ImplicitlyCreated"]
Spec = str | Mapping[str, Any] | list[Any]
OWN_PATH = "/ngsi-ld/v1/jsonldContexts/"
DEPTH = 10
DOCUMENTS = 100
COMPILED = 500


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A @context as the store keeps it; ``url`` is its remote address when it is a cached one.

    One with a ``tenant`` is served to that tenant alone.
    """

    id: str
    kind: Kind
    url: str
    body: Any
    created: str = ""
    last_used: str = ""
    hits: int = 0
    tenant: str = ""


class Shelf(Protocol):
    """Where @contexts are kept."""

    async def context(self, name: str) -> Kept | None: ...

    async def context_at(self, url: str) -> Kept | None: ...

    async def keep_context(self, kept: Kept) -> None: ...

    async def touch_context(self, name: str) -> None: ...


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A @context as a request names it: its terms, its one address, and what answers embed."""

    terms: Terms
    link: str
    embedded: Any


class Book:
    """Resolves what requests name into compiled terms."""

    def __init__(
        self, shelf: Shelf, fetcher: Fetcher, *, settings: Settings, base: str = ""
    ) -> None:
        self._shelf = shelf
        self._fetcher = fetcher
        self.version = settings.version
        self.core = core_address(settings.version)
        self.base = base
        self._compiled: dict[bytes, Terms] = {}
        self._links: dict[bytes, str] = {}
        self.aliases = followed({**platform_aliases(), **settings.aliases})
        self.plain = Context(
            terms=Terms({}, version=self.version, aliases=self.aliases),
            link=self.core,
            embedded=self.core,
        )

    async def resolve(self, spec: Spec | None, *, link: bool = True) -> Context:
        """The compiled @context. ``link`` asks for one address, made when there is none.

        Raises BadRequestData, LdContextNotAvailable.
        """
        parts = self._parts(spec)
        if not parts:
            return self.plain
        key = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
        terms = self._compiled.get(key)
        if terms is None:
            terms = await self._compile(parts)
            if len(self._compiled) > COMPILED:
                self._compiled.clear()
            self._compiled[key] = terms
        address = await self._address(key, parts) if link else ""
        embedded = parts[0] if len(parts) == 1 else parts
        return Context(terms=terms, link=address, embedded=embedded)

    async def named(self, address: str) -> Context:
        """The @context that a subscription names for its notifications (jsonldContext, 5.2.12).

        A core @context is that version's, under the address by which it was named: a receiver reads
        what it is told with what it asked for. Raises BadRequestData, LdContextNotAvailable.
        """
        version = core_versions().get(address)
        if version is None:
            return await self.resolve(address)
        terms = Terms({}, version=version, aliases=self.aliases)
        return Context(terms=terms, link=address, embedded=address)

    def forget(self) -> None:
        """Compile again at the next use: a hosted or cached @context changed."""
        self._compiled.clear()
        self._links.clear()

    def _parts(self, spec: Spec | None) -> list[Any]:
        if spec is None:
            return []
        parts = spec if isinstance(spec, list) else [spec]
        if isinstance(spec, str) and not spec:
            raise BadRequestData("the @context is empty")
        for each in parts:
            if not isinstance(each, str | Mapping):
                raise BadRequestData("a @context is an address, an object or a list of them")
        return [
            each
            for each in parts
            if each and not (isinstance(each, str) and each in core_versions())
        ]

    async def _address(self, key: bytes, parts: list[Any]) -> str:
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        if key not in self._links:
            kept = Kept(id=uuid4().hex, kind="ImplicitlyCreated", url="", body=[*parts, self.core])
            await self._shelf.keep_context(kept)
            self._links[key] = self.own_address(kept.id)
        return self._links[key]

    def own_address(self, name: str) -> str:
        """Where this broker serves a hosted @context."""
        return f"{self.base}{OWN_PATH}{name}"

    async def _compile(self, parts: list[Any]) -> Terms:
        documents: dict[str, Any] = {}
        await self._gather(parts, documents, base="", depth=0)
        return await asyncio.to_thread(
            _processed, parts, documents, version=self.version, aliases=self.aliases
        )

    async def _gather(self, spec: Any, documents: dict[str, Any], *, base: str, depth: int) -> None:
        """Fetch every address that the @context leads to; cycles end because each is taken once."""
        if depth > DEPTH or len(documents) > DOCUMENTS:
            raise LdContextNotAvailable("the @context leads to too many others")
        for each in spec if isinstance(spec, list) else [spec]:
            if isinstance(each, Mapping):
                refuse_scoped(each)
                continue
            if not isinstance(each, str):
                continue
            url = joined(base, each)
            if url in documents or url in core_versions():
                continue
            documents[url] = {}
            documents[url] = await self._document(url)
            await self._gather(documents[url], documents, base=url, depth=depth + 1)

    async def _document(self, url: str) -> Any:
        _, own, name = url.rpartition(OWN_PATH)
        if own and name == PLATFORM:
            return platform_context()
        kept = await self._shelf.context(name) if own else await self._shelf.context_at(url)
        if kept is not None:
            await self._shelf.touch_context(kept.id)
            return kept.body
        if own:
            raise LdContextNotAvailable(f"{url} is not hosted here")
        body = await self._fetcher.context(url)
        await self._shelf.keep_context(Kept(id=uuid4().hex, kind="Cached", url=url, body=body))
        return body

    async def reload(self, kept: Kept) -> None:
        """Fetch a cached @context again. Raises LdContextNotAvailable; the old one then stays."""
        body = await self._fetcher.context(kept.url)
        await self._shelf.keep_context(msgspec.structs.replace(kept, body=body))
        self.forget()


def joined(base: str, address: str) -> str:
    """An address that may be relative to another. Raises BadRequestData for what is none."""
    try:
        return urljoin(base, address) if base else address
    except ValueError as error:
        raise BadRequestData(f"{address} is not the address of a @context") from error


def refuse_scoped(members: Mapping[str, Any]) -> None:
    """Raise BadRequestData for scoped contexts (clause 5.5.7)."""
    for term, definition in members.items():
        if isinstance(definition, Mapping) and "@context" in definition:
            raise BadRequestData(
                f"the @context of the term {term!r} is scoped, which NGSI-LD forbids"
            )


def check_context(body: Any) -> None:
    """Raise BadRequestData unless ``body`` can be a @context."""
    for each in body if isinstance(body, list) else [body]:
        if isinstance(each, Mapping):
            refuse_scoped(each)
        elif not isinstance(each, str) or not each:
            raise BadRequestData("a @context is an address, an object or a list of them")


def _processed(
    parts: list[Any], documents: Mapping[str, Any], *, version: str, aliases: Mapping[str, str]
) -> Terms:
    """Run PyLD's context processing over documents that are all here. For a worker thread."""

    def load(url: str, _: Any) -> dict[str, Any]:
        if url in core_versions():
            inner: Any = core_context("1.6") if version < "1.6" else {}
        elif url in documents:
            inner = documents[url]
        else:
            raise LdContextNotAvailable(f"{url} is not available")
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": {"@context": inner},
        }

    processor = jsonld.JsonLdProcessor()
    options = {"base": "", "processingMode": "json-ld-1.1", "documentLoader": load}
    options["contextResolver"] = jsonld.ContextResolver({}, load)
    try:
        first = processor.process_context(processor._get_initial_context(options), None, options)
        base = {"ngsi-ld": "https://uri.etsi.org/ngsi-ld/", "id": "@id", "type": "@type"}
        base["geojson"] = "https://purl.org/geojson/vocab#"
        context = processor.process_context(first, {"@context": [base, *parts]}, options)
    except ValueError as error:
        raise BadRequestData(f"the @context names what is no address: {error}") from error
    except jsonld.JsonLdError as error:
        cause = error.__cause__ or getattr(error, "cause", None)
        if isinstance(cause, NgsiError):
            raise cause from error
        raise BadRequestData(f"the @context cannot be used: {error.code or error}") from error
    return compile_terms(context["mappings"], version=version, aliases=aliases)
