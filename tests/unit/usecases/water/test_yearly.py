"""The yearly table of losses from a file of volumes."""

import csv
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from clapas.usecases.water.commands import register
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.network.yearly import read_volumes


def test_the_table_has_the_codes_and_says_who_is_below_the_floor(tmp_path: Path) -> None:
    volumes = tmp_path / "volumes.csv"
    volumes.write_text(
        "name;produced;bought;sold;billed;unbilled;service;mains_km;stressed\n"
        "Nord;1000000;0;0;860000;5000;10000;120;0\nSud;1000000;0;0;600000;5000;10000;120,5;1\n",
        encoding="utf-8",
    )
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = tmp_path / "rpqs.csv"
    done = CliRunner().invoke(app, ["water", "rpqs", str(volumes), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "Sud: below the legal floor" in done.output
    assert "Nord: below" not in done.output
    with out.open(encoding="utf-8") as file:
        rows = {(row["name"], row["code"]): float(row["value"]) for row in csv.DictReader(file)}
    assert rows["Nord", "P104.3"] == pytest.approx(87.5)
    assert rows["Nord", "P106.3"] == pytest.approx(125_000 / (365 * 120), abs=0.01)


def test_a_service_without_mains_is_named(tmp_path: Path) -> None:
    volumes = tmp_path / "volumes.csv"
    volumes.write_text("name;produced;billed;mains_km\nNord;10;5;0\n", encoding="utf-8")
    with pytest.raises(BadTable, match="Nord"):
        read_volumes(volumes)
