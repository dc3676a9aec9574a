"""``clapas simulate lorawan``: the fleet, from the command line."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from clapas.domain.errors import InvalidInput
from clapas.ops.simulate_lorawan.fleet import MAX_DEVICES, MAX_GATEWAYS, Fleet, Options, devices

MAX_MINUTES = 24 * 60


def register(app: typer.Typer) -> None:
    """Add ``lorawan`` to the group ``simulate``, which another room may have made already."""
    for group in app.registered_groups:
        if group.name == "simulate" and group.typer_instance is not None:
            group.typer_instance.command("lorawan")(simulate)
            return
    simulators = typer.Typer(no_args_is_help=True, help="Simulated fleets and feeds.")
    simulators.callback()(_group)
    simulators.command("lorawan")(simulate)
    app.add_typer(simulators, name="simulate")


def _group() -> None:
    """Simulated fleets and feeds."""


def simulate(
    number: Annotated[
        int, typer.Option("--devices", min=1, max=MAX_DEVICES, help="How many devices.")
    ] = 10,
    gateways: Annotated[int, typer.Option(min=1, max=MAX_GATEWAYS, help="How many gateways.")] = 3,
    *,
    uplinks_per_hour: Annotated[
        float, typer.Option(min=0.01, max=3600, help="Reports of one device an hour.")
    ] = 60.0,
    join_storm: Annotated[
        bool, typer.Option("--join-storm", help="All devices join, 22 a second.")
    ] = False,
    station: Annotated[
        bool, typer.Option("--station", help="Gateways speak Basics Station.")
    ] = False,
    to: Annotated[
        str, typer.Option(help="HOST:PORT of the network server's door.")
    ] = "127.0.0.1:1700",
    token: Annotated[
        str, typer.Option(envvar="CLAPAS_STATION_TOKEN", help="Token of the station gateways.")
    ] = "",
    minutes: Annotated[float, typer.Option(min=0.05, max=MAX_MINUTES, help="How long.")] = 10.0,
    uplinks: Annotated[
        int, typer.Option(min=0, help="Stop after so many reports; 0: when the time is over.")
    ] = 0,
    loss: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of frames that the air loses.")
    ] = 0.02,
    confirmed: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of confirmed reports.")
    ] = 0.05,
    seed: Annotated[
        str, typer.Option(help="The same seed gives the same devices and keys.")
    ] = "clapas",
    radius_km: Annotated[
        float, typer.Option(min=0.1, max=50.0, help="Radius of the territory.")
    ] = 2.0,
    write_devices: Annotated[
        Path | None,
        typer.Option(
            "--write-devices", help="Write the fleet's EUIs and keys (CSV) to import, and stop."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """Simulate LoRaWAN devices and gateways, real frames on the wire, and judge every downlink.

    Exit status 1: a downlink broke a rule (window, frequency, data rate or counter), or nobody was answered.
    """
    if write_devices is not None:
        _write(write_devices, number, seed=seed, radius_km=radius_km)
        return 0
    host, _, port = to.rpartition(":")
    if not port.isdigit():
        raise InvalidInput("--to is HOST:PORT", value=to)
    options = Options(
        devices=number, gateways=gateways, uplinks_per_hour=uplinks_per_hour, join_storm=join_storm, station=station,
        host=host or "127.0.0.1", port=int(port), token=token, duration=60 * minutes, uplinks=uplinks, loss=loss,
        confirmed=confirmed, seed=seed, radius_km=radius_km, start_spread=min(30.0, 0.2 * number + 1),
    )  # fmt: skip
    report = asyncio.run(Fleet(options).run())
    print(json.dumps(report) if as_json else _table(report))
    return 1 if any(report["wrong"].values()) or not report["joined"] else 0


def _write(path: Path, number: int, *, seed: str, radius_km: float) -> None:
    """The fleet as a table that the import of devices reads."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("dev_eui", "join_eui", "app_key", "name", "model", "source", "lifecycle", "tag:mac_version", "longitude",
             "latitude")
        )  # fmt: skip
        for each in devices(number, seed, radius_km=radius_km):
            place = (3.877 + each.place[0] / 78.0, 43.611 + each.place[1] / 111.0)
            writer.writerow(
                (each.eui.hex(), each.join_eui.hex(), each.app_key.hex(), f"sim-{each.number}", "cayenne_lpp",
                 "lorawan", "active", "1.0.3", f"{place[0]:.6f}", f"{place[1]:.6f}")
            )  # fmt: skip
    path.chmod(0o600)
    print(f"{number} devices written to {path}")


def _table(report: dict[str, Any]) -> str:
    lines = []
    for name, value in report.items():
        told = (
            ", ".join(f"{key} {each}" for key, each in value.items())
            if isinstance(value, dict)
            else value
        )
        lines.append(f"{name.replace('_', ' '):24} {told}")
    return "\n".join(lines)
