"""The codec bench: bytes to values, saved examples, a new version tried, rolled out and rolled back."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from clapas.domain.device import CodecRef
from clapas.domain.errors import InvalidInput
from clapas.fleet.bench import Answer, Bench, Check, Trial
from clapas.store.fleet_codecs import Rollout, Vector
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

Script = Annotated[str, msgspec.Meta(max_length=400_000)]
Hex = Annotated[str, msgspec.Meta(max_length=2000)]
Mode = Annotated[str, msgspec.Meta(pattern="^(ttn|chirpstack)$")]
Port = Annotated[int, msgspec.Meta(ge=0, le=255)]


class DecodeIn(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes to read, with the model's codec, or with a script that is not saved."""

    payload: Hex
    f_port: Port | None = None
    script: Script = ""
    mode: Mode = "ttn"


class VectorIn(msgspec.Struct, frozen=True, kw_only=True):
    """An example to save."""

    payload: Hex
    expected: dict[str, Any]
    label: Annotated[str, msgspec.Meta(max_length=200)] = ""
    f_port: Port | None = None


class ScriptIn(msgspec.Struct, frozen=True, kw_only=True):
    """A script: to try on the last ``uplinks``, or to save and try on ``devices`` (0: on all)."""

    script: Script
    mode: Mode = "ttn"
    uplinks: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 100
    devices: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 10


class CodecOut(msgspec.Struct, frozen=True, kw_only=True):
    """A model's codec with its text, its examples, its roll-outs, and how many devices use it."""

    codec: CodecRef
    script: str
    devices: int
    checks: list[Check]
    vectors: list[dict[str, Any]]
    rollouts: list[Rollout]


def _bench(request: Call) -> Bench:
    services = services_of(request)
    return Bench(services.store, services.codecs)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", " "))
    except ValueError as error:
        raise InvalidInput("bytes are hexadecimal", field="payload") from error


@get("/api/v1/models/{id:str}/codec", tags=["codecs"], opt=asks("read", "model"))
async def codec(request: Call, id: FromPath[str]) -> CodecOut:  # noqa: A002
    """The codec of a model: its text, its examples run now, its roll-outs."""
    store, bench = services_of(request).store, _bench(request)
    model = await store.models.get(id)
    script = await bench.script_of(model.codec)
    vectors = await store.rollouts.vectors(id)
    return CodecOut(
        codec=model.codec,
        script=script,
        devices=(await store.fleet.models_used()).get(id, 0),
        checks=await bench.check(id, model.codec, script=script),
        vectors=[
            {**msgspec.structs.asdict(each), "payload": each.payload.hex()} for each in vectors
        ],
        rollouts=await store.rollouts.rollouts(id),
    )


@post(
    "/api/v1/models/{id:str}/codec/decode",
    status_code=200,
    tags=["codecs"],
    opt=asks("write", "model"),
    summary="Bytes to values",
)
async def decode(request: Call, id: FromPath[str], data: JSONBody[DecodeIn]) -> Answer:  # noqa: A002
    """What the model's codec, or a script that is not saved, makes of bytes."""
    bench = _bench(request)
    model = await services_of(request).store.models.get(id)
    ref, script = model.codec, data.script
    if script:
        ref = CodecRef(kind="javascript", name=id, mode=data.mode)
    else:
        script = await bench.script_of(ref)
    return await bench.decode(ref, script, payload=_bytes(data.payload), f_port=data.f_port)


@post("/api/v1/models/{id:str}/codec/vectors", tags=["codecs"], opt=asks("write", "model"))
async def add_vector(request: Call, id: FromPath[str], data: JSONBody[VectorIn]) -> dict[str, int]:  # noqa: A002
    """Save an example, run at every save of the codec."""
    store = services_of(request).store
    await store.models.get(id)
    vector = Vector(
        label=data.label, f_port=data.f_port, payload=_bytes(data.payload), expected=data.expected
    )
    return {"id": await store.rollouts.add_vector(id, vector)}


@delete(
    "/api/v1/models/{id:str}/codec/vectors/{vector:int}",
    tags=["codecs"],
    opt=asks("write", "model"),
)
async def remove_vector(request: Call, id: FromPath[str], vector: FromPath[int]) -> None:  # noqa: A002
    """Forget an example."""
    await services_of(request).store.rollouts.remove_vector(id, vector)


@post(
    "/api/v1/models/{id:str}/codec/try",
    status_code=200,
    tags=["codecs"],
    opt=asks("write", "model"),
    summary="Try a script",
)
async def try_script(request: Call, id: FromPath[str], data: JSONBody[ScriptIn]) -> Trial:  # noqa: A002
    """What a script would change: saved examples and the last real frames. Saves nothing."""
    return await _bench(request).try_script(id, data.script, mode=data.mode, uplinks=data.uplinks)


@post(
    "/api/v1/models/{id:str}/codec",
    tags=["codecs"],
    opt=asks("write", "model"),
    summary="Save a script",
)
async def save(request: Call, id: FromPath[str], data: JSONBody[ScriptIn]) -> Rollout:  # noqa: A002
    """Save a script as the next version, and try it on a few devices (0: on all)."""
    return await _bench(request).save(
        id, data.script, mode=data.mode, devices=data.devices, actor=request.user.id
    )


@post(
    "/api/v1/rollouts/{number:int}/everywhere",
    status_code=200,
    tags=["codecs"],
    opt=asks("write", "model"),
)
async def everywhere(request: Call, number: FromPath[int]) -> Rollout:
    """The version that was tried becomes the model's."""
    return await services_of(request).store.rollouts.everywhere(number)


@post(
    "/api/v1/rollouts/{number:int}/back",
    status_code=200,
    tags=["codecs"],
    opt=asks("write", "model"),
)
async def back(request: Call, number: FromPath[int]) -> Rollout:
    """The version before, everywhere."""
    return await services_of(request).store.rollouts.back(number)


HANDLERS = (codec, decode, add_vector, remove_vector, try_script, save, everywhere, back)
