"""A flow above 195 L/h on one meter: told in time, once, and apart from the meter's leak."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import typer
from tests.unit.usecases.water.test_leaks import days_after, household, with_leak
from typer.testing import CliRunner

from clapas.usecases.water.commands import register
from clapas.usecases.water.leaks.batch import detect, kind_of
from clapas.usecases.water.leaks.levels import BURSTS, Levels


def test_a_burst_is_told_within_three_hours() -> None:
    flood = with_leak(household(63), day=60.3, rate=900.0)
    first = detect(flood, Levels())
    assert kind_of(int(first.level[0]), float(first.rate[0])) == "burst"
    assert days_after(first, 60.3)[0] <= 3 / 24
    hose = with_leak(household(63), day=60.3, rate=260.0)
    assert days_after(detect(hose, Levels()), 60.3)[0] <= 3 / 24
    assert 4 / 24 <= days_after(detect(hose, BURSTS["sure"]), 60.3)[0] <= 9 / 24


def test_a_burst_and_a_leak_are_two_things() -> None:
    """A leak is told once, whatever bursts on the same meter; a burst that ended is told again when it returns."""
    leaky = with_leak(household(90), day=30, rate=5.0)
    hours = np.zeros(len(leaky.index))
    hours[[1300, 1301, 1302, 1600, 1601, 1602]] = 900.0
    alerts = detect(
        msgspec.structs.replace(leaky, index=leaky.index + np.cumsum(hours)), BURSTS["every"]
    )
    assert alerts.level.tolist()[1:] == [-1, -1]
    assert alerts.level[0] >= 0
    assert alerts.before.tolist() == [0.0, 0.0, 0.0]


def test_how_soon_a_burst_is_told_is_a_choice() -> None:
    """A flow that the meter has held for an hour more than once: told at once, or only when it lasts."""
    home = household(63)
    used = np.zeros(len(home.index))
    used[[400, 401, 900, 901]] = 260.0
    pool = with_leak(
        msgspec.structs.replace(home, index=home.index + np.cumsum(used)), day=60.3, rate=300.0
    )
    delays = [
        24 * min(each for each in days_after(detect(pool, levels), 60.3) if each > 0)
        for levels in BURSTS.values()
    ]
    assert delays == sorted(delays)
    assert delays[1] <= 3.0 < delays[3]


def test_what_is_shown_of_bursts_and_leaks(tmp_path: Path) -> None:
    """Leaks by what they cost; a burst's hours are no month: it is told apart, with its confidence."""
    both = with_leak(with_leak(household(63), day=30, rate=6.0), day=62.3, rate=900.0)
    readings = tmp_path / "readings.csv"
    lines = [
        f"home;{datetime.fromtimestamp(at, UTC):%d/%m/%Y %H:%M:%S};{index:.0f}"
        for at, index in zip(both.at.tolist(), both.index.tolist(), strict=True)
    ]
    readings.write_text("\n".join(["meter;datetime;index", *lines]))
    out = tmp_path / "alerts.csv"
    asked = ["water", "leaks", str(readings), "--zone", "UTC", "--out", str(out)]
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    first, leak, title, burst = done.output.splitlines()
    assert first.startswith("1 meters")
    assert "leak" in leak
    assert "€/month" in leak
    assert title.startswith("1 bursts (above 195 L/h for hours), of which 1 ")
    assert "€" not in burst
    assert "confidence 0.9" in burst
