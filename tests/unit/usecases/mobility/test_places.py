"""Places fill and empty; a forecast uses what was received, and says when it knows no better than now."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.places.calendar import Clock, day_class, easter
from clapas.usecases.mobility.places.feed import Feed, read_snapshots
from clapas.usecases.mobility.places.forecast import value_at
from clapas.usecases.mobility.places.still import stillness
from clapas.usecases.mobility.places.tables import forecast_table, rebalance_table, score

START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def made_feed(days: float, *, kind: str = "car", seed: int = 1) -> Feed:
    """Two car parks that breathe with the day, irregular snapshots; a third that never moves."""
    rng = np.random.default_rng(seed)
    at = START + np.cumsum(rng.uniform(15, 55, int(days * 41)) * 60).round()
    hour = (at / 3600) % 24
    wave = np.clip(0.4 + 0.5 * np.cos((hour - 3) / 24 * 2 * np.pi), 0.0, 1.0)
    noise = rng.normal(0, 0.01, (2, len(at)))
    free = np.stack(
        [200 * (wave + noise[0]), 600 * (wave + noise[1]), np.full(len(at), 74.0)], axis=1
    )
    capacity = np.broadcast_to(np.array([200.0, 600.0, 109.0]), free.shape)
    return Feed(
        kind=kind, names=("A", "B", "C"), at=at, free=np.clip(free.round(), 0, capacity), capacity=capacity
    )  # fmt: skip


def test_after_some_days_the_habits_of_the_day_beat_as_now() -> None:
    feed = made_feed(9)
    found = score(feed, 120, zone="Europe/Paris", start=START + 5 * 86_400)
    assert found["mae"] < 0.5 * found["mae_as_now"]
    assert found["modelled"] > 0.5
    assert 0.6 < found["inside_80"] <= 1.0


def test_noise_without_habit_is_forecast_as_now() -> None:
    rng = np.random.default_rng(3)
    steps = np.cumsum(rng.integers(-2, 3, (400, 3)), axis=0) + 100.0
    feed = Feed(
        kind="car",
        names=("A", "B", "C"),
        at=np.asarray(START + np.arange(400) * 1800.0, dtype=np.float64),
        free=np.asarray(steps, dtype=np.float64),
        capacity=np.full((400, 3), 200.0),
    )
    found = score(feed, 30, zone="Europe/Paris", start=START + 4 * 86_400)
    assert found["mae"] <= 1.02 * found["mae_as_now"]


@pytest.mark.parametrize("cut", [1, 2, 40, 150, 222])
def test_a_forecast_never_changes_when_more_is_received(cut: int) -> None:
    feed = made_feed(7)
    whole = forecast_table(feed, 120, zone="Europe/Paris")
    part = forecast_table(feed.until(float(feed.at[cut - 1])), 120, zone="Europe/Paris")
    assert part.equals(whole.head(cut * 3))


def test_probabilities_are_probabilities_and_empty_means_no_bike() -> None:
    feed = made_feed(4, kind="bike")
    table = forecast_table(feed, 60, zone="Europe/Paris")
    for name in ("p_empty", "p_full"):
        assert table[name].is_between(0, 1).all()
    low = table.filter(table["now"] < 0.15 * table["capacity"])["p_empty"].mean()
    assert low is not None
    assert low > table.filter(table["now"] > 0.6 * table["capacity"])["p_empty"].mean()  # type: ignore[operator]


def test_what_lacks_is_left_out_and_a_long_gap_is_not_bridged() -> None:
    feed = made_feed(3)
    free = feed.free.copy()
    free[10, 0] = np.nan
    holed = Feed(kind="car", names=feed.names, at=feed.at, free=free, capacity=feed.capacity)
    assert forecast_table(holed, 60, zone="Europe/Paris").height == free.size - 1
    apart = Feed(
        kind="car",
        names=("A",),
        at=np.array([0.0, 3600.0, 36_000.0]),
        free=np.array([[0.0], [10.0], [20.0]]),
        capacity=np.full((3, 1), 50.0),
    )
    found = value_at(apart, apart.free, moments=np.array([1800.0, 3600.0, 20_000.0, 40_000.0]))[
        :, 0
    ]
    assert found[:2].tolist() == [5.0, 10.0]
    assert np.isnan(found[2:]).all()


def test_a_number_that_never_moves_is_frozen_and_one_that_stopped_is_stalled() -> None:
    feed = made_feed(6)
    free = feed.free.copy()
    free[feed.at > feed.at[-1] - 30 * 3600, 1] = 333.0
    states = stillness(
        Feed(kind="car", names=feed.names, at=feed.at, free=free, capacity=feed.capacity)
    )
    assert [each.state for each in states] == ["live", "stalled", "frozen"]
    assert {each.state for each in stillness(feed.until(float(feed.at[30])))} == {"short"}


def test_days_alike_are_working_days_saturdays_sundays_and_holidays() -> None:
    assert easter(2024) == date(2024, 3, 31)
    assert easter(2026) == date(2026, 4, 5)
    assert [day_class(date(2026, 5, day)) for day in (1, 2, 3, 4, 14, 25)] == [2, 1, 2, 0, 2, 2]
    clock = Clock("Europe/Paris")
    noon = datetime(2026, 3, 29, 10, tzinfo=UTC).timestamp()
    assert clock.days_before(np.array([noon]), 1)[0] == noon - 23 * 3600


def test_snapshots_are_read_in_either_form_and_a_bad_line_is_named(tmp_path: Path) -> None:
    french = tmp_path / "a.csv"
    lines = [f"2026-01-05;0{n}:05;Voiture;Foch;{100 + n};620" for n in range(8)]
    french.write_text(
        "Date;Heure;Type;Nom;Places_Libres;Places_Totales\n"
        + "\n".join([*lines, "x;y;Voiture;Foch;1;620", "2026-01-05;09:00;Velo;Comédie;;20"])
    )
    found = read_snapshots(french)
    assert str(found.problems[0]) == "line 10: cannot read Date Heure 'x y'"
    car, bike = found.feeds()
    assert (car.kind, car.free[:, 0].tolist()) == ("car", [100.0 + n for n in range(8)])
    assert bike.kind == "bike"
    assert np.isnan(bike.free[0, 0])
    english = tmp_path / "b.csv"
    english.write_text("datetime,kind,name,free,total\n2026-01-05T01:05:00Z,car,Foch,100,620\n")
    assert read_snapshots(english).feeds()[0].at[0] == START + 3900
    bad = tmp_path / "c.csv"
    bad.write_text("a;b\n1;2\n")
    with pytest.raises(BadTable, match="no column for name"):
        read_snapshots(bad)


def test_what_is_no_number_is_named_and_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "datetime,kind,name,free,total\n2026-01-05T01:00:00Z,car,Foch,many,620\n2026-01-05T02:00:00Z,car,Foch,7,620\n"
    )
    found = read_snapshots(path)
    assert str(found.problems[0]) == "line 2: free 'many' is no number: taken as missing"
    assert np.isnan(found.feeds()[0].free[0, 0])
    with pytest.raises(BadTable, match="no time zone 'Mars/Base'"):
        read_snapshots(path, zone="Mars/Base")


def test_an_archive_of_one_snapshot_is_forecast_as_now() -> None:
    feed = made_feed(3).until(START + 3600)
    table = forecast_table(feed, 120, zone="Europe/Paris")
    assert (table["forecast"] == table["now"]).all()


def test_the_truck_is_sent_where_a_moving_station_stays_empty() -> None:
    steps = np.arange(400)
    walk = np.clip(np.round(6 + 6 * np.sin(steps / 24)), 0, 12)
    empty = np.where((steps - 10) % 90 < 60, 6.0, 0.0)
    feed = Feed(
        kind="bike",
        names=("walks", "empties", "dead"),
        at=np.asarray(START + steps * 1800.0, dtype=np.float64),
        free=np.asarray(np.stack([walk, empty, np.zeros(400)], axis=1), dtype=np.float64),
        capacity=np.full((400, 3), 12.0),
    )
    before = feed.until(START + 360 * 1800.0)
    table = rebalance_table(before, 60, zone="Europe/Paris")
    assert before.free[-1, 1] == 0.0
    row = table.filter(table["name"] == "empties").row(0, named=True)
    assert (row["need"], row["bikes_to_move"]) == ("bring", 6)
    assert "dead" not in table["name"].to_list()
