"""A district's day: what came in, from where, what customers took as far as their meters were heard."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from clapas.usecases.water.commands import register
from clapas.usecases.water.network.coverage import metered

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def run(*words: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["water", "balance", *words])


def district(folder: Path, *, silent: int = 0) -> list[str]:
    """North is fed by A; 2 m³/h pass to South by the meter T, which runs backwards the second day."""
    hours = [(f"2026-03-{1 + n // 24:02d} {n % 24:02d}:00:00", n // 24) for n in range(48)]
    lines = [f"{at};10;{2.0 if day == 0 else -1.0};{4.0 if day == 0 else 7.0}" for at, day in hours]
    (folder / "flows.csv").write_text("\n".join(["time;A;T;B", *lines]), encoding="utf-8")
    (folder / "zones.csv").write_text(
        "zone;flow;sign\nNorth;A;1\nNorth;T;-1\nSouth;B;1\nSouth;T;1\n", encoding="utf-8"
    )
    homes = [f"n{n}" for n in range(20)]
    (folder / "meters.csv").write_text(
        "meter;zone;annual_m3\n" + "".join(f"{home};North;2920\n" for home in homes),
        encoding="utf-8",
    )
    days = "".join(
        f"{home},2026-03-{day:02d},24,{8000 + 100 * (n % 5)},1.0,measured\n"
        for n, home in enumerate(homes[: 20 - silent])
        for day in (1, 2)
    )
    (folder / "days.csv").write_text(
        "meter,day,hours,litres,coverage,how\n" + days, encoding="utf-8"
    )
    files = ("flows.csv", "--zones", "zones.csv", "--days", "days.csv", "--meters", "meters.csv")
    return [str(folder / each) if each.endswith(".csv") else each for each in files]


def lines_of(out: Path) -> dict[tuple[str, str], dict[str, str]]:
    with out.open(encoding="utf-8") as file:
        return {(row["zone"], row["day"]): row for row in csv.DictReader(file)}


def test_what_leaves_one_district_enters_the_other_with_its_sign(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run(*district(tmp_path), "--out", str(out))
    assert done.exit_code == 0, done.output
    found = lines_of(out)
    assert [float(found[zone, "2026-03-01"]["transfers_m3"]) for zone in ("North", "South")] == [
        -48,
        48,
    ]
    assert [float(found[zone, "2026-03-02"]["transfers_m3"]) for zone in ("North", "South")] == [
        24,
        -24,
    ]
    first = found["North", "2026-03-01"]
    assert float(first["coverage"]) == 1.0
    assert float(first["consumption_m3"]) == pytest.approx(20 * 8.2)
    assert float(first["loss_m3"]) == pytest.approx(240 - 48 - 164)
    assert float(first["consumption_low"]) == float(first["consumption_high"])
    assert 4.0 < float(first["loss_high"]) - float(first["loss_m3"]) < 6.0
    assert found["South", "2026-03-01"]["loss_m3"] == ""


def test_silent_meters_widen_the_interval_and_move_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = run(*district(tmp_path, silent=8), "--out", str(out))
    assert done.exit_code == 0, done.output
    first = lines_of(out)["North", "2026-03-01"]
    assert float(first["coverage"]) == pytest.approx(0.6)
    assert float(first["metered_m3"]) == pytest.approx(98.1, abs=0.3)
    low, value, high = (float(first[f"consumption_{each}"]) for each in ("low", "m3", "high"))
    assert low < 20 * 8.2 < high
    assert value == pytest.approx(164, rel=0.02)


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        ordinary = random.gamma(2.0, 0.2, 200)
        volumes = ordinary * random.normal(1.1, 0.4, 200)
        heard = np.where(random.random(200) < 0.5, volumes, np.nan)
        found = metered(heard, ordinary).all
        assert found is not None
        held += found.low <= volumes.sum() <= found.high
    assert 0.91 <= held / 400 <= 0.98


def test_two_meters_make_no_interval_and_bad_tables_are_named(tmp_path: Path) -> None:
    assert metered(np.array([1.0, 2.0, np.nan]), np.ones(3)).all is None
    words = district(tmp_path)
    (tmp_path / "zones.csv").write_text("zone;flow;sign\nNorth;Z;1\n", encoding="utf-8")
    done = run(*words, "--out", str(tmp_path / "out.csv"))
    assert done.exit_code != 0
    assert "no flow Z" in str(done.exception)
    alone = run(*words[:3], "--out", str(tmp_path / "o.csv"), "--days", str(tmp_path / "days.csv"))
    assert "go together" in alone.output
