"""The network detector on the recorded months of a realistic town, flows and level only."""

from pathlib import Path

import numpy as np
import pytest

from clapas.usecases.water.network.districts import read_records, survey
from clapas.usecases.water.network.evaluate import match
from clapas.usecases.water.network.scoring import read_truth

pytestmark = pytest.mark.shared


def test_recorded_leaks_are_found_within_days_and_nothing_is_invented(shared: Path) -> None:
    folder = shared / "data" / "water-network-ltown"
    records = read_records(
        folder / "scada_flows_2019-01_04.csv.gz",
        folder / "scada_levels_2019-01_04.csv.gz",
        pressures=None,
        zone="UTC",
    )
    leaks = read_truth(folder / "leaks_started_before_2019-05.csv", records)
    found = survey(records)
    assert [zone.name for zone in found.zones] == ["p227+p235", "PUMP_1"]
    outcome = match(found.steps, leaks)
    delays = np.array(outcome.delays)
    assert len(leaks) == 7
    assert np.median(delays) <= 2.0
    assert np.mean(delays <= 30) >= 0.8
    assert outcome.false <= 1
