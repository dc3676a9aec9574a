"""Counters lie in known ways: replaced, silent, doubled; a lack is never a zero."""

import csv
import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.counters.archive import read_counts
from clapas.usecases.mobility.counters.channels import with_channels
from clapas.usecases.mobility.counters.events import event_effects, read_events
from clapas.usecases.mobility.counters.figures import averages, compared, daily, monthly
from clapas.usecases.mobility.counters.judge import judged
from clapas.usecases.mobility.counters.national import (
    CHANNELS,
    MEASURES,
    SITES,
    national_files,
    write_national,
)
from clapas.usecases.mobility.counters.register import read_communes

ZONE = "Europe/Paris"
ANY = ".+"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
DEGREES = r"-?\d+(\.\d+)?"
NATIONAL: dict[str, dict[str, tuple[bool, str]]] = {
    "sites": {
        "site_id": (True, ANY), "parent_site_id": (False, ANY), "site_name": (True, ANY),
        "fr_insee_code": (False, r"([013-9]\d|2[AB1-9])\d{3}"), "xlong": (True, DEGREES), "ylat": (True, DEGREES),
        "external_ids": (False, ANY), "infrastructure_type": (False, ANY),
    },
    "channels": {
        "channel_id": (True, ANY), "channel_provider_id": (False, ANY), "site_provider_id": (False, ANY),
        "site_id": (True, ANY),
        "mobility_type": (False, "BIKE|TWO WHEELS MOTORIZED|PEDESTRIAN|E-SCOOTER|HORSE-RIDER|CAR|BUS|MINIBUS|TRUCK|VAN|TRAMWAY|CANOE|UNDEFINED"),
        "comment": (False, ".{1,50}"), "counter_transmission_type": (False, "REMOTE TRANSMISSION|MANUAL"),
        "publication_transmission_type": (False, "API|MANUAL"), "counter_type": (False, ANY),
        "direction": (False, "N|NW|NE|W|SW|S|SE|E"), "provider_direction_code": (False, ANY),
        "provider_direction_name": (False, ANY), "data_provider_name": (False, ANY),
        "temporality": (True, "TEMPORARY|PERMANENT"), "started_at": (True, MOMENT), "ended_at": (False, MOMENT),
        "last_updated_at": (False, MOMENT), "time_step": (False, r"\d+"), "provider_portal_url": (False, ANY),
    },
    "measures": {
        "channel_id": (True, ANY), "counter_id": (True, ANY), "start_datetime": (True, MOMENT),
        "end_datetime": (False, MOMENT), "count": (False, r"\d+(\.\d+)?"),
    },
}  # fmt: skip
"""Fields, what is required and how it is written: the schema *comptage-mobilites*, in our own words."""


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
    tables = national_files(judged(rows, ZONE), made, register={})
    assert tables["sites"].columns == list(SITES)
    assert tables["channels"].columns == list(CHANNELS)
    assert tables["measures"].columns == list(MEASURES)
    assert tables["channels"]["mobility_type"].to_list() == ["BIKE"]
    lacking = tables["measures"].filter(
        tables["measures"]["start_datetime"].str.starts_with("2021-01-24T23")
    )
    assert "." in lacking["count"][0]
    assert tables["measures"]["start_datetime"][0] == "2021-01-03T23:00:00Z"


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


@pytest.mark.parametrize(
    ("register", "second", "lives_on"),
    [
        (None, "Y2H20063164", "X2H20063164-bicycle"),
        (None, "Y2H20063163", "X2H20063163-bicycle"),
        ({"X2H20063164": "Delmas 2", "ZLT1": "Delmas 2"}, "ZLT1", "X2H20063164-bicycle"),
        ({"X2H20063163": "Delmas 1", "ZLT1": "Delmas 1"}, "ZLT1", "X2H20063163-bicycle"),
    ],
)
def test_of_two_counters_of_one_place_the_right_one_is_replaced(
    tmp_path: Path, register: dict[str, str] | None, second: str, lives_on: str
) -> None:
    first = [line(day, 100, serial=serial) for serial in ("X2H20063163", "X2H20063164") for day in days(5)]  # fmt: skip
    after = [line(day, 100, serial=second) for day in days(5, date(2021, 2, 1))]
    read = read_counts(write(tmp_path / "a.ndjson", "\n".join(first + after)))
    made = with_channels(read.rows, register)[1]
    assert len(made) == 2
    assert next(each for each in made if second in each.serials).id == lives_on


def test_an_event_is_said_only_where_it_passes_the_usual(tmp_path: Path) -> None:
    counts = {day: 100.0 + (day.day % 3) for day in days(56)}
    fair, rain = date(2021, 2, 20), date(2021, 2, 24)
    counts[fair], counts[rain] = 350.0, 101.0
    text = "\n".join(line(day, count) for day, count in counts.items())
    table = judged(with_channels(read_counts(write(tmp_path / "a.ndjson", text)).rows)[0], ZONE)
    events = write(
        tmp_path / "e.csv",
        f"name;start;end\nFête;{fair};{fair + timedelta(days=1)}\nPluie;{rain};{rain + timedelta(days=1)}\n"
        "Avant;2021-01-04;2021-01-05\n",
    )
    found = event_effects(table, read_events(events, zone=ZONE)).to_dicts()
    assert [each["verdict"] for each in found] == [
        "more than usual", "within the usual", "not enough counted or known to say",
    ]  # fmt: skip
    assert found[0]["effect"] == pytest.approx(2.46, abs=0.05)
    assert found[2]["effect"] is None
    with pytest.raises(BadTable, match="ends before"):
        read_events(write(tmp_path / "w.csv", "name;start;end\na;2021-01-02;2021-01-01\n"), zone=ZONE)  # fmt: skip


def test_the_national_files_follow_the_national_schema(tmp_path: Path) -> None:
    counts = {day: 100.0 + day.day for day in days(40)}
    counts[date(2021, 2, 8)] = 0.0
    text = "\n".join(line(day, count) for day, count in counts.items() if day.day != 9)
    read = read_counts(write(tmp_path / "a.ndjson", text))
    rows, made = with_channels(read.rows)
    contour = {"type": "Polygon", "coordinates": [[[3.8, 43.5], [3.9, 43.5], [3.9, 43.7], [3.8, 43.7], [3.8, 43.5]]]}  # fmt: skip
    feature = {"type": "Feature", "properties": {"code": "34172"}, "geometry": contour}
    communes = write(tmp_path / "c.geojson", json.dumps({"type": "FeatureCollection", "features": [feature]}))  # fmt: skip
    tables = national_files(
        judged(rows, ZONE), made, register={}, commune_of=read_communes(communes)
    )
    write_national(tmp_path, tables)
    for name, rules in NATIONAL.items():
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            written = list(csv.DictReader(file))
        assert written
        assert tuple(written[0]) == tuple(rules)
        for row in written:
            for field, (required, pattern) in rules.items():
                assert re.fullmatch(pattern, row[field]) or (not row[field] and not required), (name, field, row[field])  # fmt: skip
    sites = tables["sites"]
    assert sites["fr_insee_code"].to_list() == ["34172"]
    assert "" not in tables["measures"]["count"].drop_nulls().to_list()
