"""The real car parks and bike stations of a city: what is frozen is found, the forecast keeps its promise."""

from pathlib import Path

import pytest

from clapas.usecases.mobility.places.feed import read_snapshots
from clapas.usecases.mobility.places.still import stillness
from clapas.usecases.mobility.places.tables import score

pytestmark = pytest.mark.shared


def test_frozen_places_are_found_and_car_parks_are_foreseen(shared: Path) -> None:
    folder = shared / "data" / "montpellier-parkings-bikes"
    feeds = read_snapshots(folder / "snapshots_2025-12-28_2026-01-08.csv.gz").feeds()
    states = {feed.kind: [each.state for each in stillness(feed)] for feed in feeds}
    assert (states["car"].count("frozen"), len(states["car"])) == (3, 24)
    assert (states["bike"].count("frozen"), len(states["bike"])) == (5, 57)
    cars = next(feed for feed in feeds if feed.kind == "car")
    begin = float(cars.at[0]) + 5 * 86_400
    far = score(cars, 120, zone="Europe/Paris", start=begin)
    assert far["mae"] < 0.75 * far["mae_as_now"]
    near = score(cars, 30, zone="Europe/Paris", start=begin)
    assert near["mae"] <= near["mae_as_now"]
