"""A bay's magnetometer whose baseline moves is told before it lies; noise, cars and the place do not matter."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from clapas.usecases.mobility.bays.drift import drift
from clapas.usecases.mobility.bays.stays import bays_table, read_bays

CAR = np.array([18.0, -9.0, 25.0])
"""What a car does to the field, µT: about 32 in all."""


def bay(
    moved: float, *, noise: float = 0.5, place: tuple[float, float, float] = (20, 1, 43), n: int = 200, seed: int = 1
) -> tuple[NDArray[np.float64], list[bool]]:  # fmt: skip
    """Readings of a bay that is taken a third of the time while its baseline moves by ``moved`` µT, steadily."""
    rng = np.random.default_rng(seed)
    taken = [k % 6 in {2, 3} for k in range(n)]
    towards = np.outer(np.linspace(0, moved, n), np.array([0.6, 0.0, 0.8]))
    field = np.array(place) + towards + rng.normal(0, noise, (n, 3)) + np.outer(taken, CAR)
    return field, taken


@settings(deadline=None)
@given(st.floats(0, 2.0), st.integers(0, 50))
def test_noise_alone_is_no_drift(noise: float, seed: int) -> None:
    found = drift(*bay(0.0, noise=noise, seed=seed))
    assert found is not None
    assert not found.drifting


@settings(deadline=None)
@given(st.floats(22.0, 60.0), st.integers(0, 50))
def test_a_baseline_that_passes_the_middle_is_told(moved: float, seed: int) -> None:
    found = drift(*bay(moved, seed=seed))
    assert found is not None
    assert found.drifting
    assert found.moved == pytest.approx(moved, rel=0.15)


@settings(deadline=None)
@given(st.tuples(*[st.floats(-60, 60)] * 3))
def test_the_earths_own_field_does_not_matter(place: tuple[float, float, float]) -> None:
    here, there = drift(*bay(10.0)), drift(*bay(10.0, place=place))
    assert here is not None
    assert there is not None
    assert (there.moved, there.contrast) == pytest.approx((here.moved, here.contrast))


@settings(deadline=None)
@given(st.floats(0.1, 10.0))
def test_the_unit_does_not_matter(scale: float) -> None:
    field, taken = bay(25.0)
    one, other = drift(field, taken), drift(field * scale, taken)
    assert one is not None
    assert other is not None
    assert one.drifting == other.drifting


def test_too_few_readings_say_nothing() -> None:
    field, taken = bay(40.0, n=20)
    assert drift(field, taken) is None
    assert drift(bay(40.0)[0], [False] * 200) is None
    assert drift(np.full((200, 3), np.nan), taken * 10) is None


def test_the_command_reads_the_field_and_names_the_bay(tmp_path: Path) -> None:
    lines = ["datetime;bay;occupied;x;y;z"]
    for name, moved in (("steady", 0.0), ("moving", 30.0)):
        field, taken = bay(moved)
        lines += [
            f"2026-03-{1 + k // 48:02}T{k % 48 // 2:02}:{k % 2 * 30:02}:00Z;{name};{int(taken[k])};"
            + ";".join(f"{each:.2f}".replace(".", ",") for each in field[k])
            for k in range(len(taken))
        ]
    lines += [f"2026-03-{1 + k // 24:02}T{k % 24:02}:00:00Z;mute;{k % 2};;;" for k in range(96)]
    path = tmp_path / "bays.csv"
    path.write_text("\n".join(lines))
    found = {row["bay"]: row for row in bays_table(read_bays(path).rows).to_dicts()}
    assert (found["steady"]["state"], found["moving"]["state"]) == ("live", "drifting")
    assert found["moving"]["contrast"] == pytest.approx(32.1, abs=3)
    assert (found["mute"]["baseline_moved"], found["mute"]["contrast"]) == (None, None)
