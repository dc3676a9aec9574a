"""The federation of a broker: its registrations, who is asked, and in which words the answers are."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import httpx

from clapas.context.book import Book
from clapas.context.door.http import Headers, Request
from clapas.context.errors import BadRequestData, NgsiError, SourceFailed
from clapas.context.federation.asking import LOOP, Asker, Call, Reply, alias_of, aliases_of, info_of
from clapas.context.federation.merging import Part, read_entities, restrict
from clapas.context.federation.registry import Registry
from clapas.context.federation.shares import Share, shares_of
from clapas.context.settings import Settings
from clapas.context.terms import Terms
from clapas.store.context import ContextStore


class Federation:
    """What distributed operations share; one for a broker."""

    def __init__(
        self,
        store: ContextStore,
        settings: Settings,
        *,
        client: httpx.AsyncClient,
        book: Book,
        alias: str,
    ) -> None:
        self.registry = Registry(store)
        self.alias = alias
        self._asker = Asker(settings, client, alias=alias)
        self._book = book

    async def shares(
        self,
        request: Request,
        *,
        ids: Collection[str] = (),
        types: Collection[str] | None = None,
        attributes: Collection[str] | None = None,
        pattern: str = "",
    ) -> list[Share]:
        """The sources that this request concerns; none when it is local, or not for this caller.

        Raises SourceFailed (508) when the request came through this broker already.
        """
        bodies = await self.registry.of(request.tenant)
        via = aliases_of(request.headers.get("via", ""))
        if alias_of(self.alias, request.tenant) in via:
            raise SourceFailed("this request came through this broker already", LOOP)
        if not bodies or request.flag("local") or "ngsild-snapshot" in request.headers:
            return []
        if not request.rows.everything and "" not in request.rows.datasets:
            return []
        if request.sources is not None:
            bodies = [each for each in bodies if each["id"] in request.sources]
        return shares_of(
            bodies, ids=ids, types=types, attributes=attributes, pattern=pattern, via=via
        )

    async def ask(self, request: Request, calls: Sequence[tuple[Share, Call]]) -> list[Reply]:
        """Ask sources, all at once."""
        asked = (self._asker.ask(share, call, request=request) for share, call in calls)
        return list(await asyncio.gather(*asked))

    async def terms(self, request: Request, share: Share, *, body: Any = None) -> Terms:
        """The @context in which a source's answer is written."""
        spec: Any = info_of(share).get("jsonldContext")
        first = body[0] if isinstance(body, list) and body else body
        if isinstance(first, dict) and "@context" in first:
            spec = first["@context"]
        if spec is None:
            return request.context.terms
        try:
            return (await self._book.resolve(spec, link=False)).terms
        except NgsiError:
            return request.context.terms

    async def parts(self, request: Request, replies: Sequence[Reply]) -> tuple[list[Part], Headers]:
        """The entities in the sources' answers, and a warning for each that was of no use."""
        parts: list[Part] = []
        warnings: Headers = []
        for reply in replies:
            body, warning = reply.body, reply.warning
            if reply.ok and body is not None:
                try:
                    terms = await self.terms(request, reply.share, body=body)
                    found = read_entities(body, terms)
                except BadRequestData as error:
                    body, warning = None, 111
                    warnings.append(self.warning(warning, reply.share, text=str(error)))
                    continue
                parts += [Part(share=reply.share, entity=restrict(reply.share, e)) for e in found]
            elif warning:
                warnings.append(self.warning(warning, reply.share, text=reply.problem))
        return parts, warnings

    def warning(self, code: int, share: Share, *, text: str) -> tuple[str, str]:
        """A header NGSILD-Warning (table 6.3.17-1)."""
        said = text.replace('"', "'").encode("ascii", "replace").decode()
        return "NGSILD-Warning", f'{code} {self.alias} "{share.id}: {said}"'
