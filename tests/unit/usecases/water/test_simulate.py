"""Scenarios of leaks: where a leak of the model draws its water."""

from types import SimpleNamespace

import numpy as np
import wntr

from clapas.usecases.water.network.simulate import Leak, _open


def test_a_leak_beside_a_tank_draws_at_the_other_end_of_its_pipe() -> None:
    network = wntr.network.WaterNetworkModel()
    network.add_tank("tank", elevation=60)
    network.add_junction("n1", elevation=10)
    network.add_pipe("p1", "tank", "n1", length=100)
    pressure = SimpleNamespace(to_numpy=lambda: np.full(48, 50.0))
    still = SimpleNamespace(node={"pressure": {"n1": pressure}})
    leak = Leak(pipe="p1", diameter=0.01, start=24.0, peak=24.0, end=40.0)
    opened = _open(network, leak, still=still, hours=48)
    assert network.get_node("n1").demand_timeseries_list[-1].category == "leak"
    assert 4.0 < opened.flow < 9.0, "a hole of 1 cm under 50 m loses some m³/h"
