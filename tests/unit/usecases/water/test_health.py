"""Meters that are ill, and homes that are only empty."""

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from clapas.usecases.water.commands import register
from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.health import (
    Finding,
    Settings,
    device_signs,
    examine,
    finding_table,
)

HOUR, DAY = 3600.0, 86_400.0


def draws(days: int, seed: int = 2) -> Floats:
    """Hourly litres of a home that sleeps at night."""
    random = np.random.default_rng(seed)
    hour = np.arange(days * 24)
    used = np.where(
        (hour % 24 >= 6) & (random.random(len(hour)) < 0.6), random.gamma(1.2, 18.0, len(hour)), 0.0
    )
    litres: Floats = np.round(used).astype(np.float64)
    return litres


def signs(
    litres: Floats, *, now_days: float | None = None, keep: slice | None = None
) -> list[Finding]:
    at = np.arange(len(litres), dtype=np.float64) * HOUR
    index = 1000.0 + np.cumsum(litres)
    now = at[-1] if now_days is None else now_days * DAY
    if keep is not None:
        at, index = np.delete(at, keep), np.delete(index, keep)
    return examine("m", at, index=index, settings=Settings(), now=float(now))


def kinds(findings: list[Finding]) -> list[str]:
    return [each.sign for each in findings]


def test_a_healthy_meter_has_nothing() -> None:
    assert signs(draws(400)) == []


def test_a_frozen_meter_is_visited_and_an_empty_home_is_not() -> None:
    frozen = draws(120)
    frozen[80 * 24 :] = 0.0
    found = signs(frozen)
    assert [(each.sign, each.act) for each in found] == [("frozen", "visit")]
    assert found[0].value == pytest.approx(40.0, abs=1.0)
    away = draws(120)
    away[80 * 24 : 95 * 24] = 0.0
    assert [(each.sign, each.act) for each in signs(away)] == [("absent", "watch")]


def test_a_home_used_to_long_absences_is_not_called_frozen() -> None:
    second_home = draws(200)
    second_home[40 * 24 : 80 * 24] = 0.0
    second_home[150 * 24 :] = 0.0
    assert "frozen" not in kinds(signs(second_home))


def test_silence_is_told_apart_from_stillness() -> None:
    assert kinds(signs(draws(60), keep=slice(600, 800))) == ["missing"]
    silent = signs(draws(60), now_days=75)
    assert [(each.sign, each.act) for each in silent] == [("missing", "visit")]


def test_flows_that_no_meter_of_the_class_can_pass() -> None:
    litres = draws(60)
    litres[700] = 4000.0
    found = signs(litres)
    assert kinds(found) == ["above_q4"]
    assert "3125" in found[0].evidence


def test_an_emitter_that_counts_by_itself_is_stuck_high() -> None:
    litres = draws(60)
    litres[700:760] = 120.0
    assert kinds(signs(litres)) == ["stuck_high"]


def test_a_pulse_weight_set_ten_times_wrong_shows_from_its_day_on() -> None:
    litres = draws(200)
    litres[100 * 24 :] *= 10.0
    found = [each for each in signs(litres) if each.sign == "pulse_weight"]
    assert len(found) == 1
    assert found[0].value == pytest.approx(10.0, rel=0.25)


def test_a_worn_meter_counts_less_and_less() -> None:
    litres = np.round(draws(370) * np.interp(np.arange(370 * 24), [0, 4000, 8880], [1.0, 1.0, 0.2]))
    assert kinds(signs(litres)) == ["under_registration"]


def test_backflow_counts_what_went_back_once() -> None:
    litres = draws(60)
    litres[300:330:10] = -4.0
    litres[301:331:10] = 4.0
    found = [each for each in signs(litres) if each.sign == "backward"]
    assert [each.value for each in found] == [12.0]


def test_two_meters_in_one_key() -> None:
    at = np.arange(60 * 24, dtype=np.float64) * HOUR
    index = 1000.0 + np.cumsum(draws(60))
    index[700:706] += 248_500.0
    assert kinds(examine("m", at, index=index, settings=Settings(), now=float(at[-1]))) == [
        "two_meters"
    ]


def test_frost_and_battery_come_from_the_device_itself() -> None:
    at = np.arange(5, dtype=np.float64) * HOUR
    found = device_signs(
        "m",
        at,
        temperature=np.array([8.0, 2.5, 1.0, 2.0, 6.0]),
        battery=np.array([3.6, 3.6, 2.9, 2.8, 2.8]),
    )
    assert [(each.sign, each.value) for each in found] == [("frost", 1.0), ("battery", 2.8)]


def test_visits_come_first_and_the_command_writes_them(tmp_path: Path) -> None:
    frozen = draws(120)
    frozen[80 * 24 :] = 0.0
    assert finding_table(signs(frozen) + signs(draws(60), keep=slice(600, 800)))[
        "act"
    ].to_list() == ["visit", "watch"]
    index = 1000 + np.cumsum(frozen)
    lines = [
        f"A;{1 + n // 24 % 28:02}/{1 + n // 24 // 28:02}/2023 {n % 24:02}:30:00;{index[n]:.0f}"
        for n in range(2400)
    ]
    (tmp_path / "r.csv").write_text("meter;datetime;index\n" + "\n".join(lines), encoding="utf-8")
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(
        app, ["water", "health", str(tmp_path / "r.csv"), "--out", str(tmp_path / "h.csv")]
    )
    assert done.exit_code == 0, done.output
    assert (
        (tmp_path / "h.csv")
        .read_text(encoding="utf-8")
        .startswith("meter,sign,since,until,act,value,evidence")
    )
    outputs = ["--out", str(tmp_path / "d.csv"), "--hours", str(tmp_path / "hours.csv")]
    days = CliRunner().invoke(app, ["water", "consumption", str(tmp_path / "r.csv"), *outputs])
    assert days.exit_code == 0, days.output
    assert "interpolated" in days.output
    first = (tmp_path / "hours.csv").read_text(encoding="utf-8").splitlines()[1]
    assert first.startswith("A,2023-01-01T00:00:00,"), "civil time, as the readings are written"
