"""Device models: how their bytes are read and what is expected of them."""

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, JSONBody

from clapas.domain.device import Model
from clapas.domain.errors import InvalidInput
from clapas.fleet.models import ModelIn, save_model
from clapas.rules.files import read_rule
from clapas.rules.model import Sql
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_codecs import trial_name
from clapas.store.rules_values import RuleRow
from clapas.web.answers import Listed, listing
from clapas.web.api.alarms import rules_of
from clapas.web.guard import asks
from clapas.web.services import Call, rows_of, services_of

LONGEST_NAME = 100


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the catalogue lists it; ``devices``: how many are of it."""

    id: str
    label: str
    maker: str
    codec: str
    version: int
    interval_s: int | None
    licence: str
    origin: str
    devices: int


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """On how many devices a change of the model acts, by how they are."""

    devices: int
    states: dict[str, int]


@get("/api/v1/models", tags=["devices"], opt=asks("read", "model"), summary="Models")
async def models(request: Call) -> Response[Listed[Model]]:
    """Every device model."""
    return listing(request, await services_of(request).store.models.all())


@get("/api/v1/catalogue", tags=["devices"], opt=asks("read", "model"), summary="The catalogue")
async def rows(request: Call) -> Response[Listed[ModelRow]]:
    """Every model in short, with its licence and how many devices have it."""
    store = services_of(request).store
    used = await store.fleet.models_used()
    found = [
        ModelRow(
            id=each.id,
            label=each.label,
            maker=each.maker,
            codec=each.codec.kind,
            version=each.codec.version,
            interval_s=each.interval_s,
            licence=str(each.settings.get("licence", "")),
            origin=str(each.settings.get("origin", "")),
            devices=used.get(each.id, 0) + used.get(trial_name(each.id), 0),
        )
        for each in await store.models.all()
        if not each.id.endswith(trial_name(""))
    ]
    return listing(request, found)


@get("/api/v1/models/{id:str}", tags=["devices"], opt=asks("read", "model"), summary="A model")
async def model(request: Call, id: FromPath[str]) -> Model:  # noqa: A002
    """One device model."""
    return await services_of(request).store.models.get(id)


@get("/api/v1/models/{id:str}/reach", tags=["devices"], opt=asks("read", "model"), summary="Reach")
async def reach(request: Call, id: FromPath[str]) -> Reach:  # noqa: A002
    """How many devices a change of this model touches, devices on a trial of its codec included."""
    fleet = services_of(request).store.fleet
    states: dict[str, int] = {}
    for name in (id, trial_name(id)):
        for key, count in (
            await fleet.count(rows_of(request, "device"), DeviceQuery(model=name))
        ).items():
            states[key] = states.get(key, 0) + count
    used = await fleet.models_used()
    return Reach(devices=used.get(id, 0) + used.get(trial_name(id), 0), states=states)


@put("/api/v1/models/{id:str}", tags=["devices"], opt=asks("administer", "model"), summary="Change")
async def change(request: Call, id: FromPath[str], data: JSONBody[ModelIn]) -> Model:  # noqa: A002
    """Create or change a model; refused unless ``devices`` is how many it touches."""
    if not 1 <= len(id) <= LONGEST_NAME or id.endswith(trial_name("")):
        raise InvalidInput("a model's id has 1 to 100 letters", field="id")
    return await save_model(services_of(request).store, id, wanted=data)


@post(
    "/api/v1/models/{id:str}/alarms",
    status_code=200,
    tags=["devices"],
    opt=asks("write", "rule"),
    summary="Its default alarms",
)
async def alarms(request: Call, id: FromPath[str]) -> list[str]:  # noqa: A002
    """Make the model's default alarms: one rule each, for all its devices; again, they are renewed."""
    services = services_of(request)
    found = await services.store.models.get(id)
    wanted = []
    for number, body in enumerate(found.settings.get("alarms") or [], start=1):
        target = {**body.get("target", {}), "model": id}
        named = {"owner": request.user.name, **body, "id": f"{id}-{number}"[-64:], "target": target}
        rule = read_rule(named)
        if isinstance(rule.when, Sql):
            raise InvalidInput("a model's alarm is not a question in SQL", field="alarms")
        wanted.append(rule)
    for rule in wanted:
        body = msgspec.to_builtins(rule)
        body.pop("revision", None)
        row = RuleRow(id=rule.id, revision=0, body=body, enabled=rule.enabled, owner=rule.owner)
        await rules_of(services).save(row, who=request.user.name)
    return [each.id for each in wanted]


HANDLERS = (models, rows, model, reach, change, alarms)
