"""The commands that keep a platform: backup, restore, handover. They compose; ``ops.keeping`` does the work."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from clapas.commands.data import DEFAULT, Data
from clapas.domain.errors import InvalidInput

if TYPE_CHECKING:
    from clapas.bus import NatsBus
    from clapas.config import Configuration
    from clapas.engines import DataDirectory
    from clapas.ops.keeping.archive import Contents
    from clapas.ops.keeping.keys import Key
    from clapas.ops.keeping.restore import Restored
    from clapas.store import Store

PASSPHRASE = "CLAPAS_BACKUP_PASSPHRASE"  # noqa: S105 - the name of a variable
KeyFile = Annotated[Path | None, typer.Option("--key-file", help="The file that holds the key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WARNING = """\
[bold]A new key was made: {path}[/bold]
Copy it to a safe place away from this machine NOW. Without it no backup can be read, by anybody."""


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("handover")(handover)


def backup(
    data: Data = DEFAULT,
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; a name with the date otherwise.")
    ] = None,
    *,
    key_file: KeyFile = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Seal with a passphrase instead of a key file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write one sealed file with everything: engines, waiting messages, settings, secrets. Verified."""
    from clapas.engines import DataDirectory
    from clapas.ops.keeping.schedule import name_at

    console = Console(stderr=True)
    DataDirectory.expect(data)
    key = _sealing_key(data, key_file, ask=passphrase, console=console)
    target = (to or Path(name_at(datetime.now(UTC)))).absolute()
    made = asyncio.run(_backup(data, target, key=key, console=console))
    if as_json:
        print(msgspec.json.encode({"file": str(target), "contents": made}).decode())
        return
    messages = sum(each.last for each in made.positions)
    Console(soft_wrap=True).print(
        f"{target}: {target.stat().st_size:,} bytes, {messages} messages of the present logs"
        f" ({made.waiting} waiting), {len(made.parts)} parts, read back and verified"
    )


async def _backup(data: Path, target: Path, *, key: "Key", console: Console) -> "Contents":
    from clapas.ops.keeping.copy import make_backup

    async with _opened(data) as (store, bus):
        return await make_backup(
            store,
            bus,
            data=data,
            target=target,
            key=key,
            tell=lambda at: console.print(f"  {at} …"),
        )


@asynccontextmanager
async def _opened(data: Path) -> "AsyncIterator[tuple[Store, NatsBus]]":
    from clapas.app import attached
    from clapas.bus import NatsBus
    from clapas.store import Store, migrate

    async with attached(data) as addresses:
        await migrate(addresses)
        async with (
            Store.open(addresses, pool=3) as store,
            NatsBus.open(addresses.nats) as bus,
        ):
            await bus.prepare()
            yield store, bus


