"""``clapas rules``: rules as files, and what they would have raised."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clapas.commands.data import DEFAULT, Data, store_of

if TYPE_CHECKING:
    from clapas.rules.files import Line

COMMAND = "clapas rules import"
"""Who changed a rule, in its book of revisions, when no account did."""


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    rules = typer.Typer(no_args_is_help=True, help="Alarm rules: export, import, replay.")
    rules.command("export")(export)
    rules.command("import")(import_file)
    rules.command("replay")(replay_file)
    app.add_typer(rules, name="rules")


def export(
    file: Annotated[Path, typer.Argument(help="Where the rules are written.")], data: Data = DEFAULT
) -> None:
    """Write every rule to a file that the import and the page take."""
    body = asyncio.run(_exported(data))
    file.write_bytes(body)
    typer.echo(f"{file}: {len(body)} bytes")


def import_file(
    file: Annotated[Path, typer.Argument(help="A file of rules, or a trade's list of rules.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    data: Data = DEFAULT,
) -> int:
    """Create and change rules by id; one that contradicts itself is refused, with the reason."""
    lines = asyncio.run(_imported(data, file.read_bytes(), dry_run=dry_run))
    for each in lines:
        typer.echo(f"{each.result:8} {each.id}{': ' + each.reason if each.reason else ''}")
    return 1 if any(each.result == "refused" for each in lines) else 0


def replay_file(
    file: Annotated[Path, typer.Argument(help="A file of rules.")], data: Data = DEFAULT
) -> None:
    """Say what each rule of a file would have raised in the last thirty days; nothing is kept."""
    for line in asyncio.run(_replayed(data, file.read_bytes())):
        typer.echo(line)


async def _exported(data: Path) -> bytes:
    from clapas.rules.files import written

    async with store_of(data) as store:
        return await written(store)


async def _imported(data: Path, body: bytes, *, dry_run: bool) -> "list[Line]":
    from clapas.rules.files import keep, read

    async with store_of(data) as store:
        return await keep(store, read(body), who=COMMAND, dry_run=dry_run)


async def _replayed(data: Path, body: bytes) -> list[str]:
    from clapas.domain.access import RowFilter
    from clapas.rules.files import read, read_rule
    from clapas.rules.replay import replay

    told = []
    async with store_of(data) as store:
        for each in read(body):
            rule = read_rule(each)
            found = await replay(store, rule, rows=RowFilter(everything=True))
            told.append(
                f"{rule.id}: {found.alarms} alarms on {found.entities} of {found.watched} watched, "
                f"{found.per_day:g} a day ({found.basis})"
            )
    return told
