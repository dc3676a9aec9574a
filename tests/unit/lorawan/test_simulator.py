"""The simulator's command line, and its independence."""

import ast
import csv
from pathlib import Path

import typer
from typer.testing import CliRunner

import clapas.ops.simulate_lorawan
from clapas.ops.simulate_lorawan import commands
from clapas.ops.simulate_lorawan.air import Air
from clapas.ops.simulate_lorawan.fleet import Fleet, Options, devices


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    commands.register(app)
    commands.register(app)
    result = CliRunner().invoke(app, ["simulate", "lorawan", *arguments], standalone_mode=False)
    return int(result.return_value or 0), result.output


def test_the_simulator_never_reads_the_servers_code() -> None:
    folder = Path(clapas.ops.simulate_lorawan.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("clapas.lorawan") for name in names), path.name


def test_a_fleet_is_written_to_be_imported_and_is_always_the_same(tmp_path: Path) -> None:
    status, told = run("--devices", "4", "--write-devices", str(tmp_path / "fleet.csv"))
    assert (status, "4 devices written" in told) == (0, True)
    rows = list(csv.DictReader((tmp_path / "fleet.csv").read_text().splitlines()))
    assert [row["dev_eui"] for row in rows] == [
        each.eui.hex() for each in devices(4, "clapas", radius_km=2.0)
    ]
    assert all(len(row["app_key"]) == 32 for row in rows)


def test_a_server_that_does_not_answer_is_a_failure() -> None:
    status, told = run(
        "--devices", "1", "--gateways", "1", "--minutes", "0.05", "--to", "127.0.0.1:9", "--json"
    )
    assert status == 1
    assert '"joined": 0' in told


def test_frames_that_meet_on_a_channel_are_lost_unless_one_is_much_stronger() -> None:
    air = Air([(0.0, 0.0)], loss=0.0, seed="t")
    near = air.fly((0.05, 0.0), start=0.0, end=1.0, frequency=868_100_000, sf=7)
    far = air.fly((1.5, 0.0), start=0.5, end=1.5, frequency=868_100_000, sf=7)
    other = air.fly((1.5, 0.0), start=0.5, end=1.5, frequency=868_300_000, sf=7)
    assert (bool(air.heard(near)), bool(air.heard(far)), bool(air.heard(other))) == (
        True,
        False,
        True,
    )


def test_the_simulation_is_bounded() -> None:
    fleet = Fleet(Options(devices=10, gateways=10_000))
    assert len(fleet.places) == 500
