"""A household whose nights are still, and what happens when something never stops."""

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clapas.usecases.water.leaks.batch import Alerts, Recordings, alert_table, detect
from clapas.usecases.water.leaks.book import Book
from clapas.usecases.water.leaks.detector import step
from clapas.usecases.water.leaks.evaluate import run_trial
from clapas.usecases.water.leaks.inject import SHAPES, Plan, lost_litres
from clapas.usecases.water.leaks.levels import Levels
from clapas.usecases.water.leaks.nightly import Ledger, run_night
from clapas.usecases.water.leaks.plain import plain_trial
from clapas.usecases.water.leaks.score import alerts_per_1000, detected

DAY = 86_400.0
FIRST = 1_700_000_000.0


def household(days: int, *, seed: int = 1, pulse: float = 1.0) -> Recordings:
    """Hourly indexes of a home that sleeps from 23 h to 6 h, goes out, and now and then has guests."""
    random = np.random.default_rng(seed)
    hours = np.arange(days * 24, dtype=np.float64)
    awake = (hours % 24 >= 6) & (hours % 24 < 23)
    litres = np.where(
        awake & (random.random(len(hours)) < 0.7), random.gamma(1.2, 18.0, len(hours)), 0.0
    )
    index = np.floor(1000.0 + np.cumsum(np.round(litres)) / pulse) * pulse
    return Recordings(
        names=("home",),
        meter=np.zeros(len(hours), dtype=np.int64),
        at=FIRST + hours * 3600.0,
        index=index,
    )


def with_leak(home: Recordings, *, day: float, rate: float, pulse: float = 1.0) -> Recordings:
    elapsed = home.at - FIRST - day * DAY
    litres = lost_litres(elapsed, rate, shape="steady", start=FIRST)
    return Recordings(
        names=home.names,
        meter=home.meter,
        at=home.at,
        index=np.floor((home.index + litres) / pulse) * pulse,
    )


def days_after(alerts: Alerts, day: float) -> list[float]:
    return [round((at - FIRST) / DAY - day, 2) for at in alerts.at.tolist()]


def test_an_ordinary_home_is_left_in_peace() -> None:
    assert len(detect(household(150), Levels()).at) == 0


@pytest.mark.parametrize(("rate", "within"), [(2.0, 6.0), (5.0, 4.0), (10.0, 4.0), (50.0, 3.0)])
def test_a_leak_is_told_once_and_in_time(rate: float, within: float) -> None:
    alerts = detect(with_leak(household(55), day=40, rate=rate), Levels())
    assert len(alerts.at) == 1
    assert 0 < days_after(alerts, 40)[0] <= within
    assert alerts.rate[0] == pytest.approx(rate, rel=0.25, abs=0.5)
    assert alerts.volume[0] == pytest.approx(rate * 24 * days_after(alerts, 40)[0], rel=0.4)


def test_what_came_later_never_changes_what_was_told() -> None:
    leaky = with_leak(household(55), day=40, rate=5.0)
    whole = detect(leaky, Levels())
    until = int(np.searchsorted(leaky.at, whole.at[0], side="right"))
    cut = Recordings(
        names=leaky.names, meter=leaky.meter[:until], at=leaky.at[:until], index=leaky.index[:until]
    )
    again = detect(cut, Levels())
    assert again.at.tolist() == whole.at[:1].tolist()
    assert again.rate.tolist() == whole.rate[:1].tolist()


def test_a_leak_that_grows_is_told_again_and_one_that_returns_is_not() -> None:
    growing = with_leak(with_leak(household(90), day=30, rate=3.0), day=50, rate=30.0)
    assert len(detect(growing, Levels()).at) == 2
    home = household(90)
    pause = (home.at - FIRST) / DAY
    steady = np.clip(pause, 20, 30) - 20 + np.clip(pause, 40, 50) - 40
    returning = Recordings(
        names=home.names,
        meter=home.meter,
        at=home.at,
        index=home.index + np.floor(steady * 24 * 5.0),
    )
    told = detect(returning, Levels())
    assert told.again.tolist() == [False, True]
    assert 40 < (told.at[1] - FIRST) / DAY <= 44
    assert alert_table(told, ("home",)).height == 1