def _sealing_key(data: Path, key_file: Path | None, *, ask: bool, console: Console) -> "Key":
    from clapas.config import load
    from clapas.ops.keeping.keys import key_of_file, key_of_passphrase, make_key_file
    from clapas.ops.keeping.schedule import key_path

    given = os.environ.get(PASSPHRASE, "")
    if ask or (given and key_file is None):
        return key_of_passphrase(
            given or typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
        )
    path = key_file or key_path(load(data).ops, data)
    if path.exists():
        return key_of_file(path)
    key = make_key_file(path)
    console.print(WARNING.format(path=path.absolute()), soft_wrap=True)
    return key


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="An empty data directory to restore into.")
    ] = None,
    *,
    key_file: KeyFile = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Drill: restore into a temporary directory and compare."),
    ] = False,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="Use embedded engines, whatever the saved settings say."),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Restore a backup into an empty data directory, and check that its ledger adds up."""
    if (data is None) == (not verify):
        raise InvalidInput("give either --data EMPTYDIR or --verify", field="data")
    console = Console(stderr=True)
    if data is not None:
        done = asyncio.run(
            _restore(file, data.absolute(), key_file=key_file, embedded=embedded, console=console)
        )
    else:
        done = _drill(file, key_file, console=console)
    sound = done.ledger.balanced and not done.missing
    if as_json:
        print(msgspec.json.encode(done).decode())
    else:
        Console(soft_wrap=True).print(_sentence(done, file, sound=sound))
    return 0 if sound else 1


def _sentence(done: "Restored", file: Path, *, sound: bool) -> str:
    ledger = done.ledger
    rows = sum(done.contents.postgres.values()) + sum(done.contents.clickhouse.values())
    same = "every part copied again is identical; " if done.identical else ""
    end = "the ledger adds up" if sound else f"NOT BALANCED: {ledger.lost + done.missing} missing"
    return (
        f"{file.name} of {done.contents.made:%Y-%m-%d %H:%M} UTC: {rows} rows, {same}"
        f"{done.finished} waiting messages finished; received {ledger.received} = stored"
        f" {ledger.stored} + duplicate {ledger.duplicate} + rejected {ledger.rejected}"
        f" + in flight {ledger.in_flight}: {end}"
    )


def _drill(file: Path, key_file: Path | None, *, console: Console) -> "Restored":
    """Restore beside everything else, compare, and leave nothing behind."""
    from clapas.engines import DataDirectory

    folder = Path(tempfile.mkdtemp(prefix="clapas-drill-"))
    data = folder / "data"
    try:
        return asyncio.run(
            _restore(file, data, key_file=key_file, embedded=True, prove=True, console=console)
        )
    finally:
        if data.exists():
            with DataDirectory.open(data) as directory:
                _empty(directory)
        shutil.rmtree(folder, ignore_errors=True)


async def _restore(
    file: Path,
    data: Path,
    *,
    key_file: Path | None,
    embedded: bool,
    console: Console,
    prove: bool = False,
) -> "Restored":
    from clapas.config import load
    from clapas.engines import DataDirectory
    from clapas.ops.keeping.archive import unpack
    from clapas.ops.keeping.restore import place_files, require_empty

    require_empty(data)
    done = False
    with DataDirectory.open(data) as directory:
        place = directory.run / "restore"
        try:
            console.print("  reading and checking the backup …")
            passphrase = _passphrase_for(file)
            contents = await asyncio.to_thread(
                unpack, file, place, key_file=key_file, passphrase=passphrase
            )
            place_files(place, data)
            configuration = load(data)
            if embedded:
                configuration = msgspec.structs.replace(configuration, engines=_own_engines())
            console.print("  filling the engines …")
            restored = await _fill(
                directory, configuration, contents=contents, place=place, prove=prove
            )
            done = True
            return restored
        finally:
            shutil.rmtree(place, ignore_errors=True)
            if not done:
                _empty(directory)


def _empty(directory: "DataDirectory") -> None:
    """Nothing is left of a restore that failed, so that it can be tried again."""
    shutil.rmtree(directory.public("postgres"), ignore_errors=True)
    for each in directory.path.iterdir():
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink()


def _passphrase_for(file: Path) -> str:
    from clapas.ops.keeping.archive import lock_of

    if lock_of(file).kind != "passphrase":
        return ""
    return os.environ.get(PASSPHRASE) or typer.prompt("Passphrase", hide_input=True)


def _own_engines() -> msgspec.Struct:
    from clapas.engines import Settings

    return Settings(postgres_shared_buffers_mb=64)


async def _fill(
    directory: "DataDirectory",
    configuration: "Configuration",
    *,
    contents: "Contents",
    place: Path,
    prove: bool,
) -> "Restored":
    from clapas.engines import open_engines
    from clapas.ops.keeping.restore import Restored, account, finish_waiting, load
    from clapas.orders import Orders
    from clapas.roles.pipeline import pipeline_ports
    from clapas.store import Store, migrate

    async with open_engines(configuration.engines, directory) as engines:
        await migrate(engines.addresses)
        async with Store.open(engines.addresses, pool=3) as store:
            identical = await load(store, place, contents=contents, prove=prove)
        orders = Orders(
            role="restore",
            addresses=engines.addresses,
            configuration=configuration,
            directory=str(directory.path),
        )
        async with pipeline_ports(orders) as ports:
            finished = await finish_waiting(
                ports, configuration.pipeline, unpacked=place, contents=contents
            )
            ledger, missing = await account(ports, contents)
    return Restored(
        contents=contents, finished=finished, identical=identical, missing=missing, ledger=ledger
    )


def handover(data: Data = DEFAULT) -> None:
    """Print the handover file in French: what depends on what, keys, what to do when; for a stranger."""
    from clapas.config import load
    from clapas.engines import DataDirectory
    from clapas.ops.keeping.handover import handover_page

    DataDirectory.expect(data)
    print(handover_page(data.absolute(), load(data)), end="")
