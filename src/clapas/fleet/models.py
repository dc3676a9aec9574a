"""Device models that ship, and what a person may write in one.

The catalogue that ships is ours: one model for each codec written for Clapas (EUPL-1.2), with the
examples of public manuals; other catalogues are imported with their own licence.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from clapas.codecs.device import codecs
from clapas.domain.device import CodecRef, Model
from clapas.domain.errors import Conflict, InvalidInput, NotFound
from clapas.domain.quantities import QUANTITIES
from clapas.fleet.battery import Battery
from clapas.fleet.lines import label_of
from clapas.fleet.orders import known_commands
from clapas.store import Store
from clapas.store.fleet_codecs import trial_name

LICENCE = "EUPL-1.2"


class ModelIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model as a person writes it; ``devices`` is how many that person was shown to be touched.

    ``alarms``: rules without their target, proposed for every device; ``page``: attributes, the most
    telling first; ``radio``: the LoRaWAN profile.
    """

    label: str
    maker: str = ""
    interval_s: int | None = None
    quantities: dict[str, str] = {}
    units: dict[str, str] = {}
    radio: dict[str, Any] = {}
    battery: Battery | None = None
    commands: dict[str, Any] = {}
    alarms: list[dict[str, Any]] = []
    page: list[str] = []
    licence: str = ""
    codec: CodecRef | None = None
    devices: int = 0


def shipped() -> list[Model]:
    """The catalogue that comes with Clapas: one model a codec, and the two self-describing formats."""
    own = [
        Model(
            id=each.name,
            label=each.label,
            maker=each.maker,
            codec=CodecRef(kind="python", name=each.name, version=each.version),
            settings={"licence": LICENCE, "origin": "clapas", "products": list(each.models)},
        )
        for each in codecs().values()
    ]
    return [
        *own,
        Model(
            id="cayenne_lpp",
            label="Cayenne LPP",
            codec=CodecRef(kind="cayenne", name="cayenne", version=1),
            settings={"licence": LICENCE, "origin": "clapas"},
        ),
        Model(
            id="senml",
            label="SenML (RFC 8428)",
            codec=CodecRef(kind="senml", name="senml", version=1),
            settings={"licence": LICENCE, "origin": "clapas"},
        ),
    ]


async def ship(store: Store) -> int:
    """Add the models that ship and are not there yet; gives how many."""
    known = {each.id for each in await store.models.all()}
    missing = [each for each in shipped() if each.id not in known]
    await store.models.save(missing)
    return len(missing)


async def model_named(store: Store, name: str) -> Model:
    """The model of an id, or of the label that people read. Raises NotFound, Conflict when two bear it."""
    try:
        return await store.models.get(name)
    except NotFound:
        found = [m for m in await store.models.all() if label_of(m.label) == label_of(name)]
    if len(found) > 1:
        raise Conflict("several models bear this label", models=[each.id for each in found])
    if not found:
        raise NotFound(model=name)
    return found[0]


async def save_model(store: Store, model_id: str, *, wanted: ModelIn) -> Model:
    """Create a model, or change one and all its devices with it.

    Raises Conflict, with how many devices are touched, when that is not what the person was shown.
    """
    try:
        old = await store.models.get(model_id)
    except NotFound:
        old = Model(id=model_id, label=wanted.label)
    used = await store.fleet.models_used()
    reach = used.get(model_id, 0) + used.get(trial_name(model_id), 0)
    if reach != wanted.devices:
        raise Conflict("this acts on another number of devices", devices=reach)
    model = _model(old, wanted)
    known_commands(model)
    await store.models.save([model])
    return model


def _model(old: Model, wanted: ModelIn) -> Model:
    unknown = sorted(set(wanted.quantities.values()) - QUANTITIES.keys())
    if unknown:
        raise InvalidInput("unknown quantities", field="quantities", unknown=unknown)
    if not wanted.label.strip() or (wanted.interval_s is not None and wanted.interval_s < 1):
        raise InvalidInput("a model has a label, and an interval of at least a second")
    said: Mapping[str, Any] = {
        "radio": wanted.radio,
        "battery": msgspec.to_builtins(wanted.battery) if wanted.battery else None,
        "commands": wanted.commands,
        "alarms": wanted.alarms,
        "page": wanted.page,
        "licence": wanted.licence,
    }
    kept = {name: value for name, value in old.settings.items() if name not in said}
    return msgspec.structs.replace(
        old,
        label=wanted.label.strip(),
        maker=wanted.maker,
        interval_s=wanted.interval_s,
        quantities=wanted.quantities,
        units=wanted.units,
        codec=wanted.codec or old.codec,
        settings={**kept, **{name: value for name, value in said.items() if value}},
    )
