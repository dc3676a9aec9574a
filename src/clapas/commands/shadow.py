"""``clapas shadow``: run beside the platform in place, compare every day, then cut over or leave."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from clapas.commands.data import ACTOR, DEFAULT, Data, tell, with_store
from clapas.commands.fleet import query_of

if TYPE_CHECKING:
    from clapas.store import Store

Name = Annotated[str, typer.Argument(help="The shadow run's name.")]


def register(app: typer.Typer) -> None:
    """Add ``shadow`` and its commands."""
    shadow = typer.Typer(help="Beside the platform in place.", no_args_is_help=True)
    shadow.command("start")(start)
    shadow.command("compare")(compare)
    shadow.command("show")(show)
    shadow.command("cut-over")(cut_over)
    shadow.command("leave")(leave)
    app.add_typer(shadow, name="shadow")


def start(
    name: Name,
    where: Annotated[
        list[str], typer.Option(help="Which devices, name=value: source, model, tag, group …")
    ],
    *,
    data: Data = DEFAULT,
    rules: Annotated[
        str,
        typer.Option(
            help='How values are compared, JSON: {"tolerance_s": 60, "days": 14, "least": 0.999}.'
        ),
    ] = "{}",
) -> None:
    """Begin a shadow run; until it ends, its devices take no command from here."""
    from clapas.fleet.comparison import Rules
    from clapas.fleet.shadow import rules_of
    from clapas.store.fleet_shadow import Shadow

    wanted = Shadow(
        name=name,
        query=msgspec.to_builtins(query_of(where)),
        rules=msgspec.json.decode(rules),
        actor=ACTOR,
    )
    chosen: Rules = rules_of(wanted)

    async def work(store: "Store") -> Any:
        await store.shadows.save(msgspec.structs.replace(wanted, rules=msgspec.to_builtins(chosen)))
        return await store.shadows.get(name)

    tell(with_store(data, work))


def compare(
    name: Name,
    file: Annotated[
        Path, typer.Argument(exists=True, help="Their CSV: device, attribute, time, value.")
    ],
    *,
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The civil day.")],
    data: Data = DEFAULT,
) -> int:
    """Compare one civil day: counts and values; exit status 1 when something differs."""
    from clapas.fleet.shadow import compare_day

    content = file.read_bytes()
    report = with_store(
        data, lambda store: compare_day(store, name, day=day.date(), content=content)
    )
    tell(report)
    return 0 if report.equal == report.there else 1


def show(name: Name, data: Data = DEFAULT) -> None:
    """The run, its days, and whether it is time to cut over."""
    from clapas.fleet.shadow import is_ready

    async def work(store: "Store") -> Any:
        found = await store.shadows.get(name)
        days = (await store.shadows.days(name, limit=60)).items
        return {"shadow": found, "ready": await is_ready(store, found), "days": days}

    tell(with_store(data, work))


def cut_over(
    name: Name,
    data: Data = DEFAULT,
    *,
    force: Annotated[bool, typer.Option("--force", help="Although the days do not agree.")] = False,
) -> None:
    """End the run and take the devices over: commands are ours to give from now on."""
    from clapas.fleet import shadow

    tell(with_store(data, lambda store: shadow.cut_over(store, name, actor=ACTOR, force=force)))


def leave(
    name: Name,
    data: Data = DEFAULT,
    *,
    retire: Annotated[
        bool, typer.Option("--retire", help="Its devices leave service here; history stays.")
    ] = False,
) -> None:
    """End the run without taking over."""
    from clapas.fleet import shadow

    tell(with_store(data, lambda store: shadow.leave(store, name, actor=ACTOR, retire=retire)))
