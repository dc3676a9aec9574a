"""The commands of operation: ``clapas feed``."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from clapas.ops.feed import Progress
    from clapas.ops.simulate.senders import Count


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    app.command("feed")(feed_file)


def feed_file(
    file: Annotated[Path, typer.Argument(help="A recorded file, plain or gzipped.")],
    source: Annotated[str, typer.Option("--as", help="The connector whose wire form it takes.")],
    *,
    speed: Annotated[
        float,
        typer.Option(help="1 = recorded pace, 60 = an hour a minute, 0 = as fast as possible."),
    ] = 0.0,
    to: Annotated[str, typer.Option(help="The platform's address.")] = "http://127.0.0.1:8000",
    data: Annotated[
        Path | None,
        typer.Option(help="The data directory of a platform on this machine: no key is needed."),
    ] = None,
    key: Annotated[
        str, typer.Option(envvar="CLAPAS_KEY", help="A service key that may publish.")
    ] = "",
    mqtt: Annotated[
        str,
        typer.Option(
            envvar="CLAPAS_MQTT",
            help="mqtt://user:password@host:port, for sources that speak MQTT.",
        ),
    ] = "",
    ca_file: Annotated[str, typer.Option(help="Certificates (PEM) of an internal authority.")] = "",
    options: Annotated[
        str, typer.Option(help="Query that the door understands, such as timezone=Europe/Paris.")
    ] = "",
) -> int:
    """Send a recorded file through a connector's real door, in its wire form."""
    from clapas.ops.feed import feed
    from clapas.ops.local_doors import local_doors
    from clapas.ops.simulate.senders import Doors
    from clapas.sources.recordings import wire_messages

    doors = Doors(http=to, key=key, mqtt=mqtt, ca_file=ca_file)
    messages = wire_messages(file, source, options=options)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, transient=True) as bar:
        task = bar.add_task(f"{file.name} → {source}", total=None)

        def tell(progress: "Progress") -> None:
            bar.update(task, description=f"{file.name} → {source}: {_line(progress)}")

        async def run() -> "Count":
            if data is None:
                return await feed(messages, doors, speed=speed, tell=tell)
            async with local_doors(data, http=to) as local:
                return await feed(messages, local, speed=speed, tell=tell)

        count = asyncio.run(run())
    print(summary(count))
    return 1 if count.refused else 0


def _line(progress: "Progress") -> str:
    when = datetime.fromtimestamp(progress.time_ms / 1000, UTC) if progress.time_ms else None
    at = f", {when:%Y-%m-%d %H:%M}" if when else ""
    return f"{progress.sent} sent, {progress.accepted} accepted{at}"


def summary(count: "Count") -> str:
    """One line for the end: what was sent, what the log has, what was refused."""
    refused = "".join(f", {number} refused ({code})" for code, number in count.refused.items())
    return f"{count.sent} sent, {count.accepted} accepted{refused}"
