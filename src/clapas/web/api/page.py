"""The built page: one entry document for every address of its own, and the files whose names do not change."""

from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from clapas.domain.errors import NotFound
from clapas.opendata.city import FEEDS
from clapas.web.files import Asset, assets
from clapas.web.guard import asks
from clapas.web.services import Call

STATIC = Path(__file__).parent.parent / "static"
NOT_BUILT = (
    '<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Clapas</title></head><body>'
    "<main><h1>Clapas</h1><p>La plateforme fonctionne, mais sa page n’a pas été construite : "
    "lancez <code>./clapas setup</code>, puis redémarrez.</p>"
    '<p lang="en">The platform runs, but its page was not built: run <code>./clapas setup</code>, '
    'then start again. <a href="/api">API</a></p></main></body></html>'
)
DOORS = ("api", "in", "ngsi-ld", "sta", "gbfs", "assets")
CITY = tuple(f"{feed}{end}" for feed in FEEDS for end in ("", "_timeseries"))
RESERVED = ("metrics", "health", *(f"{door}/" for door in (*DOORS, *CITY)))
"""Below a door of programs a wrong address is an error, never the page."""


def answer(name: str, files: dict[str, Asset]) -> Response[bytes]:
    """The file of that name, else the entry document for an address of the page."""
    asset = files.get(name)
    if asset is None:
        if name.startswith(RESERVED) or "." in name.rpartition("/")[2]:
            raise NotFound(path=name[:200])
        asset = files.get("index.html")
    if asset is None:
        return Response(NOT_BUILT.encode(), media_type="text/html")
    kind = asset.kind.partition(";")[0]  # the framework adds the charset of texts itself
    return Response(asset.content, media_type=kind, headers={"Cache-Control": "no-cache"})


@get(["/", "/{path:path}"], opt=asks("read", "entrance"), include_in_schema=False)
async def page(request: Call, path: FromPath[str] = "") -> Response[bytes]:
    """The page."""
    return answer(path.strip("/"), assets(request.app.state.static))


HANDLERS = (page,)
