"""A @context is fetched where the operator allows it, and never from the inside of the network (CWE-918)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from clapas.context.errors import LdContextNotAvailable
from clapas.context.fetch import Fetcher
from clapas.context.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC, INSIDE = "http://1.1.1.1/context.jsonld", "http://169.254.169.254/latest/meta-data"


def fetcher(answer: Callable[[httpx.Request], httpx.Response]) -> Fetcher:
    """One that may ask any public host; the network answers with ``answer``."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Fetcher(Settings(context_hosts=("*",)), client)


@pytest.mark.parametrize(
    "address",
    [
        INSIDE,
        "http://127.0.0.1:8123/",
        "http://localhost/",
        "http://10.0.0.8/c",
        "http://[::1]/c",
        "http://[::ffff:127.0.0.1]/c",
        "http://2130706433/c",
    ],
)
async def test_no_address_of_the_inside_is_asked(address: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"@context": {}})

    with pytest.raises(LdContextNotAvailable, match="private"):
        await fetcher(answer).context(address)
    assert asked == []


async def test_a_redirection_to_the_inside_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": INSIDE})

    with pytest.raises(LdContextNotAvailable, match="private"):
        await fetcher(answer).context(PUBLIC)
    assert asked == [PUBLIC]


async def test_what_is_public_is_read() -> None:
    found = await fetcher(lambda _: httpx.Response(200, json={"@context": {"a": "b"}})).context(
        PUBLIC
    )
    assert found == {"a": "b"}
