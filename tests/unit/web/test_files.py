"""The built files: public, never asked for twice, packed at the build, and nothing but them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from clapas.web.files import Files, assets

SCRIPT = "export const page = 1;"


async def _others(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"others"})


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "assets"
    folder.mkdir()
    (tmp_path / "index.html").write_text("<title>Clapas</title>")
    (folder / "app-1a.js").write_text(SCRIPT)
    (folder / "app-1a.js.br").write_bytes(b"tight")
    (folder / "app-1a.js.gz").write_bytes(b"packed")
    (folder / "place.woff2").write_bytes(b"font")
    (folder / "link.js").symlink_to("/etc/hostname")
    return tmp_path


@pytest.fixture
def browser(built: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=Files(_others, assets(built)))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://clapas.test")


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"tight"),
        ("gzip", "gzip", b"packed"),
        ("br;q=0, gzip;q=0.5", "gzip", b"packed"),
        ("br;q=0.0, gzip; q=0", "", SCRIPT.encode()),
        ("identity", "", SCRIPT.encode()),
        ("", "", SCRIPT.encode()),
    ],
)
async def test_the_tightest_form_that_the_reader_takes(
    browser: httpx.AsyncClient, accepted: str, coding: str, body: bytes
) -> None:
    request = browser.build_request(
        "GET", "/assets/app-1a.js", headers={"Accept-Encoding": accepted}
    )
    answer = await browser.send(request, stream=True)
    assert answer.headers.get("content-encoding", "") == coding
    assert b"".join([part async for part in answer.aiter_raw()]) == body
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_a_reader_who_has_it_is_told_so(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/assets/place.woff2")
    assert (first.content, first.headers["content-type"]) == (b"font", "font/woff2")
    again = await browser.get(
        "/assets/place.woff2", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    head = await browser.head("/assets/place.woff2")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "4")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/index.html"),
        ("GET", "/assets/link.js"),
        ("GET", "/assets/app-1a.js.br"),
        ("GET", "/assets/../index.html"),
        ("POST", "/assets/app-1a.js"),
    ],
)
async def test_everything_else_is_for_the_others(
    browser: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await browser.request(method, path)).status_code == 418
