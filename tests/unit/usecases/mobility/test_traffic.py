"""A slow road is slow beside its own free flow, told with what was known then."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.traffic.series import enriched, limits, read_series

ZONE = "Europe/Paris"
RULES = limits(date(2026, 6, 1))
START = datetime(2026, 3, 2, tzinfo=UTC)


def travel_times(path: Path, days: int = 12) -> Path:
    """A road of 100 s that takes 260 s from 8 to 9 on every day; one reading is missing, one is 0."""
    lines = ["datetime;segment;travel_time"]
    for n in range(days * 96):
        at = START + timedelta(minutes=15 * n)
        value = {40: "", 41: "0"}.get(n, "260" if at.astimezone().hour == 8 else "100")
        lines.append(f"{at:%Y-%m-%d %H:%M};A;{value}")
    path.write_text("\n".join(lines))
    return path


def test_travel_times_stand_beside_free_flow_and_the_usual(tmp_path: Path) -> None:
    table = enriched(read_series(travel_times(tmp_path / "t.csv"), zone="UTC"), ZONE, rules=RULES)
    first = table.row(0, named=True)
    assert (first["free_flow"], first["level"], first["usual"]) == (None, None, None)
    assert table.row(40, named=True)["quality"] == "missing"
    assert (table.row(41, named=True)["quality"], table.row(41, named=True)["ratio"]) == ("suspect", None)  # fmt: skip
    rush = table.filter((pl.col("value") == 260) & pl.col("usual").is_not_null()).row(-1, named=True)  # fmt: skip
    assert (rush["free_flow"], rush["free_flow_state"]) == (100.0, "known")
    assert (rush["ratio"], rush["delay_s"], rush["level"]) == (2.6, 160.0, "jammed")
    assert rush["departure"] == 0.0


@pytest.mark.parametrize("cut", [100, 500, 901])
def test_a_line_never_changes_when_more_is_received(tmp_path: Path, cut: int) -> None:
    read = read_series(travel_times(tmp_path / "t.csv"), zone="UTC")
    whole = enriched(read, ZONE, rules=RULES)
    part = enriched(type(read)(rows=read.rows.head(cut), measure=read.measure), ZONE, rules=RULES)
    assert whole.head(cut).equals(part)


def test_a_speed_is_read_by_its_name_and_what_is_no_traffic_is_refused(tmp_path: Path) -> None:
    fast = tmp_path / "speed_12.csv"
    fast.write_text("timestamp,value\n" + "\n".join(f"2026-03-{d:02} {h:02}:00:00,{50 if h == 8 else 90}" for d in range(1, 12) for h in range(24)))  # fmt: skip
    table = enriched(read_series(fast, zone="UTC"), ZONE, rules=RULES)
    slow = table.filter(pl.col("value") == 50).row(-1, named=True)
    assert (slow["measure"], slow["free_flow"], slow["ratio"], slow["level"]) == ("speed", 90.0, 1.8, "slow")  # fmt: skip
    assert slow["delay_s"] is None
    other = tmp_path / "rain.csv"
    other.write_text("timestamp,value\n2026-03-01,1\n")
    with pytest.raises(BadTable, match="--measure"):
        read_series(other, zone="UTC")
