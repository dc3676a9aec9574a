"""Fifteen homes' quarterly indexes over twenty years, and the ills of real meters."""

from pathlib import Path

import polars as pl
import pytest

from clapas.usecases.water.billing.commands import review_table
from clapas.usecases.water.meters.commands import examine_table
from clapas.usecases.water.meters.health import Settings
from clapas.usecases.water.meters.tables import Table, read_readings

pytestmark = pytest.mark.shared


def test_each_period_that_a_naive_rule_fires_on_is_explained(shared: Path) -> None:
    table = read_readings(
        shared / "data" / "water-meters-alicante" / "quarterly_index_1993_2014.csv"
    )
    reviews = review_table(table, {}, comparable=None)
    naive = [each for each in reviews if each.naive]
    abnormal = [each for each in reviews if each.verdict == "abnormal"]
    assert table.rows["meter"].n_unique() == 15
    assert len(reviews) > 950
    assert len(naive) > 50
    assert all(each.context for each in [*naive, *abnormal])
    assert sum(each.context == "sudden" for each in abnormal) <= 10
    assert all(each.period.volume > 2 * (each.reference.volume or 0) for each in abnormal)
    assert any(
        each.naive and each.verdict == "ordinary" and each.context == "season" for each in reviews
    )


def test_the_known_ills_of_real_meters_are_found(shared: Path) -> None:
    folder = shared / "data" / "water-meters-alicante"
    names = ("9348c9bb", "219ffd09", "10757a1f", "9b531be8")
    rows = pl.concat(
        [read_readings(path, zone="Europe/Madrid").rows for path in sorted(folder.glob("hourly_*"))]
    )
    chosen = Table(
        rows=rows.filter(pl.col("meter").str.slice(0, 8).is_in(names)), zone="Europe/Madrid"
    )
    findings = {(each.meter[:8], each.sign, each.act) for each in examine_table(chosen, Settings())}
    assert ("9348c9bb", "two_meters", "check") in findings
    assert ("219ffd09", "backward", "check") in findings
    assert ("10757a1f", "missing", "visit") in findings
    assert not {sign for name, sign, _ in findings if name == "9b531be8"} - {"absent", "missing"}
