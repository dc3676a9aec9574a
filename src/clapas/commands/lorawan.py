"""``clapas lorawan``: devices and sessions from ChirpStack, and the way back.

Rooms are imported where they are used: the command line itself stays quick."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clapas.commands.data import DEFAULT, Data
from clapas.domain.errors import InvalidInput
from clapas.engines.directory import write_private

if TYPE_CHECKING:
    from clapas.engines import EngineAddresses
    from clapas.fleet.sealing import Sealer
    from clapas.store import Store

File = Annotated[
    Path, typer.Argument(help="A file of JSON lines in the shapes of ChirpStack's API.")
]
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the group ``lorawan``."""
    group = typer.Typer(
        no_args_is_help=True, help="The embedded LoRaWAN network server: from ChirpStack and back."
    )
    group.command("import")(import_sessions)
    group.command("export")(export_sessions)
    group.command("fetch")(fetch)
    group.command("give")(give)
    app.add_typer(group, name="lorawan")


def import_sessions(
    file: File,
    data: Data = DEFAULT,
    *,
    rx1_delay: Annotated[int, typer.Option(min=1, max=15, help="RX1 delay of its region.")] = 1,
    rx1_dr_offset: Annotated[int, typer.Option(min=0, max=7, help="RX1 data rate offset.")] = 0,
    rx2_dr: Annotated[int, typer.Option(min=0, max=15, help="RX2 data rate of its region.")] = 0,
    rx2_frequency: Annotated[int, typer.Option(min=0, help="RX2 in Hz; 0: the region's.")] = 0,
    extra_channels: Annotated[
        str, typer.Option(help="Extra channels in Hz, with commas, as its region file has them.")
    ] = "",
    counter_margin: Annotated[
        int, typer.Option(min=0, help="Added to downlink counters if it went on sending.")
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> int:
    """Take over devices, keys, sessions and counters: no device has to join again.

    Exit status 1: some lines are wrong (the others are imported).
    """
    from clapas.lorawan.exchange import Radio

    radio = Radio(
        rx1_delay=rx1_delay, rx1_dr_offset=rx1_dr_offset, rx2_dr=rx2_dr, rx2_frequency=rx2_frequency,
        extra_channels=_frequencies(extra_channels), counter_margin=counter_margin,
    )  # fmt: skip
    report = asyncio.run(_import(file, data, radio=radio, dry=dry_run))
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 1 if report["wrong"] else 0


def _frequencies(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(",") if each.strip())
    except ValueError as wrong:
        raise InvalidInput("frequencies are in Hz, with commas", value=text) from wrong


async def _import(file: Path, data: Path, *, radio: Any, dry: bool) -> dict[str, Any]:
    from clapas import radio_handover as handing
    from clapas.config import load

    lines = (await asyncio.to_thread(file.read_bytes)).splitlines()
    found, wrong = handing.read(lines, load(data).lorawan, radio=radio)
    sessions = [each.state for each in found if each.state.session is not None]
    told: dict[str, Any] = {
        "devices": len(found),
        "sessions": len(sessions),
        "wrong": wrong[:SHOWN],
    }
    if dry:
        return told
    async with _opened(data) as (store, sealer, addresses):
        told["models"] = await handing.keep_models(store, handing.profiles(lines))
        await handing.register(store, sealer, devices=found)
        await handing.Sessions(data, addresses).take([each.state for each in found])
    return told


def export_sessions(file: File, data: Data = DEFAULT) -> None:
    """Write every LoRaWAN device with its keys, session and counters, for ChirpStack. Keep this file secret."""
    count = asyncio.run(_export(file, data))
    print(f"{count} devices written to {file}: it holds their keys")


async def _export(file: Path, data: Path) -> int:
    from clapas import radio_handover as handing

    async with _opened(data) as (store, sealer, addresses):
        lines = await handing.export(store, sealer, sessions=handing.Sessions(data, addresses))
    await asyncio.to_thread(write_private, file, b"".join(lines))
    return len(lines)


def fetch(file: File, data: Data = DEFAULT) -> None:
    """Ask a ChirpStack for its devices, keys, profiles and sessions, into a file.

    Its address and its token are the settings ``chirpstack`` and ``chirpstack_token`` of the table fleet.
    """
    count = asyncio.run(_fetch(file, data))
    print(f"{count} devices written to {file}: it holds their keys")


async def _fetch(file: Path, data: Path) -> int:
    from clapas.config import load
    from clapas.fleet.chirpstack import connect
    from clapas.fleet.chirpstack_sessions import lines

    async with connect(load(data).fleet) as chirpstack:
        remote = await chirpstack.read()
        found = [json.dumps(each).encode() + b"\n" async for each in lines(chirpstack, remote)]
    await asyncio.to_thread(write_private, file, b"".join(found))
    return len(found)


def give(
    file: File,
    application: Annotated[str, typer.Option(help="ChirpStack's application, by id or name.")],
    *,
    data: Data = DEFAULT,
) -> int:
    """Create the devices of an export, with their sessions, in the ChirpStack that the table fleet names.

    Exit status 1: some devices could not be given.
    """
    wrong = asyncio.run(_give(file, application, data=data))
    for device, reason in list(wrong.items())[:SHOWN]:
        print(f"{device}: {reason}")
    return 1 if wrong else 0


async def _give(file: Path, application: str, *, data: Path) -> dict[str, str]:
    from clapas.config import load
    from clapas.fleet import chirpstack_sessions
    from clapas.fleet.chirpstack import connect

    lines = [json.loads(each) for each in (await asyncio.to_thread(file.read_bytes)).splitlines()]
    async with connect(load(data).fleet) as chirpstack:
        remote = await chirpstack.read()
        names = {name: number for number, name in remote.applications.items()}
        number = names.get(application, application)
        if number not in remote.applications:
            raise InvalidInput("no such application", accepted=sorted(names))
        said = {
            line["device"]["devEui"]: await chirpstack_sessions.give(
                chirpstack, remote, line=line, application=number
            )
            for line in lines
        }
    return {device: reason for device, reason in said.items() if reason}


@asynccontextmanager
async def _opened(data: Path) -> "AsyncIterator[tuple[Store, Sealer, EngineAddresses]]":
    from clapas.app import attached
    from clapas.fleet.sealing import Sealer
    from clapas.orders import kept_secret
    from clapas.store import Store, migrate

    async with attached(data) as addresses:
        await migrate(addresses)
        async with Store.open(addresses, pool=2) as store:
            yield store, Sealer(kept_secret(data, "fleet")), addresses
