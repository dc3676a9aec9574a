"""A keeper's readings become a band, swings and risks, with nothing from the future."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clapas.usecases.errors import BadTable
from clapas.usecases.historic_band import band, settled_band
from clapas.usecases.museum import physics
from clapas.usecases.museum.climate import COLUMNS, live_table
from clapas.usecases.museum.limits import limits
from clapas.usecases.museum.loggers import read_climate
from clapas.usecases.museum.summary import summary_table


def made_room(days: int, *, jump: float = 0.0) -> pl.DataFrame:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=n) for n in range(days * 24)]
    wave = 50 + 3 * np.sin(np.arange(len(times)) / 24 * 2 * np.pi)
    wave[-6:] += jump
    return pl.DataFrame(
        {
            "line": range(2, len(times) + 2),
            "site": "S",
            "sensor": "Room",
            "written": [t.isoformat() for t in times],
            "at": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "temp": 20.0,
            "rh": wave,
        }
    )


def test_a_calm_room_is_inside_and_a_sudden_rise_is_outside_at_once() -> None:
    calm = live_table(made_room(40))
    assert calm["outside"].sum() == 0
    burst = live_table(made_room(40, jump=15.0))
    assert burst["outside"].tail(6).all()
    assert burst["swing_alert"].tail(6).all()
    assert burst.columns == list(COLUMNS)


def test_what_is_said_of_a_reading_never_changes_when_more_is_received() -> None:
    whole = made_room(60, jump=20.0)
    for cut in (1, 2, 30, 500, 900):
        assert live_table(whole.head(cut)).equals(live_table(whole).head(cut)), cut


def test_no_value_is_not_zero_and_a_repeated_or_wild_line_teaches_nothing() -> None:
    rows = made_room(10)
    rows = rows.with_columns(
        rh=pl.when(pl.col("line") == 50)
        .then(None)
        .when(pl.col("line") == 60)
        .then(300.0)
        .otherwise("rh")
    )
    rows = pl.concat([rows, rows.tail(1)])
    table = live_table(rows)
    assert table["quality"].value_counts().sort("quality").rows() == [
        ("duplicate", 1), ("missing", 1), ("suspect", 1), ("valid", 238),
    ]  # fmt: skip
    assert table.filter(pl.col("quality") != "valid")["outside"].null_count() == 3


def test_a_band_narrower_than_twenty_percent_is_the_accepted_one() -> None:
    assert band(np.array([-1.0, 0.0, 1.0])) == (-10.0, 10.0)
    low, high = band(np.linspace(-30, 30, 1001))
    assert low == pytest.approx(-25.8, abs=0.1)
    assert high == pytest.approx(25.8, abs=0.1)
    assert band(np.zeros(0)) == (-10.0, 10.0)


def test_a_gap_shortens_the_window_instead_of_inventing_readings() -> None:
    at = np.concatenate([np.arange(0, 20), np.arange(60, 80)]) * 86_400.0
    rh = np.concatenate([np.full(20, 40.0), np.full(20, 60.0)])
    settled = settled_band(at, rh)
    assert settled.mean[0] == 40.0
    assert settled.mean[-1] == 60.0
    assert not settled.outside.any()


def test_moist_air_agrees_with_published_tables() -> None:
    t, h = np.array([20.0, 30.0, 0.0]), np.array([50.0, 80.0, 100.0])
    assert physics.dew_point(t, h) == pytest.approx([9.26, 26.17, 0.0], abs=0.1)
    assert physics.absolute_humidity(t, h) == pytest.approx([8.64, 24.3, 4.85], rel=0.01)
    assert physics.lifetime_multiplier(np.array([20.0]), np.array([50.0])) == pytest.approx([1.0])
    assert physics.mould_limit(np.array([30.0])) == pytest.approx([74.163], abs=0.01)
    assert physics.mould_critical(np.array([25.0])) == pytest.approx([80.0])
    assert physics.wood_moisture(np.array([21.1]), np.array([50.0])) == pytest.approx(
        [9.2], abs=0.1
    )


def test_a_showcase_is_said_protected_though_its_room_is_not() -> None:
    room = made_room(40, jump=15.0)
    case = made_room(40).with_columns(sensor=pl.lit("Room Case"), rh=50.0)
    rows = pl.concat([room, case])
    table = summary_table(rows, live=live_table(rows))
    assert table["role"].to_list() == ["room", "case"]
    assert table["protection"].to_list() == ["", "protected"]
    assert table["ashrae"].to_list()[1] == "AA"


def test_limits_are_dated_and_say_where_they_come_from() -> None:
    rules = limits(date(2026, 6, 1))
    assert rules.swing.source
    assert rules.storage_rule.to_confirm
    assert [each.name for each in rules.ashrae] == ["AA", "A1", "A2", "B", "C", "D"]


def test_the_three_makers_forms_are_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    hanwell = tmp_path / "hanwell.csv"
    hanwell.write_text(
        ",,,,\nExported Sensor Data,,,,\nDate Start:,2025-08-12 00:00:00,,,\n,,,,\nRoom A,,,,\n"
        "Date Time,Temperature (C),Humidity (%RH),,\n2025-08-12 00:06:03,22.8,60.2,,\n2025-08-12 00:11:01,22.6,60.2,,\n"
        ",,,,\nRoom B,,,,\nDate Time,Temperature (C),Humidity (%RH),,\n2025-08-12 00:06:03,21.8,50.2,,\n"
    )
    assert read_climate(hanwell).rows["sensor"].to_list() == ["Room A", "Room A", "Room B"]
    meaco = tmp_path / "meaco.csv"
    meaco.write_text(
        "RECEIVER,TRANSMITTER,DATE,TEMPERATURE,HUMIDITY\n"
        + "".join(f"York,Store,2024-01-01 00:0{n}:00,18.1,54.6\n" for n in range(8))
        + "York,Store,yesterday,18.1,54.6\n"
    )
    found = read_climate(meaco)
    assert found.rows.height == 8
    assert str(found.problems[0]) == "line 10: cannot read DATE 'yesterday'"
    french = tmp_path / "fr.csv"
    french.write_text("salle;horodatage;température;humidité\nA;31/12/2024 23:45:00;19,5;NA\n")
    row = read_climate(french).rows.row(0, named=True)
    assert (row["temp"], row["rh"], row["at"]) == (
        19.5,
        None,
        datetime(2024, 12, 31, 23, 45, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "date,temp,rh\nx,1,2\n"])
def test_a_table_that_is_no_climate_is_refused_with_its_reason(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadTable, match=r"bad\.csv"):
        read_climate(path)
