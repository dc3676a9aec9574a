"""Counters lie in known ways: replaced, silent, doubled; a lack is never a zero."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.counters.archive import read_counts
from clapas.usecases.mobility.counters.channels import with_channels
from clapas.usecases.mobility.counters.figures import averages, compared, daily, monthly
from clapas.usecases.mobility.counters.judge import judged
from clapas.usecases.mobility.counters.national import CHANNELS, MEASURES, SITES, national_files

ZONE = "Europe/Paris"


def line(day: date, count: float | None, *, serial: str = "X2H1", longitude: float = 3.87) -> str:
    after = day + timedelta(days=1)
    return json.dumps(
        {
            "intensity": count, "laneId": 1, "dateObserved": f"{day}T00:00:00/{after}T00:00:00",
            "location": {"coordinates": [longitude, 43.6], "type": "Point"},
            "id": f"MMM_EcoCompt_{serial}_{day:%Y%m%d}0000", "type": "TrafficFlowObserved",
            "vehicleType": "bicycle", "reversedLane": False,
        },
        separators=(",", ":"),
    )  # fmt: skip


def days(n: int, start: date = date(2021, 1, 4)) -> list[date]:
    return [start + timedelta(days=k) for k in range(n)]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_every_shape_of_the_citys_archives_is_read(tmp_path: Path) -> None:
    objects = [line(day, 100) for day in days(3)]
    shapes = {
        "blank_first.ndjson": " \n" + " \n".join(objects) + " \n \n",
        "array.json": "[" + ",\n".join(objects) + "]",
        "run_on.ndjson": "".join(objects),
    }
    for name, text in shapes.items():
        assert read_counts(write(tmp_path / name, text)).rows.height == 3, name
    torn = read_counts(
        write(tmp_path / "torn.ndjson", "\n".join([*objects, *objects, '{"intensity":']))
    )
    assert torn.problems[0].line == 7
    with pytest.raises(BadTable):
        read_counts(write(tmp_path / "no.ndjson", "{}\n{}\n"))


def test_a_missing_day_is_not_a_zero_and_a_false_zero_is_seen(tmp_path: Path) -> None:
    counts = {day: 100.0 + day.day for day in days(28)}
    counts[date(2021, 1, 27)] = 0.0
    del counts[date(2021, 1, 25)]
    archive = write(
        tmp_path / "a.ndjson", "\n".join(line(day, count) for day, count in counts.items())
    )
    rows, _ = with_channels(read_counts(archive).rows)
    table = judged(rows, ZONE)
    faults = table.filter(table["quality"] != "valid")
    assert faults["quality"].to_list() == ["missing", "suspect_zero"]
    assert faults["count"].to_list() == [None, 0.0]
    assert faults["estimated"].all()
    part = judged(rows.head(20), ZONE)
    assert part.equals(table.head(part.height))
    assert averages(daily(table, ZONE))["reconstruction_rate"][0] == pytest.approx(
        2 / 28, abs=0.001
    )


def test_a_replaced_counter_goes_on_and_two_together_are_two_channels(tmp_path: Path) -> None:
    old = [line(day, 50, serial="X2H1") for day in days(5)]
    new = [line(day, 55, serial="Y2H1") for day in days(5, date(2021, 1, 12))]
    beside = [line(day, 20, serial="X2H9") for day in days(14)]
    far = [line(day, 20, serial="X2H7", longitude=3.95) for day in days(14)]
    archive = write(tmp_path / "a.ndjson", "\n".join([*old, *new, *beside, *far]))
    _, made = with_channels(read_counts(archive).rows)
    assert sorted(each.serials for each in made) == [("X2H1", "Y2H1"), ("X2H7",), ("X2H9",)]
    assert len({each.site for each in made}) == 2


def test_a_summer_time_day_is_one_day(tmp_path: Path) -> None:
    archive = write(
        tmp_path / "a.ndjson", "\n".join(line(day, 80) for day in days(5, date(2021, 3, 26)))
    )
    rows, _ = with_channels(read_counts(archive).rows)
    assert judged(rows, ZONE)["quality"].to_list()[:3] == ["valid"] * 3
    assert judged(rows, ZONE).height == 5


def test_the_national_files_have_its_columns_and_never_a_zero_for_a_lack(tmp_path: Path) -> None:
    present = [day for day in days(28) if day.day != 25]
    archive = write(tmp_path / "a.ndjson", "\n".join(line(day, 100 + day.day) for day in present))
    rows, made = with_channels(read_counts(archive).rows)
    tables = national_files(judged(rows, ZONE), made, {}, zone=ZONE)
    assert tables["sites"].columns == list(SITES)
    assert tables["channels"].columns == list(CHANNELS)
    assert tables["measures"].columns == list(MEASURES)
    assert tables["channels"]["mobility_type"].to_list() == ["BIKE"]
    lacking = tables["measures"].filter(
        tables["measures"]["start_datetime"].str.starts_with("2021-01-25")
    )
    assert "." in lacking["count"][0]
    assert tables["measures"]["start_datetime"][0] == "2021-01-04T00:00:00+01:00"


def test_years_are_compared_on_the_channels_that_counted_both(tmp_path: Path) -> None:
    def year(start: date, count: float, serial: str, longitude: float) -> list[str]:
        return [
            line(day, count + day.day % 3 - 1, serial=serial, longitude=longitude)
            for day in days(30, start)
        ]

    lines = [
        *year(date(2021, 3, 1), 100, "A1", 3.1),
        *year(date(2022, 3, 1), 120, "A1", 3.1),
        *year(date(2022, 3, 1), 900, "NEW", 3.5),
    ]
    rows, _ = with_channels(read_counts(write(tmp_path / "a.ndjson", "\n".join(lines))).rows)
    judged_rows = judged(rows, ZONE)
    found = compared(monthly(daily(judged_rows.filter(judged_rows["count"].is_not_null()), ZONE)))
    assert found["channels"].to_list() == [1]
    assert found["mean_day_before"][0] == pytest.approx(100.0)
    assert found["change"][0] == pytest.approx(0.2, abs=0.005)
