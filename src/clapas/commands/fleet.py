"""``clapas fleet``: import, undo, export, look after and synchronise the devices from the command line."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from clapas.commands.data import ACTOR, DEFAULT, Data, store_of, tell, with_store
from clapas.domain.errors import InvalidInput

if TYPE_CHECKING:
    from clapas.store import Store

SHOWN = 40


def register(app: typer.Typer) -> None:
    """Add ``fleet`` and its commands."""
    fleet = typer.Typer(help="The fleet: import, undo, export, repair, sync.", no_args_is_help=True)
    fleet.command("import")(import_file)
    fleet.command("undo")(undo)
    fleet.command("export")(export)
    fleet.command("repairs")(repairs)
    fleet.command("sync")(synchronise)
    fleet.command("claim")(claim)
    app.add_typer(fleet, name="fleet")


async def _quiet(done: int, total: int) -> None:
    """Progress is told to nobody here."""


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or XLSX.")],
    data: Data = DEFAULT,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge the lines, only.")] = False,
    skip_bad: Annotated[bool, typer.Option(help="Import the good lines alone.")] = False,
    correct: Annotated[
        list[str] | None, typer.Option(help="Corrections to accept: swapped, lambert93.")
    ] = None,
    refuse_existing: Annotated[
        bool, typer.Option(help="Devices that exist are errors rather than updated.")
    ] = False,
) -> int:
    """Import a spreadsheet of devices: every bad line is named, and nothing is half-imported."""
    from clapas.fleet.errors import ImportBad

    choices = {
        "skip_bad": skip_bad,
        "corrections": correct or [],
        "existing": "refuse" if refuse_existing else "update",
    }
    try:
        answer = asyncio.run(
            _import(data, file.name, content=file.read_bytes(), choices=choices, dry_run=dry_run)
        )
    except ImportBad as error:
        tell({"refused": error.values})
        return 1
    tell(answer)
    return 1 if answer["report"]["bad"] else 0


async def _import(
    data: Path, name: str, *, content: bytes, choices: dict[str, Any], dry_run: bool
) -> dict[str, Any]:
    from clapas.fleet.importing import Plan, apply
    from clapas.fleet.importing import dry_run as judge_only
    from clapas.fleet.sealing import Sealer
    from clapas.fleet.sheet import preview
    from clapas.orders import kept_secret

    found = preview(content)
    plan = msgspec.to_builtins(Plan(shape=found.shape, columns=found.columns, **choices))
    async with store_of(data) as store:
        number = (await store.imports.add(name, content, plan=plan, actor=ACTOR)).id
        report = await judge_only(store, number, progress=_quiet)
        if not dry_run:
            sealer = Sealer(kept_secret(data, "fleet"))
            report = await apply(store, number, sealer=sealer, actor=ACTOR, progress=_quiet)
        lines = (await store.imports.lines(number, limit=SHOWN)).items
        return {
            "import": number,
            "columns": found.columns,
            "shape": found.shape,
            "report": report,
            "lines": lines,
        }


def undo(
    number: Annotated[int, typer.Argument(help="The import, as its answer numbered it.")],
    data: Data = DEFAULT,
    *,
    force: Annotated[
        bool, typer.Option(help="Leave what somebody changed since as it is.")
    ] = False,
) -> None:
    """Undo an import within 24 hours: everything as it was."""
    from clapas.fleet import importing

    tell(with_store(data, lambda store: importing.undo(store, number, force=force)))


def export(
    file: Annotated[Path, typer.Argument(help="The XLSX to write.")],
    data: Data = DEFAULT,
    *,
    where: Annotated[
        list[str] | None,
        typer.Option(help="A condition name=value: q, model, source, state, service, tag, group …"),
    ] = None,
) -> None:
    """Write the devices, all or those of some conditions, with the columns of the import."""
    from clapas.domain.access import RowFilter
    from clapas.fleet.workbook import sheet_of

    query = query_of(where or [])

    everything = RowFilter(everything=True)
    page = with_store(data, lambda store: store.fleet.select(everything, query, limit=100_000))
    file.write_bytes(sheet_of(page.items))
    print(f"{len(page.items)} devices in {file}")


def query_of(conditions: list[str]) -> Any:
    """A query of devices from ``name=value`` conditions. Raises InvalidInput."""
    from clapas.store.fleet import DeviceQuery

    pairs = [each.partition("=") for each in conditions]
    unknown = [name for name, _, _ in pairs if name not in DeviceQuery.__struct_fields__]
    if unknown or not all(mark for _, mark, _ in pairs):
        raise InvalidInput("a condition is name=value", unknown=unknown, field="where")
    return msgspec.convert({name: text for name, _, text in pairs if name != "keys"}, DeviceQuery)


def repairs(data: Data = DEFAULT) -> int:
    """Look at the whole fleet now and list what is wrong, what touches most devices first."""
    from clapas.fleet.health import examine, sweep

    async def work(store: "Store") -> dict[str, Any]:
        await examine(store)
        counts = await sweep(store)
        return {"counts": counts, "repairs": await store.health.repairs(limit=SHOWN)}

    answer = with_store(data, work)
    tell(answer)
    return 1 if answer["counts"] else 0


def synchronise(
    network: Annotated[str, typer.Argument(help="chirpstack or things_stack")],
    data: Data = DEFAULT,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Do it, instead of saying it.")] = False,
) -> int:
    """Compare with a network server's registry; with --apply bring each side what it lacks."""
    from clapas.config import load
    from clapas.fleet.sealing import Sealer
    from clapas.fleet.settings import Settings
    from clapas.fleet.tasks import TASKS
    from clapas.jobs import Worker
    from clapas.orders import kept_secret

    kind = f"fleet.{network}"
    if network not in {"chirpstack", "things_stack"}:
        message = f"{network!r} is no network server; accepted: chirpstack, things_stack"
        raise InvalidInput(message, field="network", accepted=["chirpstack", "things_stack"])

    async def work(store: "Store") -> dict[str, Any]:
        job = await store.jobs.add(kind, {"dry": not apply}, actor=ACTOR)
        tools = {Sealer: Sealer(kept_secret(data, "fleet")), Settings: load(data).fleet}
        worker = Worker(store, {kind: TASKS[kind]}, tools=tools)
        while (found := await store.jobs.get(job.id)).finished is None:
            await worker.step()
        return {"state": found.state, "error": found.error, "result": found.result}

    done = with_store(data, work)
    tell(done)
    return 0 if done["state"] == "done" else 1


def claim(
    data: Data = DEFAULT,
    device: Annotated[str, typer.Option(help="The one device that may use it.")] = "",
    *,
    uses: Annotated[int, typer.Option(help="How many new devices may use it.")] = 1,
    model: Annotated[str, typer.Option(help="The model that they get.")] = "",
    days: Annotated[int, typer.Option(help="For how many days it serves.")] = 30,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Active at once, without anybody's approval.")
    ] = False,
) -> None:
    """Make a claim code, by which new devices let themselves in; it is printed this once."""
    from clapas.config import load
    from clapas.identity import Identity
    from clapas.orders import kept_secret
    from clapas.store.fleet_claims import NewClaim
    from clapas.store.identity import IdentityStore

    wanted = NewClaim(
        device=device, uses=uses, model=model, lifecycle="active" if trusted else "proposed",
        expires=datetime.now(UTC) + timedelta(days=days),
    )  # fmt: skip

    async def work(store: "Store") -> str:
        identity = Identity(
            IdentityStore(store.postgres),
            pepper=kept_secret(data, "pepper"),
            allowed=lambda *_: False,
            settings=load(data).identity,
        )
        return (await identity.claims.make(wanted, actor=ACTOR))[1]

    print(with_store(data, work))
