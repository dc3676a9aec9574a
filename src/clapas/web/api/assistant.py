"""The first-source assistant: who knocks, what it probably is, and letting it in."""

from typing import Annotated
from urllib.parse import quote

import msgspec
from litestar import get, post
from litestar.params import FromQuery, JSONBody

from clapas.codecs.device import codecs
from clapas.domain.device import Binding, CodecRef, Entity, Model
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.message import RawMessage, Uplink
from clapas.domain.quantities import QUANTITIES
from clapas.sources import understand
from clapas.sources.errors import Malformed
from clapas.store.values import Frame, RawRow, Reject
from clapas.web.answers import Listed, page_size
from clapas.web.api.devices import (
    DeviceOut,
    FrameOut,
    Latitude,
    Longitude,
    Short,
    device_out,
    frame_out,
    visible,
)
from clapas.web.api.placing import commune_for
from clapas.web.api.rejects import send_again
from clapas.web.guard import asks
from clapas.web.guessing import Codecs, Guess, guess_uplink, sample_bytes
from clapas.web.services import Call, rows_of, services_of

Sample = Annotated[str, msgspec.Meta(max_length=100_000)]
TypeName = Annotated[str, msgspec.Meta(pattern=r"^(?:[A-Za-z][A-Za-z0-9_]{0,63})?$")]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A device that waits, or a sample pasted from a manual: hex, base64, or the source's JSON."""

    source: Short = ""
    device: Short = ""
    sample: Sample = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An unknown device with its last frame."""

    device: DeviceOut
    frame: FrameOut | None


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is let in; with ``type``, its channels feed a new entity of that type."""

    device: Short
    model: Short = ""
    name: Short = ""
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    type: TypeName = ""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The device, the entity that it feeds ('' when none), how many waiting messages were sent again."""

    device: DeviceOut
    entity: str
    retried: int


async def _waiting_rejects(request: Call) -> dict[str, list[Reject]]:
    """The messages of unknown devices that wait, newest first, by device."""
    page = await services_of(request).store.rejects.page(reason="unknown_device", limit=1000)
    found: dict[str, list[Reject]] = {}
    for each in page.items:
        found.setdefault(each.device or each.detail, []).append(each)
    return found


async def _last_raw(request: Call, key: str, *, rejects: dict[str, list[Reject]]) -> RawRow | None:
    """The last raw message of a device, among its own or among those that wait."""
    store = services_of(request).store
    page = await store.raw.frames(key, limit=1)
    if page.items:
        return page.items[0].raw
    waiting = rejects.get(key)
    if not waiting:
        return None
    raws = await store.raw.by_sequences([(waiting[0].log, waiting[0].sequence)])
    return raws[0] if raws else None


async def _last_frame(request: Call, key: str) -> RawMessage | None:
    raw = await _last_raw(request, key, rejects=await _waiting_rejects(request))
    if raw is None:
        return None
    return RawMessage(
        source=raw.source, topic=raw.topic, received=raw.received, payload=raw.payload
    )


def _read(message: RawMessage, key: str) -> Uplink:
    """The uplink of a device in a message; the first one when none bears its name."""
    found = understand(message)
    of_device = [each for each in found if each.device == key]
    if not found:
        raise NotFound(device=key)
    return (of_device or list(found))[0]


def _sample_uplink(source: str, sample: str) -> Uplink:
    """A pasted sample: the source's own message if it reads it, else bytes of a device."""
    if source and sample.lstrip()[:1] in {"{", "["}:
        try:
            return _read(RawMessage(source, f"/in/{source}", 0, sample.encode()), "")
        except Malformed:
            pass
    return Uplink(source=source, device="sample", payload=sample_bytes(sample))


async def _guess(request: Call, uplink: Uplink) -> Guess:
    services = services_of(request)
    models = services.store.models
    return await guess_uplink(
        uplink, await models.all(), codecs=Codecs(services.codecs, models.script)
    )


