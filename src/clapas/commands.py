"""The commands that compose the whole platform: up, serve, status, replay."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from clapas.app import Door, attached, platform, until_asked_to_stop
from clapas.bus import NatsBus
from clapas.config import load
from clapas.domain.errors import InvalidInput
from clapas.domain.window import Window
from clapas.engines import DataDirectory
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.pipeline.replay import Difference, replay
from clapas.roles import Orders, main, pipeline_ports
from clapas.store import Store

Data = Annotated[
    Path,
    typer.Option("--data", help="The data directory.", envvar="CLAPAS_DATA", show_default=True),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT = Path("clapas-data")
STEPS = {
    "engines": "engines (PostgreSQL, ClickHouse, NATS)",
    "migrations": "tables",
    "pipeline": "the main path",
    "web": "the pages and the API",
}


def register(app: typer.Typer) -> None:
    """Add the commands of the whole platform."""
    app.command()(up)
    app.command()(status)
    app.command("replay")(replay_command)
    app.command("serve")(serve)


def up(
    data: Data = DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the page and the API; 0 = a free one.")] = 8080,
) -> None:
    """Start the platform in a data directory; Ctrl-C stops it without loss."""
    console = Console(stderr=True)

    async def run() -> None:
        def step(name: str) -> None:
            console.print(f"  starting {STEPS.get(name, name)} …")

        stop = asyncio.create_task(until_asked_to_stop())
        async with platform(data, door=Door(host=host, port=port), progress=step) as running:
            console.print(f"Clapas answers at [bold]{running.address}[/bold]")
            if running.first_link:
                console.print(f"Sign in once, as administrator: [bold]{running.first_link}[/bold]")
            await stop
            console.print("stopping …")

    asyncio.run(run())


def serve(role: Annotated[str, typer.Argument(help="pipeline or web")]) -> None:
    """Run one role of the platform; its orders (JSON) come on standard input."""
    sys.exit(main(role))


def status(data: Data = DEFAULT, *, as_json: AsJson = False) -> None:
    """Engines, sources and the ledger: received = stored + duplicate + rejected + in flight."""
    answer = asyncio.run(_status(data))
    if as_json:
        print(msgspec.json.encode(answer).decode())
        return
    Console().print(_sentences(answer))


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What ``clapas status --json`` prints."""

    running: bool
    engines: dict[str, str]
    sources: dict[str, dict[str, int]]
    ledger: Ledger


async def _status(data: Path) -> Status:
    running = DataDirectory.held(data)
    async with (
        attached(data) as addresses,
        Store.open(addresses, pool=2) as store,
        NatsBus.open(addresses.nats) as bus,
    ):
        last = await store.ledger.last_by_source()
        return Status(
            running=running,
            engines={"postgres": "ok", "clickhouse": "ok", "nats": "ok"},
            sources={
                name: {"last_received_ms": seen, "messages_24h": messages, "rejects_24h": rejects}
                for name, (seen, messages, rejects) in last.items()
            },
            ledger=await read_ledger(store, bus),
        )


def _sentences(answer: Status) -> str:
    ledger = answer.ledger
    lines = [
        f"The platform {'runs' if answer.running else 'is stopped'}.",
        f"received {ledger.received} = stored {ledger.stored} + duplicate {ledger.duplicate}"
        f" + rejected {ledger.rejected} + in flight {ledger.in_flight}"
        f" — {'balanced' if ledger.balanced else f'NOT BALANCED, lost {ledger.lost}'}",
    ]
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
    data: Data = DEFAULT,
    model: Annotated[str, typer.Option(help="Only devices of this model.")] = "",
    device: Annotated[str, typer.Option(help="Only this device.")] = "",
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decode the raw messages of a period again: values changed, added, gone."""
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
