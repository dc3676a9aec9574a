"""The real museum: the room leaves the band, its showcase does not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clapas.usecases.museum.climate import live_table
from clapas.usecases.museum.loggers import read_climate
from clapas.usecases.museum.summary import summary_table

pytestmark = pytest.mark.shared


def test_the_case_is_protected_though_the_room_is_not(shared: Path) -> None:
    rows = read_climate(shared / "data" / "museum-climate" / "three_sensors_2024-01_08.csv.gz").rows
    live = live_table(rows)
    table = {row["role"]: row for row in summary_table(rows, live=live).to_dicts()}
    assert 0.11 < table["room"]["outside_en15757"] < 0.15
    assert table["case"]["outside_en15757"] == 0.0
    assert table["case"]["outside_live"] == 0.0
    assert table["case"]["protection"] == "protected"
    assert table["outdoor"]["mould_hours"] > 500
    half = rows.filter(rows["at"] < datetime(2024, 4, 15, tzinfo=UTC))
    assert live_table(half).equals(live.filter(rows["at"].is_in(half["at"].implode())))


def test_the_makers_own_exports_are_read_as_they_are(shared: Path) -> None:
    folder = shared / "data" / "museum-climate"
    hanwell = read_climate(folder / "hanwell_export_sample.csv")
    meaco = read_climate(folder / "meaco_export_sample.csv")
    assert set(hanwell.rows["sensor"]) == {"External"}
    assert meaco.rows.row(0)[1:3] == ("York", "Store")
    assert hanwell.problems == meaco.problems == ()
