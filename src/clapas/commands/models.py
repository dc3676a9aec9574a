"""``clapas models``: the catalogue of device models, and the versions of their codecs."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clapas.commands.data import ACTOR, DEFAULT, Data, store_of, tell, with_store

if TYPE_CHECKING:
    from clapas.fleet.bench import Bench
    from clapas.store import Store

Model = Annotated[str, typer.Argument(help="The model's id.")]
Script = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .js codec.")]
Mode = Annotated[str, typer.Option(help="ttn (sloppy script) or chirpstack (ES module).")]


def register(app: typer.Typer) -> None:
    """Add ``models`` and its commands."""
    models = typer.Typer(help="Device models and their codecs.", no_args_is_help=True)
    models.command("list")(list_models)
    models.command("import")(import_models)
    models.command("check")(check)
    models.command("vector")(vector)
    models.command("try")(try_script)
    models.command("save")(save)
    models.command("everywhere")(everywhere)
    models.command("back")(back)
    app.add_typer(models, name="models")


def list_models(data: Data = DEFAULT) -> None:
    """Every model with its codec, its licence and how many devices have it."""
    from clapas.fleet.models import ship

    async def work(store: "Store") -> list[dict[str, Any]]:
        await ship(store)
        used = await store.fleet.models_used()
        return [
            {
                "id": each.id,
                "label": each.label,
                "maker": each.maker,
                "codec": f"{each.codec.kind} {each.codec.version}",
                "interval_s": each.interval_s,
                "licence": each.settings.get("licence", ""),
                "devices": used.get(each.id, 0),
            }
            for each in await store.models.all()
        ]

    tell(with_store(data, work))


def import_models(
    path: Annotated[
        Path,
        typer.Argument(exists=True, help="A catalogue, a vendor's folder, one device, or a ZIP."),
    ],
    licence: Annotated[str, typer.Option(help="Under which licence it is given; recorded.")],
    *,
    data: Data = DEFAULT,
    vendor: Annotated[str, typer.Option(help="Only this vendor.")] = "",
) -> int:
    """Import chirpstack-device-profiles (TOML) or a device-repository (YAML); examples are run and told."""
    from clapas.fleet.catalogue import import_archive, import_path

    async def work(store: "Store") -> list[Any]:
        if path.suffix.lower() == ".zip":
            content = path.read_bytes()
            return list(await import_archive(store, content, licence=licence, vendor=vendor))
        return list(await import_path(store, path, licence=licence, vendor=vendor))

    found = with_store(data, work)
    tell(found)
    return 1 if any(each.failed for each in found) else 0


async def _bench(data: Path, work: Any) -> Any:
    from clapas.codecs import CodecPool
    from clapas.fleet.bench import Bench

    async with store_of(data) as store, CodecPool.open(1) as codecs:
        return await work(Bench(store, codecs), store)


def check(model: Model, data: Data = DEFAULT) -> int:
    """Run the saved examples of a model with its present codec."""

    async def work(bench: "Bench", store: Any) -> Any:
        codec = (await store.models.get(model)).codec
        return await bench.check(model, codec, script=await bench.script_of(codec))

    found = asyncio.run(_bench(data, work))
    tell(found)
    return 0 if all(each.ok for each in found) else 1


def vector(
    model: Model,
    payload: Annotated[str, typer.Argument(metavar="HEX", help="The payload.")],
    *,
    expected: Annotated[str, typer.Argument(metavar="JSON", help='Such as {"temperature": 21}.')],
    data: Data = DEFAULT,
    port: Annotated[int | None, typer.Option("--port", "-p", help="LoRaWAN fPort.")] = None,
    label: Annotated[str, typer.Option(help="What it shows.")] = "",
) -> None:
    """Save an example, which runs at every save of the model's codec."""
    import msgspec

    from clapas.store.fleet_codecs import Vector

    wanted = Vector(
        label=label, f_port=port, payload=bytes.fromhex(payload), expected=msgspec.json.decode(expected)
    )  # fmt: skip

    async def work(bench: "Bench", store: Any) -> Any:  # noqa: ARG001
        await store.models.get(model)
        return await store.rollouts.add_vector(model, wanted)

    tell({"vector": asyncio.run(_bench(data, work))})


def try_script(
    model: Model,
    script: Script,
    *,
    data: Data = DEFAULT,
    mode: Mode = "ttn",
    uplinks: Annotated[int, typer.Option(help="How many of the last real frames.")] = 100,
) -> None:
    """What a script would change on saved examples and on the last real frames; saves nothing."""

    async def work(bench: "Bench", store: Any) -> Any:  # noqa: ARG001
        return await bench.try_script(model, script.read_text("utf-8"), mode=mode, uplinks=uplinks)

    tell(asyncio.run(_bench(data, work)))


def save(
    model: Model,
    script: Script,
    *,
    data: Data = DEFAULT,
    mode: Mode = "ttn",
    devices: Annotated[int, typer.Option(help="Try on so many first; 0: on all.")] = 10,
) -> None:
    """Save a script as the next version and try it on a few devices; refused if an example breaks."""

    async def work(bench: "Bench", store: Any) -> Any:  # noqa: ARG001
        text = script.read_text("utf-8")
        return await bench.save(model, text, mode=mode, devices=devices, actor=ACTOR)

    tell(asyncio.run(_bench(data, work)))


def everywhere(
    rollout: Annotated[int, typer.Argument(help="The roll-out's number.")], data: Data = DEFAULT
) -> None:
    """The version that is tried becomes the model's."""

    tell(with_store(data, lambda store: store.rollouts.everywhere(rollout)))


def back(
    rollout: Annotated[int, typer.Argument(help="The roll-out's number.")], data: Data = DEFAULT
) -> None:
    """The version before, everywhere."""

    tell(with_store(data, lambda store: store.rollouts.back(rollout)))
