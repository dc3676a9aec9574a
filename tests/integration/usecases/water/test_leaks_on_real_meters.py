"""The leak detector on real meters that were never used to tune it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from clapas.usecases.water.commands import register
from clapas.usecases.water.leaks.batch import Recordings, recordings
from clapas.usecases.water.leaks.commands import chosen_meters
from clapas.usecases.water.leaks.evaluate import run_trial
from clapas.usecases.water.leaks.inject import Plan
from clapas.usecases.water.leaks.levels import BURSTS, Levels
from clapas.usecases.water.leaks.score import alerts_per_1000, detected
from clapas.usecases.water.meters.commands import read_all

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def files(shared: Path) -> list[Path]:
    return sorted((shared / "data" / "water-meters-alicante").glob("hourly_index_*.csv.gz"))


@pytest.fixture(scope="module")
def meters(files: list[Path]) -> Recordings:
    return recordings(read_all(files, "Europe/Madrid").rows)


def test_leaks_are_found_on_held_back_meters(meters: Recordings) -> None:
    held = chosen_meters(meters, "held")
    trial = run_trial(
        meters, held, levels=Levels(), plan=Plan(rates=(2.0, 5.0, 10.0), per_meter=4, seed=101)
    )
    assert len(held) >= 20
    assert detected(trial, 2.0, within_days=6.0).value >= 0.90
    assert detected(trial, 5.0, within_days=4.0).value >= 0.96
    assert detected(trial, 5.0, within_days=4.0, reading="fresh").value >= 0.99
    assert detected(trial, 5.0, within_days=4.0, reading="in alert").value >= 0.99
    assert detected(trial, 10.0, within_days=4.0).value >= 0.98
    assert alerts_per_1000(trial, ("leaks",)).value <= 0.3
    assert alerts_per_1000(trial, ("leaks", "increases")).value <= 0.4
    assert len(np.unique(trial.raw.meter[trial.raw.level >= 0])) <= 4


def test_bursts_are_found_within_three_hours(meters: Recordings) -> None:
    plan = Plan(
        rates=(300.0, 1000.0),
        per_meter=3,
        days=2.0,
        shapes=("steady",),
        seed=7,
        coverage=0.9,
        coverage_days=0.5,
    )
    held = chosen_meters(meters, "held")
    early = run_trial(meters, held, levels=Levels(), plan=plan)
    assert detected(early, 1000.0, within_days=3 / 24).value >= 0.90
    assert detected(early, 300.0, within_days=4.1 / 24).value >= 0.80
    sure = run_trial(meters, held, levels=BURSTS["sure"], plan=plan)
    assert detected(sure, 300.0, within_days=12 / 24).value >= 0.90
    assert len(sure.raw.at) < len(early.raw.at)


def test_the_command_writes_the_promised_columns(files: list[Path], tmp_path: Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = tmp_path / "alerts.csv"
    done = CliRunner().invoke(
        app, ["water", "leaks", str(files[-1]), "--zone", "Europe/Madrid", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["meter", "raised_at", "kind", "rate_l_h", "volume_l", "confidence"]
    assert any(row["meter"].startswith("0e7d65c2") for row in rows)
