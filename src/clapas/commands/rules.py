"""``clapas rules``: the rules and what they are worth, as files, and what they would have raised."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clapas.commands.data import DEFAULT, Data, store_of

if TYPE_CHECKING:
    from clapas.rules.files import Line
    from clapas.store import Store
    from clapas.store.rules import RulesStore
    from clapas.store.rules_values import RuleRow, RuleScore

COMMAND = "clapas rules import"
"""Who changed a rule, in its book of revisions, when no account did."""
MONTH_MS = 30 * 86_400_000
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="A file of rules, or a trade's list.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    rules = typer.Typer(
        no_args_is_help=True, help="Alarm rules: list, export, import, replay, remove."
    )
    rules.command("list")(show)
    rules.command("export")(export)
    rules.command("import")(import_file)
    rules.command("replay")(replay_file)
    rules.command("remove")(remove)
    app.add_typer(rules, name="rules")


def show(data: Data = DEFAULT) -> None:
    """Each rule: id, revision, on or off, open alarms, alarms of thirty days, precision, title."""
    for line in asyncio.run(_listed(data)):
        typer.echo(line)


def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where the rules are written.")],
    data: Data = DEFAULT,
) -> None:
    """Write every rule to a file that the import and the page take."""
    body = asyncio.run(_exported(data))
    file.write_bytes(body)
    typer.echo(f"{file}: {len(body)} bytes")


def import_file(
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    data: Data = DEFAULT,
) -> int:
    """Create and change rules by id; one that contradicts itself is refused, with the reason."""
    lines = asyncio.run(_imported(data, file.read_bytes(), dry_run=dry_run))
    for each in lines:
        typer.echo(f"{each.result:8} {each.id}{': ' + each.reason if each.reason else ''}")
    return 1 if any(each.result == "refused" for each in lines) else 0


def replay_file(file: File, data: Data = DEFAULT) -> int:
    """Say what each rule of a file would have raised in the last thirty days; nothing is kept."""
    lines, refused = asyncio.run(_replayed(data, file.read_bytes()))
    for line in lines:
        typer.echo(line)
    return 1 if refused else 0


def remove(
    rule: Annotated[str, typer.Argument(help="The rule's id.")], data: Data = DEFAULT
) -> None:
    """Remove a rule: what it raised is cleared; its alarms and its revisions stay."""
    asyncio.run(_removed(data, rule))


async def _listed(data: Path) -> list[str]:
    async with store_of(data) as store:
        kept = _rules_of(store)
        scores = await kept.scores(since=time.time_ns() // 1_000_000 - MONTH_MS)
        return [_line(each, scores.get(each.id)) for each in await kept.all()]


def _line(row: "RuleRow", score: "RuleScore | None") -> str:
    precision = f"{score.confirmed / score.settled:.0%}" if score and score.settled else "-"
    return (
        f"{row.id:32} {row.revision:4} {'on' if row.enabled else 'off':3} "
        f"{score.open if score else 0:5} {score.last_30_days if score else 0:6} {precision:>5} "
        f"{row.body.get('title', '')}"
    )


async def _exported(data: Path) -> bytes:
    from clapas.rules.files import written

    async with store_of(data) as store:
        return await written(store)


async def _imported(data: Path, body: bytes, *, dry_run: bool) -> "list[Line]":
    from clapas.rules.files import keep, read

    async with store_of(data) as store:
        return await keep(store, read(body), who=COMMAND, dry_run=dry_run)


async def _replayed(data: Path, body: bytes) -> tuple[list[str], int]:
    from clapas.domain.errors import OwnerError
    from clapas.rules.files import read

    told = []
    refused = 0
    async with store_of(data) as store:
        for each in read(body):
            try:
                told.append(await _one_replayed(store, each))
            except OwnerError as error:
                told.append(f"{each.get('id', '')}: refused: {error}")
                refused += 1
    return told, refused


async def _one_replayed(store: "Store", body: dict[str, Any]) -> str:
    from clapas.domain.access import RowFilter
    from clapas.rules.files import read_rule
    from clapas.rules.replay import replay

    rule = read_rule(body)
    found = await replay(store, rule, rows=RowFilter(everything=True))
    return (
        f"{rule.id}: {found.alarms} alarms on {found.entities} of {found.watched} watched, "
        f"{found.per_day:g} a day ({found.basis})"
    )


async def _removed(data: Path, rule: str) -> None:
    async with store_of(data) as store:
        await _rules_of(store).remove(rule)


def _rules_of(store: "Store") -> "RulesStore":
    from clapas.store.rules import RulesStore

    return RulesStore(store.postgres, store.clickhouse)
