"""Fetching a remote @context: only from allowed hosts, never from private addresses, bounded in size and time."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from clapas.context.errors import BadRequestData, LdContextNotAvailable
from clapas.context.settings import Settings
from clapas.notify.hosts import is_private

REDIRECTS = 3
ACCEPT = "application/ld+json, application/json;q=0.9, */*;q=0.1"


class Fetcher:
    """Gets @context documents over HTTP."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    async def context(self, url: str) -> Any:
        """The ``@context`` member of a remote document.

        Raises LdContextNotAvailable, also when the operator did not allow the host; BadRequestData
        when what is there is no @context (5.5.6).
        """
        await self.check(url)
        try:
            async with asyncio.timeout(self._settings.context_timeout):
                body = await self._body(url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise LdContextNotAvailable(f"{url}: {type(error).__name__} {error}") from error
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRequestData(f"{url} is not JSON") from error
        if not isinstance(document, dict) or "@context" not in document:
            raise BadRequestData(f"{url} holds no @context")
        return document["@context"]

    async def check(self, url: str) -> None:
        """Raise LdContextNotAvailable unless the address may be asked for a @context."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError as error:
            raise BadRequestData(f"{url} is not the address of a @context") from error
        if parts.scheme not in {"http", "https"} or not host:
            raise BadRequestData(f"{url} is not the address of a @context")
        allowed = self._settings.context_hosts
        if "*" not in allowed and host not in allowed:
            raise LdContextNotAvailable(f"the operator did not allow @contexts of {host}")
        if not self._settings.private_addresses and await is_private(host):
            raise LdContextNotAvailable(f"{host} is a private address")

    async def _body(self, url: str) -> bytes:
        for _ in range(REDIRECTS + 1):
            async with self._client.stream("GET", url, headers={"Accept": ACCEPT}) as answer:
                if answer.is_redirect:
                    url = str(answer.url.join(answer.headers.get("location", "")))
                    await self.check(url)
                    continue
                if answer.status_code != httpx.codes.OK:
                    raise LdContextNotAvailable(f"{url} answers {answer.status_code}")
                return await self._bounded(url, answer)
        raise LdContextNotAvailable(f"{url}: too many redirections")

    async def _bounded(self, url: str, answer: httpx.Response) -> bytes:
        body = bytearray()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > self._settings.context_bytes:
                raise LdContextNotAvailable(f"{url} is too large")
        return bytes(body)
