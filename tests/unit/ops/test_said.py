"""A demonstration that starts again says what is missing, not everything again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from clapas.ops.demonstration import BEHIND, SAID, Said
from clapas.ops.simulate.play import PAST

NOW = datetime(2026, 5, 12, 10, tzinfo=UTC)


def test_a_first_start_says_the_whole_past(tmp_path: Path) -> None:
    assert Said(tmp_path).past(NOW) == PAST


def test_a_second_start_says_what_came_since_and_a_little_more(tmp_path: Path) -> None:
    first = Said(tmp_path)
    first.reached(NOW)
    first.reached(NOW + timedelta(seconds=1))
    assert Said(tmp_path).past(NOW + timedelta(hours=1)) == timedelta(hours=1) + BEHIND
    first.reached(NOW + timedelta(seconds=40))
    later = NOW + timedelta(hours=1, seconds=40)
    assert Said(tmp_path).past(later) == timedelta(hours=1) + BEHIND


def test_after_a_long_stop_it_says_two_days_at_most(tmp_path: Path) -> None:
    Said(tmp_path).reached(NOW)
    assert Said(tmp_path).past(NOW + timedelta(days=30)) == PAST


def test_a_clock_that_went_back_and_a_spoilt_file_harm_nothing(tmp_path: Path) -> None:
    Said(tmp_path).reached(NOW)
    assert Said(tmp_path).past(NOW - timedelta(days=1)) == timedelta(0)
    (tmp_path / SAID).write_text("yesterday")
    assert Said(tmp_path).past(NOW) == PAST