@post(
    "/api/v1/assistant/guess",
    status_code=200,
    tags=["assistant"],
    opt=asks("read", "assistant"),
    summary="What is this device?",
)
async def guess(request: Call, data: JSONBody[Question]) -> Guess:
    """The probable model, codec and quantities of a waiting device or of a pasted sample."""
    if data.sample:
        return await _guess(request, _sample_uplink(data.source, data.sample))
    if not data.device:
        raise InvalidInput("give a device or a sample", field="device")
    row = await visible(request, data.device)
    message = await _last_frame(request, row.device.key)
    if message is None:
        raise NotFound("nothing was heard of this device yet", device=row.device.key)
    return await _guess(request, _read(message, row.device.key))


@get(
    "/api/v1/assistant/waiting",
    tags=["assistant"],
    opt=asks("read", "assistant"),
    summary="Who waits",
)
async def waiting(
    request: Call, source: FromQuery[str] = "", limit: FromQuery[int] = 20
) -> Listed[Waiting]:
    """Devices that were heard and that nobody accepted yet, with their last frame."""
    store = services_of(request).store
    page = await store.registry.devices(
        rows_of(request, "device"),
        source=source,
        lifecycle="proposed",
        limit=min(page_size(limit), 50),
    )
    items = []
    rejects = await _waiting_rejects(request)
    for row in page.items:
        raw = await _last_raw(request, row.device.key, rejects=rejects)
        frame = Frame(raw=raw, result="rejected", reason="unknown_device") if raw else None
        items.append(Waiting(device=device_out(row), frame=frame_out(frame) if frame else None))
    return Listed(items=items, next=page.next)


@post(
    "/api/v1/assistant/accept",
    status_code=200,
    tags=["assistant"],
    opt=asks("write", "device"),
    summary="Let a device in",
)
async def accept(request: Call, data: JSONBody[Acceptance]) -> Accepted:
    """Give the device its model and place, make its entity, send its waiting messages again."""
    services = services_of(request)
    row = await visible(request, data.device, action="write")
    key = row.device.key
    message = await _last_frame(request, key)
    best = await _guess(request, _read(message, key)) if message else None
    model = data.model or (best.model if best else "")
    if model:
        await _ensure_model(request, model)
    device = msgspec.structs.replace(
        row.device,
        lifecycle="active",
        model=model,
        name=data.name or row.device.name,
        longitude=data.longitude,
        latitude=data.latitude,
        commune=await commune_for(request, key, longitude=data.longitude, latitude=data.latitude),
    )
    await services.store.registry.save_devices([device], simulated=row.simulated)
    entity = (
        await _make_entity(request, data, best=best, commune=device.commune) if data.type else ""
    )
    retried = await _send_waiting(request, key)
    fresh = await services.store.registry.device(key)
    return Accepted(device=device_out(fresh), entity=entity, retried=retried)


async def _ensure_model(request: Call, name: str) -> None:
    """A codec of ours that no model names yet becomes a model. Raises NotFound for another name."""
    models = services_of(request).store.models
    try:
        await models.get(name)
    except NotFound:
        known = codecs().get(name)
        if known is not None:
            codec = CodecRef(kind="python", name=known.name, version=known.version)
            model = Model(id=name, label=known.label, maker=known.maker, codec=codec)
        elif name == "cayenne_lpp":
            codec = CodecRef(kind="cayenne", name="cayenne", version=1)
            model = Model(id=name, label="Cayenne LPP", codec=codec)
        else:
            raise
        await models.save([model])


async def _make_entity(request: Call, data: Acceptance, *, best: Guess | None, commune: str) -> str:
    store = services_of(request).store
    device = data.device
    entity = f"urn:ngsi-ld:{data.type}:{quote(device, safe='')}"
    await store.entities.upsert(
        [
            Entity(
                id=entity,
                type=data.type,
                name=data.name,
                longitude=data.longitude,
                latitude=data.latitude,
                commune=commune,
            )
        ]
    )
    bindings = [
        Binding(
            channel=each.channel,
            entity=entity,
            attribute=QUANTITIES[each.quantity].ngsi,
            quantity=each.quantity,
        )
        for each in (best.readings if best else ())
        if each.quantity in QUANTITIES and each.quantity != "number"
    ]
    if bindings:
        await store.registry.bind(device, bindings)
    return entity


async def _send_waiting(request: Call, key: str) -> int:
    waiting = await _waiting_rejects(request)
    return await send_again(services_of(request), waiting.get(key, []))


HANDLERS = (guess, waiting, accept)
