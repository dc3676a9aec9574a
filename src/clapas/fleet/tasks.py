"""The fleet's long work, as jobs."""

from typing import Any

from clapas.fleet import importing
from clapas.fleet.sealing import Sealer
from clapas.jobs import Running, Task


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


TASKS = {
    "fleet.import.check": Task(run=check_import),
    "fleet.import.apply": Task(run=apply_import),
    "fleet.import.undo": Task(run=undo_import),
}
