"""All pages of a source's answer: the first as the caller asked, then as long as the source says that there is more."""

import asyncio
from collections.abc import Sequence

import msgspec

from clapas.context.door.http import Request
from clapas.context.federation.asking import Call, Reply
from clapas.context.federation.federation import Federation
from clapas.context.federation.shares import Share

PAGE = 1_000
"""Entities asked for at a time, once a source said that there is more than its own first page."""


async def every_page(
    federation: Federation, request: Request, *, calls: Sequence[tuple[Share, Call]], most: int
) -> list[Reply]:
    """What each source has, at most ``most`` entities of each (clause 6.3.10)."""
    replies = await federation.ask(request, calls)
    rest = (
        _rest(federation, request, call=call, reply=reply, most=most)
        for (_, call), reply in zip(calls, replies, strict=True)
    )
    return list(await asyncio.gather(*rest))


async def _rest(
    federation: Federation, request: Request, *, call: Call, reply: Reply, most: int
) -> Reply:
    """The reply with the pages that follow it; a page that fails ends them, and is told."""
    found, page = list(reply.body) if isinstance(reply.body, list) else [], reply
    while page.more and len(found) < most:
        limits = (("limit", str(PAGE)), ("offset", str(len(found))))
        asked = Call(
            method=call.method, path=call.path, params=(*call.params, *limits), body=call.body
        )
        (page,) = await federation.ask(request, [(reply.share, asked)])
        if not page.ok or not isinstance(page.body, list) or not page.body:
            return msgspec.structs.replace(
                reply, body=found, warning=page.warning, problem=page.problem
            )
        found += page.body
    return reply if page is reply else msgspec.structs.replace(reply, body=found[:most])
