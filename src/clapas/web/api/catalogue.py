"""Models from public catalogues, imported with the result of their examples."""

from typing import Annotated

from litestar import post
from litestar.params import QueryParameter

from clapas.fleet.catalogue import Imported, import_archive
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

LARGEST = 30_000_000


@post(
    "/api/v1/catalogue",
    tags=["codecs"],
    opt=asks("administer", "model"),
    request_max_body_size=LARGEST,
    summary="Import a catalogue of models",
)
async def catalogue(
    request: Call,
    licence: Annotated[str, QueryParameter(max_length=100)] = "",
    vendor: Annotated[str, QueryParameter(max_length=100)] = "",
) -> list[Imported]:
    """A ZIP of chirpstack-device-profiles (TOML) or device-repository (YAML), or of one vendor of it."""
    content = await request.body()
    return await import_archive(services_of(request).store, content, licence=licence, vendor=vendor)


HANDLERS = (catalogue,)
