"""Where a device is put and what it is said to be, once the charter and the registry know both."""

from clapas.domain.access import Resource
from clapas.domain.errors import Forbidden, InvalidInput, NotFound
from clapas.web.guard import require
from clapas.web.services import Call, rows_of, services_of


async def commune_for(
    request: Call, key: str, *, longitude: float | None, latitude: float | None
) -> str:
    """The INSEE code of the commune that holds a device's place, '' when there is none.

    Raises Forbidden, with the article, when the caller may not write devices there.
    """
    services = services_of(request)
    commune = ""
    if longitude is not None and latitude is not None:
        (commune,) = await services.store.territory.commune_at([(longitude, latitude)])
    if not await services.store.registry.may_place(
        rows_of(request, "device", action="write"), key=key, commune=commune
    ):
        thing = Resource(kind="device", id=key, dataset="?", commune=commune)
        require(services.charter, request.user, action="write", resource=thing)
        raise Forbidden(action="write", kind="device", commune=commune)
    return commune


async def check_model(request: Call, model: str) -> None:
    """Raises InvalidInput when a device is said to be of a model that is not there."""
    if not model:
        return
    try:
        await services_of(request).store.models.get(model)
    except NotFound as error:
        raise InvalidInput("there is no such model", field="model", model=model) from error
