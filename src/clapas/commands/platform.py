"""The commands that compose the whole platform: up, demo, territory, serve, status, replay.

Rooms are imported where they are used: the command line itself stays quick."""

import asyncio
import contextlib
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from clapas.commands.data import DEFAULT, Data, store_and_engines
from clapas.domain.errors import BadSetting, InvalidInput

if TYPE_CHECKING:
    from clapas.config import Configuration
    from clapas.pipeline.ledger import Ledger

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port of the page and the API; 0 = a free one.")]
Profile = Annotated[
    str, typer.Option(help="'conformance': the NGSI-LD door open to this machine, for test suites.")
]
Level = Annotated[
    str,
    typer.Option("--ngsi-ld", help="Level of the NGSI-LD door: '1.9', or '1.8' for older clients."),
]
LEVELS = ("1.8", "1.9")
STEPS = {
    "engines": "engines (PostgreSQL, ClickHouse, NATS)",
    "roles": "the main path, the pages and the API",
}


def register(app: typer.Typer) -> None:
    """Add the commands of the whole platform."""
    app.command()(up)
    app.command()(status)
    app.command("replay")(replay_command)
    app.command("serve")(serve)
    demonstrations = typer.Typer(invoke_without_command=True, help="The demonstration territory.")
    demonstrations.callback()(_demo_or_sub)
    demonstrations.command("remove")(demo_remove)
    app.add_typer(demonstrations, name="demo")
    territories = typer.Typer(no_args_is_help=True, help="The territory of this installation.")
    territories.command("create")(territory_create)
    app.add_typer(territories, name="territory")


def up(
    data: Data = DEFAULT,
    host: Host = "127.0.0.1",
    *,
    port: Port = 8080,
    profile: Profile = "",
    ngsi_ld: Level = "",
) -> None:
    """Start the platform in a data directory; Ctrl-C stops it without loss."""
    simulated = (data / "demonstration.json").exists()
    configuration = profiled(data, profile, host=host) if profile else None
    if ngsi_ld:
        configuration = _at_level(data, configuration, level=ngsi_ld)
    asyncio.run(_run(data, host=host, port=port, simulated=simulated, configuration=configuration))


def profiled(data: Path, profile: str, *, host: str) -> "Configuration":
    """Settings for a purpose: 'conformance' opens the NGSI-LD door to everybody on this machine.

    The port of MQTT is left to the test suite, which starts a broker of its own there and is notified through it.
    """
    from clapas.config import load
    from clapas.context.settings import CONFORMANCE
    from clapas.engines.ports import free_port

    if profile != "conformance":
        raise BadSetting("the profile is 'conformance', or left out", key="profile")
    if host not in {"127.0.0.1", "::1", "localhost"}:
        raise BadSetting("the conformance profile listens on the loopback only", key="host")
    chosen = load(data)
    engines = msgspec.structs.replace(
        chosen.engines, mqtt_port=chosen.engines.mqtt_port or free_port()
    )
    return msgspec.structs.replace(chosen, context=CONFORMANCE, engines=engines)


def _at_level(data: Path, configuration: "Configuration | None", *, level: str) -> "Configuration":
    """The same settings with the NGSI-LD door at a level of its specification."""
    from clapas.config import load

    if level not in LEVELS:
        raise BadSetting(f"the level is one of {', '.join(LEVELS)}", key="ngsi-ld")
    chosen = configuration or load(data)
    context = msgspec.structs.replace(chosen.context, version=level)
    return msgspec.structs.replace(chosen, context=context)


async def _run(
    data: Path,
    *,
    host: str,
    port: int,
    simulated: bool,
    configuration: "Configuration | None" = None,
) -> None:
    from clapas.app import Door, chosen_roles, platform, until_asked_to_stop
    from clapas.config import load

    door = Door(host=host, port=port)
    chosen = configuration or load(data)
    roles = (*chosen_roles(chosen), *(["simulation"] if simulated else []))
    console = Console(stderr=True)
    stop = asyncio.create_task(until_asked_to_stop())

    def step(name: str) -> None:
        console.print(f"  starting {STEPS.get(name, name)} …")

    async with platform(
        data, door=door, roles=roles, progress=step, configuration=chosen
    ) as running:
        console.print(f"Clapas answers at [bold]{running.address}[/bold]")
        if running.first_link:
            console.print("Sign in once, as administrator:")
            console.print(f"[bold]{running.first_link}[/bold]", soft_wrap=True)
        console.print(from_elsewhere(running.address), soft_wrap=True)
        console.print("Ctrl-C stops it.")
        await (_watch(console, data, stop=stop) if simulated else stop)
        console.print("stopping …")


def from_elsewhere(address: str) -> str:
    """What to type on one's own machine when the platform runs on another."""
    port = address.rpartition(":")[2]
    return f"From another machine: ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}, then the same address."


async def _watch(console: Console, data: Path, *, stop: asyncio.Task[None]) -> None:
    """Show what the simulation does until somebody asks to stop."""
    with console.status("loading the demonstration …") as line:
        while not stop.done():
            with contextlib.suppress(OSError):
                line.update((data / "run" / "simulation.txt").read_text())
            await asyncio.wait([stop], timeout=1)


def _demo_or_sub(
    context: typer.Context,
    data: Data = Path("clapas-demo"),
    *,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    size: Annotated[int, typer.Option(help="Simulated devices.", min=20, max=200_000)] = 600,
    recordings: Annotated[
        Path | None,
        typer.Option(help="A folder of real recordings, fed through the same doors."),
    ] = None,
) -> None:
    """A lively demonstration: Montpellier's 31 communes with simulated sensors."""
    if context.invoked_subcommand:
        return
    from clapas.ops import demonstration

    if recordings is not None and not recordings.is_dir():
        raise InvalidInput(f"{recordings} is not a folder", field="recordings")
    demonstration.mark(data, size=size, recordings=str(recordings.resolve()) if recordings else "")
    asyncio.run(_run(data, host=host, port=port, simulated=True))


