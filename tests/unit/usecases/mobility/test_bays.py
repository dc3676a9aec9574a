"""A bay knows that it is taken, for how long, and when its sensor can no longer be believed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clapas.usecases.mobility.bays.stays import bays_table, read_bays

START = datetime(2026, 3, 2, tzinfo=UTC)


def lines(bay: str, states: Sequence[tuple[float, int]], kind: str = "standard") -> list[str]:
    return [
        f"{(START + timedelta(hours=hour)).isoformat()};{bay};{state};{kind}"
        for hour, state in states
    ]


def test_stays_turnover_reserved_bays_and_sensors_to_visit(tmp_path: Path) -> None:
    day = [(hour, int(hour % 4 < 1)) for hour in range(97)]
    stuck = [(hour, 1) for hour in range(97)]
    quiet = [(hour, 0) for hour in range(20)]
    shaken = [(90 + n / 12, n % 2) for n in range(14)] + [(96, 0)]
    rows = [
        *lines("good", day), *lines("stuck", stuck, "pmr"), *lines("quiet", quiet), *lines("shaken", shaken),
        "never;good;1;standard",
    ]  # fmt: skip
    path = tmp_path / "bays.csv"
    path.write_text("datetime;bay;occupied;kind\n" + "\n".join(rows))
    found = read_bays(path)
    assert "cannot read datetime 'never'" in str(found.problems[0])
    table = {row["bay"]: row for row in bays_table(found.rows, limit_min=45).to_dicts()}
    good = table["good"]
    assert (good["stays"], good["mean_stay_min"], good["over_limit"]) == (23, 60.0, 23)
    assert abs(good["occupancy"] - 0.25) < 0.01
    assert table["stuck"]["state"] == "stuck_occupied"
    assert table["stuck"]["kind"] == "pmr"
    assert (table["quiet"]["state"], table["quiet"]["capture"] < 0.3) == ("silent", True)
    assert table["shaken"]["state"] == "flickering"


def test_a_stay_cut_by_silence_is_no_stay(tmp_path: Path) -> None:
    path = tmp_path / "bays.csv"
    path.write_text(
        "datetime;bay;occupied\n"
        + "\n".join(
            each.rpartition(";")[0]
            for each in lines("a", [(0, 0), (1, 1), (30, 0), (31, 1), (32, 0)])
        )
    )
    row = bays_table(read_bays(path).rows).row(0, named=True)
    assert (row["stays"], row["mean_stay_min"]) == (1, 60.0)
    assert row["known_hours"] == 9.0
