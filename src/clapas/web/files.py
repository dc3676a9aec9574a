"""The built files of the page, held in memory and packed once, at the build.

Names under ``assets/`` carry a digest of what is in them: they are public, never change, and are answered here
before anybody is recognised. Only files that were in the folder at the start are served, by an exact look-up:
no path is joined.
"""

import mimetypes
import re
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from litestar.datastructures import Headers
from litestar.enums import ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

FOREVER = "public, max-age=31536000, immutable"
HASHED = "assets/"
MODULE = "text/javascript; charset=utf-8"
REFUSED = re.compile(r"q=0(\.0*)?")
PACKED = {"br": ".br", "gzip": ".gz"}
"""Content codings that the build leaves beside a file (RFC 9110, 8.4.1; RFC 7932), the tightest first."""


class Asset(msgspec.Struct, frozen=True):
    """A file of the page in memory, and its packed forms by their coding."""

    content: bytes
    kind: str
    hashed: bool
    packed: Mapping[str, bytes] = {}


@cache
def assets(folder: Path) -> dict[str, Asset]:
    """Every file of the built page by its path in the folder; symbolic links are left out."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink() and path.suffix not in PACKED.values():
            name = path.relative_to(folder).as_posix()
            found[name] = Asset(
                path.read_bytes(), _kind(name), name.startswith(HASHED), _packed(path)
            )
    return found


def _packed(path: Path) -> dict[str, bytes]:
    forms = {coding: path.with_name(path.name + end) for coding, end in PACKED.items()}
    return {
        coding: form.read_bytes()
        for coding, form in forms.items()
        if form.is_file() and not form.is_symlink()
    }


def _kind(name: str) -> str:
    if name.endswith((".js", ".mjs")):
        return MODULE
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


class Files:
    """The layer that answers for the files whose names carry their digest."""

    def __init__(self, app: "ASGIApp", files: Mapping[str, Asset]) -> None:
        self._app = app
        self._files = {f"/{name}": asset for name, asset in files.items() if asset.hashed}
        self._tags = {path: _tag(asset) for path, asset in self._files.items()}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer with the file, else let the others answer."""
        if scope["type"] != ScopeType.HTTP or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        asset = self._files.get(scope["path"])
        if asset is None:
            await self._app(scope, receive, send)
            return
        await _answer(scope, send, asset=asset, tag=self._tags[scope["path"]])


def _tag(asset: Asset) -> str:
    return f'W/"{blake2b(asset.content, digest_size=12).hexdigest()}"'


async def _answer(scope: "HTTPScope", send: "Send", *, asset: Asset, tag: str) -> None:
    wants = Headers.from_scope(scope)
    known = wants.get("if-none-match", "") == tag
    coding, body = ("", b"") if known else _form(asset, wants.get("accept-encoding", ""))
    headers = {"cache-control": FOREVER, "etag": tag, "vary": "Accept-Encoding"}
    if not known:
        headers |= {"content-type": asset.kind, "content-length": str(len(body))}
    if coding:
        headers["content-encoding"] = coding
    await send(
        {
            "type": "http.response.start",
            "status": 304 if known else 200,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown, "more_body": False})


def _form(asset: Asset, accepted: str) -> tuple[str, bytes]:
    """The tightest form that the reader takes; a coding with the weight 0 is refused (RFC 9110, 12.5.3)."""
    taken = {
        name.strip()
        for name, _, weight in (each.partition(";") for each in accepted.split(","))
        if not REFUSED.fullmatch(weight.strip())
    }
    for coding, body in asset.packed.items():
        if coding in taken:
            return coding, body
    return "", asset.content
