"""Tables as people bring them: separators, decimal commas, zones, the hour that comes twice."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.tables import read_readings


def written(tmp_path: Path, text: str, name: str = "readings.csv") -> Path:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_a_manufacturer_csv_with_semicolons_and_commas(tmp_path: Path) -> None:
    text = "user key;datetime;meter reading;diff\nA;01/03/2016 00:30:27;90348,5;0\n"
    table = read_readings(written(tmp_path, text, "r.csv.gz"))
    assert table.rows.row(0) == ("A", datetime(2016, 2, 29, 23, 30, 27, tzinfo=UTC), 90348.5)
    assert table.local


def test_zoned_times_and_cubic_metres(tmp_path: Path) -> None:
    text = "meter,timestamp,index_m3\nA,2024-05-01T00:00:00Z,1.5\nA,2024-05-01T02:00:00+02:00,1.6\n"
    table = read_readings(written(tmp_path, text))
    assert table.rows["index_l"].to_list() == [1500.0, 1600.0]
    assert table.rows["at"].n_unique() == 1
    assert not table.local


def test_the_hour_that_comes_twice_is_told_by_the_order_of_the_lines(tmp_path: Path) -> None:
    lines = ["01:30:00", "02:30:00", "02:30:00", "03:30:00"]
    text = "meter;datetime;index\n" + "".join(
        f"A;30/10/2016 {at};{n}\n" for n, at in enumerate(lines)
    )
    hours = read_readings(written(tmp_path, text)).rows["at"].dt.hour().to_list()
    assert hours == [23, 0, 1, 2]


def test_lines_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    good = "".join(f"A;01/03/2016 {h:02}:00:00;{h}\n" for h in range(24))
    table = read_readings(
        written(
            tmp_path, "meter;datetime;index\n" + good + "A;yesterday;7\nA;02/03/2016 00:00:00;n/a\n"
        )
    )
    assert [str(each) for each in table.problems] == [
        "line 26: cannot read datetime 'yesterday'",
        "line 27: cannot read index 'n/a'",
    ]
    assert table.rows.height == 24


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a;b\n1;2\n", "no column for meter, datetime, index"),
        ("meter;datetime;index\n", "no line"),
        ("meter;datetime;index\nA;x;y\nB;z;t\n", "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_reason(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(BadTable, match=said):
        read_readings(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="no such file"):
        read_readings(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffUser_Key;Datetime;Meter reading (L, cumulative);diff (L)\nA;01/03/2024 01:00:00;7;0\n",
        "A;01/03/2024 01:00:00;7;0\nA;01/03/2024 01:00:00;7;0\n",
        "meter_id,timestamp,index_l\nA,2024-03-01T00:00:00Z,7\n",
        "device,time,volume\nA,2024-03-01T01:00:00+01:00,7\n",
        "meter,ts,value\nA,1709251200,7\n",
        "meter,ts,value\nA,1709251200000,7\n",
        "meter,datetime,index (m3)\nA,2024-03-01T01:00:00,0.007\n",
    ],
)
def test_names_and_times_of_other_exports_are_recognised(tmp_path: Path, text: str) -> None:
    row = read_readings(written(tmp_path, text)).rows.row(0, named=True)
    assert row == {"meter": "A", "at": datetime(2024, 3, 1, tzinfo=UTC), "index_l": 7.0}