def demo_remove(data: Data = Path("clapas-demo")) -> None:
    """Take the demonstration away: its devices, entities and series."""
    from clapas.ops import demonstration

    async def run() -> dict[str, int]:
        async with store_and_engines(data) as (store, _):
            return await demonstration.remove(store, data)

    counts = asyncio.run(run())
    Console().print("removed: " + ", ".join(f"{name} {number}" for name, number in counts.items()))


def territory_create(
    epci: Annotated[str, typer.Option(help="SIREN of the EPCI, nine digits.")] = "",
    geojson: Annotated[
        Path | None, typer.Option(help="Communes of your own (properties code, nom).")
    ] = None,
    *,
    name: Annotated[str, typer.Option(help="Name of the territory, with --geojson.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA timezone of civil days.")] = "Europe/Paris",
    data: Data = DEFAULT,
) -> None:
    """Give the installation its territory: communes, contours, populations, town halls."""
    from clapas.ops import demonstration
    from clapas.ops.territory import from_epci, from_geojson

    if bool(epci) == bool(geojson):
        raise InvalidInput("give either --epci or --geojson", field="epci")
    found = (
        from_geojson(geojson.read_bytes(), name=name or geojson.stem)
        if geojson
        else from_epci(epci)
    )

    async def run() -> None:
        async with store_and_engines(data, new=True) as (store, _):
            await demonstration.save_territory(store, found, timezone=timezone)

    asyncio.run(run())
    Console().print(f"{found.name}: {len(found.communes)} communes, {found.population} inhabitants")


def serve(role: Annotated[str, typer.Argument(help="pipeline, web, rules, jobs…")]) -> None:
    """Run one role of the platform; its orders (JSON) come on standard input."""
    from clapas.roles import main

    sys.exit(main(role))


def status(data: Data = DEFAULT, *, as_json: AsJson = False) -> None:
    """Engines, sources and the ledger: received = stored + duplicate + rejected + in flight."""
    answer = asyncio.run(_status(data))
    if as_json:
        print(msgspec.json.encode(answer).decode())
        return
    Console().print(_sentences(answer))


async def _status(data: Path) -> "Status":
    from clapas.bus import NatsBus
    from clapas.engines import DataDirectory
    from clapas.pipeline.ledger import read_ledger

    running = DataDirectory.held(data)
    async with store_and_engines(data) as (store, addresses), NatsBus.open(addresses.nats) as bus:
        await bus.prepare()
        last = await store.ledger.last_by_source()
        return Status(
            running=running,
            engines=_engines(data) if running else {},
            sources={
                name: {"last_received_ms": seen, "messages_24h": messages, "rejects_24h": rejects}
                for name, (seen, messages, rejects) in last.items()
            },
            ledger=await read_ledger(store, bus),
        )


def _engines(data: Path) -> dict[str, Any]:
    """How the engines are, as the parent last wrote it."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        states = msgspec.json.decode((data / "run" / "health.json").read_bytes())
        return {each["name"]: each for each in states}
    return {}


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What ``clapas status --json`` prints."""

    running: bool
    engines: dict[str, Any]
    sources: dict[str, dict[str, int]]
    ledger: "Ledger"


def _sentences(answer: Status) -> str:
    ledger = answer.ledger
    sound = "balanced" if ledger.balanced else f"NOT BALANCED, lost {ledger.lost}"
    account = (
        f"received {ledger.received} = stored {ledger.stored} + duplicate {ledger.duplicate}"
        f" + rejected {ledger.rejected} + in flight {ledger.in_flight} — {sound}"
    )
    lines = [f"The platform {'runs' if answer.running else 'is stopped'}.", account]
    lines += [
        f"  {each.source}: stored {each.stored}, duplicate {each.duplicate}, rejected {each.rejected}"
        + (
            f" ({', '.join(f'{code} {n}' for code, n in each.reasons.items())})"
            if each.reasons
            else ""
        )
        for each in ledger.by_source
    ]
    return "\n".join(lines)


def replay_command(
    start: Annotated[str, typer.Option("--from", help="2026-05-01T00:00+02:00, or a date.")],
    end: Annotated[str, typer.Option("--to", help="Excluded end, written the same way.")],
    *,
    data: Data = DEFAULT,
    model: Annotated[str, typer.Option(help="Only devices of this model.")] = "",
    device: Annotated[str, typer.Option(help="Only this device.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decode the raw messages of a period again: values changed, added, gone."""
    from clapas.app import attached
    from clapas.config import load
    from clapas.domain.window import Window
    from clapas.orders import Orders
    from clapas.pipeline.replay import Difference, replay
    from clapas.roles.pipeline import pipeline_ports

    window = Window(_moment(start), _moment(end))
    console = Console(stderr=True)

    async def run() -> Difference:
        result = Difference()
        async with attached(data) as addresses:
            orders = Orders(
                role="replay",
                addresses=addresses,
                configuration=load(data),
                directory=str(data),
            )
            async with pipeline_ports(orders) as ports:
                async for result in replay(
                    ports, window, model=model, device=device, commit=not dry_run
                ):
                    console.print(f"  {result.messages} messages …", end="\r")
        return result

    found = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    Console().print(
        f"{found.messages} messages, {found.values} values: {found.same} the same,"
        f" {found.changed} changed, {found.added} added, {found.gone} gone"
        + (f"; {found.refused} messages refused" if found.refused else "")
        + ("; nothing was written" if dry_run else f"; kept as generation {found.generation}")
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date or a time (ISO 8601)", field="time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
