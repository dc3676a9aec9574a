"""Device models: how their bytes are read and what is expected of them."""

from litestar import Response, get
from litestar.params import FromPath

from clapas.domain.device import Model
from clapas.web.answers import Listed, listing
from clapas.web.guard import asks
from clapas.web.services import Call, services_of


@get("/api/v1/models", tags=["devices"], opt=asks("read", "model"), summary="Models")
async def models(request: Call) -> Response[Listed[Model]]:
    """Every device model."""
    return listing(request, await services_of(request).store.models.all())


@get("/api/v1/models/{id:str}", tags=["devices"], opt=asks("read", "model"), summary="A model")
async def model(request: Call, id: FromPath[str]) -> Model:  # noqa: A002
    """One device model."""
    return await services_of(request).store.models.get(id)


HANDLERS = (models, model)
