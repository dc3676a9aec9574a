"""Odd archives of places: whatever lacks, repeats or changes, a forecast owes nothing to what came later."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapas.usecases.errors import BadTable
from clapas.usecases.mobility.places.feed import Feed, read_snapshots
from clapas.usecases.mobility.places.tables import forecast_table, frozen_table

THURSDAY = datetime(2026, 3, 26, tzinfo=UTC)
"""Three days before the change to summer time."""
HEADER = "datetime,kind,name,free,total"


@st.composite
def archives(draw: st.DrawFn) -> list[str]:
    """Lines of three places: gaps, missing and repeated counts, capacities that change, late arrivals."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    steps = rng.choice([10, 30, 45, 600], 150, p=[0.2, 0.5, 0.27, 0.03])
    moments = [THURSDAY + timedelta(minutes=int(minutes)) for minutes in np.cumsum(steps)]
    walk = np.cumsum(rng.integers(-9, 10, (3, len(moments))), axis=1)
    grown = draw(st.integers(0, len(moments)))
    kind = draw(st.sampled_from(["car", "bike"]))
    lines = []
    for n, moment in enumerate(moments):
        wave = 60 + 40 * np.cos(moment.hour / 24 * 2 * np.pi)
        for place in range(3):
            if rng.random() < 0.1 or (place == 2 and n < 40):
                continue
            free = "" if rng.random() < 0.05 else f"{max(0, int(wave) + walk[place, n] // 4)}"
            capacity = 0 if rng.random() < 0.02 else 150 + 50 * (n >= grown)
            line = f"{moment:%Y-%m-%dT%H:%M:%SZ},{kind},P{place},{free},{capacity}"
            lines += [line] * (2 if rng.random() < 0.05 else 1)
    return lines


def feeds_of(lines: list[str], folder: Path) -> dict[str, Feed]:
    path = folder / "archive.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return {feed.kind: feed for feed in read_snapshots(path).feeds()}


def sorted_table(feed: Feed, horizon: int) -> pl.DataFrame:
    return forecast_table(feed, horizon, zone="Europe/Paris").sort("made_at", "name")


@given(lines=archives(), cut=st.floats(0.05, 0.95), horizon=st.sampled_from([30, 120, 720]))
@settings(max_examples=12, deadline=None)
def test_a_file_cut_at_an_instant_forecasts_what_the_whole_file_did(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], cut: float, horizon: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    end = lines[int(cut * len(lines))][:20]
    whole = feeds_of(lines, folder)
    for kind, part in feeds_of([line for line in lines if line[:20] <= end], folder).items():
        known = sorted_table(whole[kind], horizon).filter(pl.col("made_at") <= end)
        assert sorted_table(part, horizon).equals(known)


@given(lines=archives(), chance=st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_lines_in_any_order_forecast_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("order")
    straight = feeds_of(lines, folder)
    mixed = list(lines)
    chance.shuffle(mixed)
    for kind, feed in feeds_of(mixed, folder).items():
        assert sorted_table(feed, 60).equals(sorted_table(straight[kind], 60))


def test_a_place_that_never_told_a_number_is_short_of_record_and_has_no_forecast(
    tmp_path: Path,
) -> None:
    times = [f"2026-01-05T{hour:02d}:00:00Z" for hour in range(24)]
    lines = [f"{at},car,{name},{free},50" for at in times for name, free in (("A", "7"), ("B", ""))]
    feed = feeds_of(lines, tmp_path)["car"]
    assert set(forecast_table(feed, 60, zone="UTC")["name"]) == {"A"}
    silent = frozen_table(feed).filter(pl.col("name") == "B").row(0, named=True)
    assert (silent["state"], silent["value"], silent["changes"]) == ("short", None, 0)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no line after the header"),
        (f"{HEADER}\n".encode(), "no line after the header"),
        (f'{HEADER}\n2026-01-05T01:00:00Z,car,"A,1,2\n'.encode() * 2, "line 2: a quote is opened"),
        (bytes(range(256)) * 50, "no text file"),
        (b"\x1f\x8b\x08\x00broken\nbroken\n", "no text file"),
    ],
)
def test_a_badly_framed_archive_is_refused_in_one_line_that_says_why(
    tmp_path: Path, body: bytes, says: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(body)
    with pytest.raises(BadTable, match=says) as caught:
        read_snapshots(path)
    assert len(str(caught.value).splitlines()) == 1