def test_ten_litre_pulses_hide_nothing_above_their_weight() -> None:
    home = household(90, pulse=10.0)
    assert len(detect(home, Levels()).at) == 0
    leaky = with_leak(household(55), day=40, rate=5.0, pulse=10.0)
    assert 0 < days_after(detect(leaky, Levels()), 40)[0] <= 4.5


def test_duplicates_gaps_replacement_and_two_meters_are_no_leak() -> None:
    home = household(120)
    index = home.index.copy()
    index[1000:] -= index[1000] - 3.0
    index[1500:1520:2] += 248_500.0
    keep = np.ones(len(index), dtype=np.bool_)
    keep[2000:2100] = False
    at = home.at.copy()
    at[300] = at[299]
    messy = Recordings(names=home.names, meter=home.meter[keep], at=at[keep], index=index[keep])
    assert len(detect(messy, Levels()).at) == 0


def test_a_memory_from_before_bursts_were_kept_apart_is_read(tmp_path: Path) -> None:
    ledger, _ = run_night(
        Ledger.empty(Levels()),
        pl.DataFrame({"meter": ["a"], "at": [datetime(2026, 1, 1, tzinfo=UTC)], "index_l": [1.0]}),
        levels=Levels(),
    )
    with np.load(io.BytesIO(ledger.packed())) as stored:
        older = {name: stored[name] for name in stored.files if name != "bursting"}
    path = tmp_path / "state.npz"
    np.savez(path, **older)
    assert Ledger.load(path).book.bursting.tolist() == [0.0]


def test_the_book_goes_on_the_next_night(tmp_path: Path) -> None:
    leaky = with_leak(household(60), day=40, rate=5.0)
    whole = detect(leaky, Levels())
    book = Book(1, len(Levels().flow))
    half = 41 * 24
    parts = [slice(0, half), slice(half, None)]
    found = []
    for part in parts:
        night = Recordings(
            names=leaky.names, meter=leaky.meter[part], at=leaky.at[part], index=leaky.index[part]
        )
        found += detect(night, Levels(), book=book).at.tolist()
        with (tmp_path / "book.npz").open("wb") as file:
            book.save(file)
        with (tmp_path / "book.npz").open("rb") as file:
            book = Book.load(file)
    assert found == whole.at.tolist()


def test_one_meter_and_many_see_the_same() -> None:
    homes = [with_leak(household(60, seed=n), day=30 + n, rate=4.0 + n) for n in range(4)]
    together = Recordings(
        names=tuple("abcd"),
        meter=np.repeat(np.arange(4), [len(home.at) for home in homes]),
        at=np.concatenate([home.at for home in homes]),
        index=np.concatenate([home.index for home in homes]),
    )
    alone = sorted(at for home in homes for at in detect(home, Levels()).at.tolist())
    assert sorted(detect(together, Levels()).at.tolist()) == alone


def test_a_reading_received_twice_counts_once() -> None:
    book = Book(1, len(Levels().flow))
    row = np.zeros(1, dtype=np.int64)
    for at, index in ((0.0, 10.0), (3600.0, 20.0), (3600.0, 20.0), (1800.0, 15.0)):
        step(book, Levels(), rows=row, at=np.array([at]), index=np.array([index]))
    assert book.ring_l.sum() == 10.0


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_leak_loses_its_mean(shape: str) -> None:
    litres = lost_litres(np.array([0.0, 10 * DAY]), 5.0, shape=shape, start=FIRST)  # type: ignore[arg-type]
    assert litres[1] - litres[0] == pytest.approx(5.0 * 240, rel=0.12)


def test_the_table_has_the_promised_columns() -> None:
    table = alert_table(detect(with_leak(household(60), day=30, rate=5.0), Levels()), ("home",))
    assert table.columns == ["meter", "raised_at", "kind", "rate_l_h", "volume_l", "confidence"]
    assert table["kind"].to_list() == ["leak"]
    assert table.schema["raised_at"] == pl.Datetime("us", "UTC")


