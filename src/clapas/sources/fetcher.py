"""Ask a remote address: bounded, with ETag, through the operator's proxy and certificates."""

import os
import ssl
from typing import Self
from urllib.request import proxy_bypass

import httpx

from clapas.domain.errors import BadSetting
from clapas.sources.errors import SourceUnavailable
from clapas.sources.settings import Settings

LOOPBACK = "localhost,127.0.0.1,::1"


class ProxyUnlessNear(httpx.AsyncBaseTransport):
    """Through the operator's proxy, but for the machine itself and what ``NO_PROXY`` of the environment names."""

    def __init__(self, proxy: str, *, verify: ssl.SSLContext | bool) -> None:
        self._through = httpx.AsyncHTTPTransport(proxy=proxy, verify=verify)
        self._direct = httpx.AsyncHTTPTransport(verify=verify)
        kept = os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")
        self._near = {"no": ",".join(filter(None, [kept, LOOPBACK]))}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        near = proxy_bypass(request.url.host, self._near)
        return await (self._direct if near else self._through).handle_async_request(request)

    async def aclose(self) -> None:
        await self._through.aclose()
        await self._direct.aclose()


class Fetcher:
    """An HTTP client of one remote source; remembers the ETag of each address."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.max_bytes
        self._tags: dict[str, str] = {}
        try:
            verify: ssl.SSLContext | bool = (
                ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
            )
            self._client = httpx.AsyncClient(
                verify=verify,
                timeout=settings.timeout_s,
                follow_redirects=True,
                max_redirects=5,
                trust_env=False,
                transport=ProxyUnlessNear(settings.proxy, verify=verify)
                if settings.proxy
                else None,
                headers={"User-Agent": "clapas", "Accept": "application/json"},
            )
        except (OSError, ValueError) as error:
            raise BadSetting(f"sources.proxy or sources.ca_file: {error}") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def forget(self) -> None:
        """Ask for everything again: what was fetched last did not reach the log."""
        self._tags.clear()

    async def fetch(self, url: str, *, always: bool = False) -> bytes | None:
        """The body, None when unchanged; raises ``SourceUnavailable``. ``always``: no ETag."""
        headers = {} if always or url not in self._tags else {"If-None-Match": self._tags[url]}
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return None
                if response.status_code != httpx.codes.OK:
                    raise SourceUnavailable(
                        f"{_shown(url)} answers {response.status_code}", status=response.status_code
                    )
                body = await self._bounded(response, url)
                if "etag" in response.headers:
                    self._tags[url] = response.headers["etag"]
                return body
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceUnavailable(
                f"{_shown(url)}: {type(error).__name__} {error}", url=_shown(url)
            ) from error

    async def _bounded(self, response: httpx.Response, url: str) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._limit:
                raise SourceUnavailable(
                    f"{_shown(url)} sends more than {self._limit} bytes", limit=self._limit
                )
        return bytes(body)


def _shown(url: str) -> str:
    """The address without query nor password, fit for logs."""
    return url.partition("?")[0].rpartition("@")[2]
