"""The command ``clapas usecase``: which trades there are; add one, remove one."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clapas.usecases.discovery import add, discover, remove
from clapas.usecases.errors import NoSuchPack

Data = Annotated[Path, typer.Option("--data", help="Data directory.")]
HERE = Path("clapas-data")


def register(app: typer.Typer) -> None:
    """Add ``clapas usecase …`` to the command line."""
    usecase = typer.Typer(help="Trades: list, add, remove packs.", no_args_is_help=True)
    usecase.command("list")(list_packs)
    usecase.command("add")(add_pack)
    usecase.command("remove")(remove_pack)
    usecase.command("rules")(print_rules)
    app.add_typer(usecase, name="usecase")


def list_packs(data: Data = HERE) -> None:
    """The trades that are on: name, version, where it comes from, what it answers."""
    for pack in discover(data).values():
        typer.echo(f"{pack.name} {pack.version} ({pack.origin}): {pack.page.question.en}")


def add_pack(
    source: Annotated[Path, typer.Argument(help="A pack's folder, or a wheel that holds one.")],
    data: Data = HERE,
) -> None:
    """Add or update a trade; its files are checked first and no code of theirs is run."""
    pack = add(source, data)
    typer.echo(
        f"{pack.name} {pack.version} added: {len(pack.indicators)} indicators, {len(pack.rules)} rules"
    )


def remove_pack(
    name: Annotated[str, typer.Argument(help="The trade's name.")], data: Data = HERE
) -> None:
    """Take a trade away; what it measured stays."""
    done = remove(name, data)
    typer.echo(
        f"{name}: {'deleted' if done == 'deleted' else 'switched off; add it again to switch it on'}"
    )


def print_rules(
    name: Annotated[str, typer.Argument(help="The trade's name.")], data: Data = HERE
) -> None:
    """Print the trade's alarm rules as a file to import."""
    pack = discover(data).get(name)
    if pack is None:
        raise NoSuchPack(f"no trade {name!r}", pack=name)
    typer.echo(msgspec.json.format(msgspec.json.encode(pack.rules), indent=2).decode())
