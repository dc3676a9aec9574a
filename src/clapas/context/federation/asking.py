"""Asking a context source over HTTP: headers, Via, time, size, and which addresses may be asked (6.3.17, 6.3.18)."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
import orjson

from clapas.context.door.http import CONTEXT_REL, JSON, LD, Request
from clapas.context.federation.shares import Share
from clapas.context.settings import Settings
from clapas.notify.hosts import is_private
from clapas.store.context import json_bytes

API = "/ngsi-ld/v1"
FROM_REQUEST = "urn:ngsi-ld:request"
OURS = frozenset(
    {"ngsild-tenant", "via", "host", "content-length", "connection", "transfer-encoding"}
    | {"content-type", "accept", "link", "jsonldcontext", "contenttype"}
)
"""Headers that a registration cannot set (clause 4.3.6.5)."""
MAP = "NGSILD-EntityMap"
MULTI_STATUS, NOT_FOUND, LOOP = 207, 404, 508


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a source answered. ``status`` 0: nothing came; ``problem`` says what was wrong."""

    share: Share
    status: int = 0
    body: Any = None
    problem: str = ""
    map: str = ""
    """Its own entity map of this request, '' without (4.5.25)."""
    more: bool = False
    """It has a next page (6.3.10)."""
    warning: int = 0
    """Code of NGSILD-Warning (table 6.3.17-1), 0 for none."""

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300 and not self.problem

    @property
    def absent(self) -> bool:
        """It has nothing of this, or it is a broker that this request came through: neither is a failure."""
        return self.status in {NOT_FOUND, LOOP}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a source: method, path under the API, parameters in their order, body."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: Any = None


class Asker:
    """Sends calls to sources, each within its time; a source that failed rests as its registration wants."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, *, alias: str) -> None:
        self._settings = settings
        self._client = client
        self._alias = alias
        self._resting: dict[str, float] = {}

    async def ask(self, share: Share, call: Call, *, request: Request) -> Reply:
        """The answer of a source; never raises."""
        management = share.body.get("management", {})
        if self._resting.get(share.id, 0) > time.monotonic():
            return Reply(share=share, problem="the source rests after a failure", warning=199)
        timeout = management.get("timeout", self._settings.source_timeout * 1000) / 1000
        try:
            async with asyncio.timeout(timeout):
                return await self._send(share, call, request=request)
        except TimeoutError:
            reply = Reply(share=share, problem="no answer in time", status=504, warning=199)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            reply = Reply(share=share, problem=_named(error), status=502, warning=199)
        if "cooldown" in management:
            self._resting[share.id] = time.monotonic() + management["cooldown"] / 1000
        return reply

    async def _send(self, share: Share, call: Call, *, request: Request) -> Reply:
        address = address_of(share, call)
        refused = await self._refused(address)
        if refused:
            return Reply(share=share, problem=refused, status=502, warning=199)
        headers = headers_of(
            share, request, alias=alias_of(self._alias, request.tenant), body=call.body
        )
        content = None if call.body is None else json_bytes(call.body)
        async with self._client.stream(
            call.method, address, headers=headers, content=content, timeout=None
        ) as answer:
            raw = bytearray()
            async for part in answer.aiter_bytes():
                raw += part
                if len(raw) > self._settings.source_bytes:
                    return Reply(share=share, problem="the answer is too large", warning=111)
        reply = _read(share, answer.status_code, raw=bytes(raw))
        location = answer.headers.get(MAP, "")
        return msgspec.structs.replace(
            reply, map=location.rstrip("/").rpartition("/")[2], more="next" in answer.links
        )

    async def _refused(self, address: str) -> str:
        parts = urlsplit(address)
        host, allowed = parts.hostname or "", self._settings.source_hosts
        if parts.scheme not in {"http", "https"} or ("*" not in allowed and host not in allowed):
            return f"the operator did not allow the source {host}"
        if not self._settings.private_addresses and await is_private(host):
            return f"{host} is a private address"
        return ""


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _read(share: Share, status: int, *, raw: bytes) -> Reply:
    if status >= 300:
        warning = 0 if status in {NOT_FOUND, LOOP} else 299
        body = _json(raw) if status == MULTI_STATUS else None
        return Reply(
            share=share, status=status, body=body, problem=f"status {status}", warning=warning
        )
    if not raw.strip():
        return Reply(share=share, status=status)
    body = _json(raw)
    if body is None:
        return Reply(share=share, status=status, problem="the answer is not JSON", warning=111)
    return Reply(share=share, status=status, body=body)


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def address_of(share: Share, call: Call) -> str:
    """The whole address: the registration's endpoint, the API's prefix unless it has it, the path."""
    base = str(share.body["endpoint"]).rstrip("/").removesuffix(API)
    params = list(call.params)
    if local_only(share):
        params.append(("local", "true"))
    query = urlencode(params, safe=":/,*()", encoding="utf-8")
    return f"{base}{API}/{call.path}" + (f"?{query}" if query else "")


def local_only(share: Share) -> bool:
    """Whether the source shall answer with what it holds itself (clause 4.3.6.4)."""
    management = share.body.get("management", {})
    return bool(share.body.get("localOnly") or management.get("localOnly"))


def info_of(share: Share) -> dict[str, str]:
    """``contextSourceInfo`` by key (clause 4.3.6.5)."""
    return {
        str(each["key"]): str(each["value"])
        for each in share.body.get("contextSourceInfo", [])
        if isinstance(each, Mapping) and {"key", "value"} <= set(each)
    }


def headers_of(share: Share, request: Request, *, alias: str, body: Any) -> dict[str, str]:
    """The headers of a call."""
    info = info_of(share)
    link = info.get("jsonldContext", "") or link_of(request)
    headers = {"Accept": info.get("accept", JSON), "Via": via_of(request, alias)}
    for key, value in info.items():
        if key.lower() in OURS:
            continue
        copied = request.headers.get(key.lower(), "") if value == FROM_REQUEST else value
        if copied:
            headers[key] = copied
    if request.sources and request.sources.get(share.id):
        headers[MAP] = f"{API}/entityMaps/{request.sources[share.id]}"
    tenant = share.body.get("tenant", "")
    if tenant:
        headers["NGSILD-Tenant"] = tenant
    if body is not None:
        headers["Content-Type"] = LD if _holds_context(body) else JSON
    if link and headers.get("Content-Type") != LD:
        headers["Link"] = f'<{link}>; rel="{CONTEXT_REL}"; type="{LD}"'
    return headers


def _holds_context(body: Any) -> bool:
    items = body if isinstance(body, list) else [body]
    return any(isinstance(each, Mapping) and "@context" in each for each in items)


def link_of(request: Request) -> str:
    """The one address of the request's @context, '' for the core alone."""
    if request.spec_context is None and not _holds_context(request.body):
        return ""
    link = request.context.link
    return f"{request.base}{link}" if link.startswith("/") else link


def alias_of(alias: str, tenant: str) -> str:
    """The name under which one tenant of this broker is known to others (5.2.40)."""
    return f"{alias}:{quote(tenant)}" if tenant else alias


def via_of(request: Request, alias: str) -> str:
    """The Via header of what is sent on: where the request was, and this broker (RFC 9110, 7.6.3)."""
    came = request.headers.get("via", "")
    return f"{came}, 1.1 {alias}" if came else f"1.1 {alias}"


def aliases_of(via: str) -> frozenset[str]:
    """The brokers that a request came through."""
    words = (entry.split() for entry in via.split(","))
    return frozenset(each[1] if len(each) > 1 else each[0] for each in words if each)
