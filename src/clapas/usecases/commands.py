"""The command ``clapas usecase``: which trades there are; add one, remove one."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from clapas.usecases.errors import NoSuchPack

if TYPE_CHECKING:
    from clapas.usecases.enrol import Stewards
    from clapas.usecases.pack import Pack

Data = Annotated[Path, typer.Option("--data", help="Data directory.")]
HERE = Path("clapas-data")


def register(app: typer.Typer) -> None:
    """Add ``clapas usecase …`` to the command line."""
    usecase = typer.Typer(help="Trades: list, add, remove packs.", no_args_is_help=True)
    usecase.command("list")(list_packs)
    usecase.command("check")(check_pack)
    usecase.command("add")(add_pack)
    usecase.command("remove")(remove_pack)
    usecase.command("rules")(print_rules)
    app.add_typer(usecase, name="usecase")


def list_packs(data: Data = HERE) -> None:
    """The trades that are on: name, version, where it comes from, what it answers. Fails when one cannot be read."""
    from clapas.usecases.discovery import broken, discover

    for pack in discover(data).values():
        typer.echo(f"{pack.name} {pack.version} ({pack.origin}): {pack.page.question.en}")
    unread = broken(data)
    for name, why in unread.items():
        typer.echo(f"{name} cannot be read and is left out: {why}", err=True)
    if unread:
        raise typer.Exit(1)


def check_pack(
    folder: Annotated[Path, typer.Argument(help="A pack's folder.", exists=True, file_okay=False)],
) -> None:
    """Check a pack before it is added: its form, its words, the source of its numbers, its story up to the
    alarm. Fails when something is wrong."""
    from clapas.usecases.pack import load
    from clapas.usecases.story import wrong_in

    pack = load(folder)
    wrong = [*pack.unsourced, *wrong_in(pack)]
    for each in wrong:
        typer.echo(each, err=True)
    if wrong:
        raise typer.Exit(1)
    typer.echo(f"{pack.name} {pack.version}: its form, its words, its sources and its story hold")


def add_pack(
    source: Annotated[
        str, typer.Argument(help="A pack's folder, a wheel that holds one, or a trade's name.")
    ],
    data: Data = HERE,
    *,
    owner: Annotated[str, typer.Option(help="Service that answers for the data.")] = "",
    steward: Annotated[str, typer.Option(help="Person to ask about the data.")] = "",
    controller: Annotated[str, typer.Option(help="Controller (GDPR art. 4), a legal person.")] = "",
) -> None:
    """Add or update a trade: its files are checked and no code of theirs is run; its dataset's record enters
    the charter, its rules the engine."""
    from clapas.usecases.enrol import Stewards

    pack = named(source, data)
    typer.echo(
        f"{pack.name} {pack.version} added: {len(pack.indicators)} indicators, {len(pack.rules)} rules"
    )
    said = any((owner, steward, controller))
    who = Stewards(owner=owner, steward=steward, controller=controller) if said else None
    typer.echo(asyncio.run(in_force(pack, data, who=who)))


def named(source: str, data: Path) -> "Pack":
    """The pack of a folder or wheel, added; or one that is at hand under this name, switched on again."""
    from clapas.usecases.discovery import add, switch_on

    path = Path(source)
    return switch_on(source, data) if not path.exists() else add(path, data)


def remove_pack(
    name: Annotated[str, typer.Argument(help="The trade's name.")], data: Data = HERE
) -> None:
    """Take a trade away with its record and rules; what it measured stays."""
    from clapas.usecases.discovery import discover, remove

    pack = discover(data).get(name)
    done = remove(name, data)
    typer.echo(
        f"{name}: {'deleted' if done == 'deleted' else 'switched off; add it again to switch it on'}"
    )
    if pack is not None:
        typer.echo(asyncio.run(in_force(pack, data, away=True)))


async def in_force(
    pack: "Pack", data: Path, *, who: "Stewards | None" = None, away: bool = False
) -> str:
    """Tell the running platform; gives what it answers, or that none runs."""
    from clapas.engines.running import running_addresses
    from clapas.store import Store
    from clapas.usecases.discovery import discover
    from clapas.usecases.enrol import enrol, withdraw

    addresses = running_addresses(data)
    if addresses is None:
        return f"no platform runs in {data}: its record and rules follow when it starts"
    async with Store.open(addresses, pool=2) as store:
        done = (
            await withdraw(store, pack.name)
            if away
            else await enrol(store, pack, who=who, rivals=discover(data).values())
        )
    return done.sentence


def print_rules(
    name: Annotated[str, typer.Argument(help="The trade's name.")], data: Data = HERE
) -> None:
    """Print the trade's alarm rules as a file to import."""
    from clapas.usecases.discovery import discover

    pack = discover(data).get(name)
    if pack is None:
        raise NoSuchPack(f"no trade {name!r}", pack=name)
    typer.echo(msgspec.json.format(msgspec.json.encode(pack.rules), indent=2).decode())
