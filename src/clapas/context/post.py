"""Notifications over HTTP (clause 6.3.9): one POST, answered by a status and nothing else that counts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

from clapas.domain.errors import OperatorError
from clapas.store.context import json_bytes

MOST_CONNECTIONS = 200
LARGEST_ANSWER = 65_536
"""Bytes of an answer that are read so that the connection serves again; a longer one ends it."""


class EndpointRefused(OperatorError):
    """An endpoint did not take a notification."""

    code = "endpoint_refused"


class Poster:
    """Connections to endpoints, kept open between notifications; no cookie, no redirection."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """With the proxy and the authorities of the environment."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=True,
        ) as session:
            yield cls(session)

    async def send(self, endpoint: str, headers: Mapping[str, Any], *, body: Any) -> None:
        """Send one notification; the caller bounds the time. Raises EndpointRefused."""
        try:
            async with self._session.post(
                endpoint, data=json_bytes(body), headers=headers["http"], allow_redirects=False
            ) as answer:
                if answer.status >= 300:
                    raise EndpointRefused(f"status {answer.status}")
                await answer.content.read(LARGEST_ANSWER)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise EndpointRefused(f"{type(error).__name__}: {error}") from error
