"""The built page: immutable assets, and one entry document for every address of its own.

Only files that were in the folder at the start are served, by an exact look-up: no path is joined.
"""

import mimetypes
from functools import cache
from pathlib import Path

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from clapas.domain.errors import NotFound
from clapas.web.guard import asks
from clapas.web.services import Call

STATIC = Path(__file__).parent.parent / "static"
FOREVER = "public, max-age=31536000, immutable"
MODULE = "text/javascript; charset=utf-8"
NOT_BUILT = (
    '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Clapas</title></head><body>'
    "<main><h1>Clapas</h1><p>La plateforme fonctionne, mais sa page n’a pas été construite : "
    "lancez <code>./clapas setup</code>, puis redémarrez.</p>"
    '<p lang="en">The platform runs, but its page was not built: run <code>./clapas setup</code>, '
    'then start again. <a href="/api">API</a></p></main></body></html>'
)
RESERVED = ("api/", "in/", "metrics", "health", "ngsi-ld/", "assets/")


class Asset(msgspec.Struct, frozen=True):
    """A file of the page in memory."""

    content: bytes
    kind: str
    hashed: bool


@cache
def assets(folder: Path) -> dict[str, Asset]:
    """Every file of the built page by its path in the folder; symbolic links are left out."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(folder).as_posix()
            found[name] = Asset(path.read_bytes(), _kind(name), name.startswith("assets/"))
    return found


def _kind(name: str) -> str:
    if name.endswith((".js", ".mjs")):
        return MODULE
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def answer(name: str, files: dict[str, Asset]) -> Response[bytes]:
    """The file of that name, else the entry document for an address of the page."""
    asset = files.get(name)
    if asset is None:
        if name.startswith(RESERVED) or "." in name.rpartition("/")[2]:
            raise NotFound(path=name[:200])
        asset = files.get("index.html")
    if asset is None:
        return Response(NOT_BUILT.encode(), media_type="text/html; charset=utf-8")
    cache_control = FOREVER if asset.hashed else "no-cache"
    return Response(asset.content, media_type=asset.kind, headers={"Cache-Control": cache_control})


@get(["/", "/{path:path}"], opt=asks("read", "entrance"), include_in_schema=False)
async def page(request: Call, path: FromPath[str] = "") -> Response[bytes]:
    """The page."""
    return answer(path.strip("/"), assets(request.app.state.static))


HANDLERS = (page,)
