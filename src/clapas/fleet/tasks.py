"""The fleet's long work, as jobs."""

from datetime import datetime
from typing import Any

import httpx

from clapas.codecs import CodecPool
from clapas.fleet import bulk, chirpstack, health, importing, shadow, sync, things_stack
from clapas.fleet.dispatch import Publisher, dispatch
from clapas.fleet.models import ship
from clapas.fleet.network import Network
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings
from clapas.jobs import Running, Task, Tick, Tools


async def check_import(run: Running) -> dict[str, Any]:
    """Dry run of an import."""
    return await importing.dry_run(run.store, run.args["import"], progress=run.progress)


async def apply_import(run: Running) -> dict[str, Any]:
    """An import."""
    return await importing.apply(
        run.store,
        run.args["import"],
        sealer=run.tool(Sealer),
        actor=run.job.actor,
        progress=run.progress,
    )


async def undo_import(run: Running) -> dict[str, Any]:
    """The undoing of an import."""
    return await importing.undo(
        run.store, run.args["import"], force=bool(run.args.get("force", False))
    )


async def examine(run: Running) -> dict[str, Any]:
    """Every device's last day and battery; communes that are missing; old imports are forgotten."""
    filled = await health.fill_communes(run.store)
    await run.store.imports.purge()
    await run.store.jobs.purge()
    return {"unwell": await health.examine(run.store), "communes": filled}


async def synchronise_chirpstack(run: Running) -> dict[str, Any]:
    """Compare with ChirpStack, and unless it is a dry run bring each side what it lacks."""
    async with chirpstack.connect(run.tool(Settings)) as network:
        return await _synchronise(run, network)


async def synchronise_things_stack(run: Running) -> dict[str, Any]:
    """Compare with The Things Stack, and unless it is a dry run bring each side what it lacks."""
    async with things_stack.connect(run.tool(Settings)) as network:
        return await _synchronise(run, network)


async def _synchronise(run: Running, network: Network) -> dict[str, Any]:
    remote = await network.read()
    wanted = await sync.plan(run.store, network, remote=remote)
    told: dict[str, Any] = wanted.told()
    if run.args.get("dry", True):
        return told
    sealer = run.tool(Sealer)
    received = await sync.receive(run.store, network, remote=remote, wanted=wanted, sealer=sealer)
    sent = await sync.send(
        run.store, network, remote=remote, wanted=wanted, sealer=sealer, note=run.note
    )
    return {**told, "received": received, "sent": sent}


async def ship_models(run: Running) -> dict[str, Any]:
    """The models that come with this version and are not there yet."""
    return {"models": await ship(run.store)}


async def fill_communes(run: Running) -> dict[str, Any]:
    """Communes that are missing."""
    return {"communes": await health.fill_communes(run.store)}


async def compare_shadows(run: Running) -> dict[str, Any]:
    """The past days of running shadows whose platform gives its readings."""
    feeds = run.tool(Settings).shadow_feeds
    today = datetime.now(await run.store.territory.zone()).date()
    async with httpx.AsyncClient() as client:
        return {"days": await shadow.fetch_days(run.store, feeds, client=client, today=today)}


async def sweep(tools: Tools) -> None:
    """What is wrong with the fleet now."""
    await health.sweep(tools.store)


async def send(tools: Tools) -> None:
    """One round of the queue of commands."""
    await dispatch(tools.store, tools.tool(Publisher), codecs=tools.tool(CodecPool))


TASKS = {
    "fleet.import.check": Task(run=check_import),
    "fleet.import.apply": Task(run=apply_import),
    "fleet.import.undo": Task(run=undo_import),
    "fleet.chirpstack": Task(run=synchronise_chirpstack, attempts=1),
    "fleet.things_stack": Task(run=synchronise_things_stack, attempts=1),
    "fleet.bulk": Task(run=bulk.act),
    "fleet.communes": Task(run=fill_communes),
    "fleet.models": Task(run=ship_models, every_s=86_400),
    "fleet.shadow": Task(run=compare_shadows, every_s=3600),
    "fleet.examine": Task(run=examine, every_s=3600),
}
TICKS = {"fleet.sweep": Tick(run=sweep, every_s=60), "fleet.commands": Tick(run=send, every_s=1)}