def test_nights_carried_by_a_file_tell_what_one_long_run_tells(tmp_path: Path) -> None:
    leaky = with_leak(household(60), day=40, rate=5.0)
    rows = pl.DataFrame(
        {
            "meter": ["b"] * len(leaky.at) + ["a"] * len(leaky.at),
            "at": pl.Series(np.tile(leaky.at, 2) * 1e6)
            .cast(pl.Int64)
            .cast(pl.Datetime("us", "UTC")),
            "index_l": np.concatenate([leaky.index, household(60, seed=5).index]),
        }
    )
    _, whole = run_night(Ledger.empty(Levels()), rows, levels=Levels())
    path = tmp_path / "meters.npz"
    told = []
    ledger = Ledger.empty(Levels())
    for first, last in ((0, 30), (29, 43), (43, 60)):
        window = (
            pl.col("at").dt.epoch("s").is_between(int(FIRST + first * DAY), int(FIRST + last * DAY))
        )
        ledger, alerts = run_night(ledger, rows.filter(window), levels=Levels())
        told += [
            (ledger.names[meter], at) for meter, at in zip(alerts.meter, alerts.at, strict=True)
        ]
        ledger.save(path)
        ledger = Ledger.load(path)
    assert ledger.names == ("a", "b")
    assert told == [("b", at) for at in whole.at.tolist()]


def test_a_leak_that_shrank_is_watched_from_where_it_runs_now() -> None:
    first = with_leak(household(150), day=30, rate=6.0)
    shrunk = with_leak(first, day=40, rate=-5.0)
    again = with_leak(shrunk, day=125, rate=5.0)
    assert len(detect(shrunk, Levels()).at) == 1
    alerts = detect(again, Levels())
    assert len(alerts.at) == 2
    assert 125 < (alerts.at[1] - FIRST) / DAY <= 129


def test_a_flow_that_ended_is_gone_within_a_week() -> None:
    home = with_leak(with_leak(household(60), day=30, rate=6.0), day=40, rate=-6.0)
    book = Book(1, len(Levels().flow))
    gone = {}
    for line in range(len(home.at)):
        step(
            book,
            Levels(),
            rows=np.array([0]),
            at=home.at[line : line + 1],
            index=home.index[line : line + 1],
        )
        gone[int((home.at[line] - FIRST) // DAY)] = bool(book.gone()[0])
    assert not gone[38]
    assert gone[47]


def test_the_rate_told_is_no_more_than_what_never_stopped() -> None:
    drip = detect(with_leak(household(70), day=40, rate=1.0), Levels())
    assert drip.rate.tolist() == pytest.approx([1.0], abs=0.7)


def test_an_open_alert_is_not_told_anew_and_the_plain_rule_is_read_alike() -> None:
    leaky = with_leak(household(90), day=30, rate=6.0)
    plan = Plan(rates=(5.0,), per_meter=8, seed=3, shapes=("steady",), warm_days=40.0, days=10.0)
    meters = np.array([0])
    trial = run_trial(leaky, meters, levels=Levels(), plan=plan)
    plain = plain_trial(leaky, meters, leaks=trial.leaks, plan=plan)
    assert trial.open.all()
    assert plain.open.all()
    assert detected(trial, 5.0, within_days=4.0, reading="in alert").value == 1.0
    assert detected(plain, 5.0, within_days=4.0, reading="in alert").value == 1.0
    assert detected(plain, 5.0, within_days=4.0, reading="told anew").value == 0.0
    assert alerts_per_1000(trial, ("leaks",)).value == pytest.approx(1000 / 91, rel=0.05)
    assert np.isnan(detected(trial, 5.0, within_days=4.0, reading="fresh").value)


def test_the_plain_rule_tells_a_fresh_leak_after_its_three_days() -> None:
    home = household(70)
    plan = Plan(rates=(5.0,), per_meter=8, seed=3, shapes=("steady",), warm_days=30.0, days=10.0)
    fresh = run_trial(home, np.array([0]), levels=Levels(), plan=plan)
    plain = plain_trial(home, np.array([0]), leaks=fresh.leaks, plan=plan)
    assert not plain.open.any()
    assert ((plain.delay > 2.5) & (plain.delay < 4.0)).all()
    assert len(plain.raw.at) == 0
