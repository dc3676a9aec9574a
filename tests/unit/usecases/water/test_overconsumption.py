"""Abnormal volumes: what the law compares, what it leaves out, what is owed."""

from datetime import date
from pathlib import Path

import msgspec
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from clapas.usecases.water.billing.dossier import Dossier, fields, render_dossier
from clapas.usecases.water.billing.periods import Curve, Reading, periods
from clapas.usecases.water.billing.review import Review, review
from clapas.usecases.water.billing.warsmann import (
    Case,
    month_after,
    owed,
    reference,
    relief,
    shifted,
)
from clapas.usecases.water.commands import register

QUARTERS = ((1, 5), (4, 5), (7, 5), (10, 5))


def home(
    volumes: dict[tuple[int, int], float], *, years: range, usual: tuple[float, ...]
) -> list[Review]:
    """Quarterly readings of a home that takes ``usual`` m³ a quarter, but for the (year, quarter) given."""
    index, readings = 100.0, []
    for year in years:
        for quarter, (month, day) in enumerate(QUARTERS):
            readings.append(Reading(date(year, month, day), index))
            index += volumes.get((year, quarter), usual[quarter])
    return review(periods("m", readings))


def test_a_high_summer_every_summer_is_no_leak_though_a_naive_rule_says_so() -> None:
    reviews = home({}, years=range(2015, 2022), usual=(10.0, 12.0, 60.0, 10.0))
    summers = [
        each for each in reviews if each.period.start.month == 7 and each.period.start.year >= 2018
    ]
    assert all(
        each.naive and each.verdict == "ordinary" and each.context == "season" for each in summers
    )


def test_a_sudden_volume_is_abnormal_and_its_reason_says_leak() -> None:
    reviews = home({(2020, 1): 95.0}, years=range(2015, 2022), usual=(30.0, 30.0, 30.0, 30.0))
    odd = [each for each in reviews if each.verdict == "abnormal"]
    assert [(each.period.volume, each.context) for each in odd] == [(95.0, "sudden")]
    assert odd[0].reference.volume == pytest.approx(30.0, rel=0.02)
    assert sorted(odd[0].reference.years) == [2017, 2018, 2019]


def test_a_known_leak_of_last_year_does_not_raise_the_reference() -> None:
    readings = [Reading(date(2015 + n // 4, *QUARTERS[n % 4]), 100.0 + 30 * n) for n in range(28)]
    leaky = [
        Reading(each.day, each.index + (200.0 if each.day >= date(2019, 7, 5) else 0.0))
        for each in readings
    ]
    found = periods("m", leaky)
    spring = next(each for each in found if each.start == date(2020, 4, 5))
    assert reference(spring, Curve(found)).volume == pytest.approx(97.0, abs=2.0)
    cleaned = reference(spring, Curve(found, [(date(2019, 5, 1), date(2019, 6, 20))]))
    assert cleaned.volume == pytest.approx(30.0, rel=0.02)
    assert cleaned.source == "own_partial"


def test_an_empty_home_gives_no_reference_and_comparable_homes_do() -> None:
    index = [0.0] * 14 + [30.0 * n for n in range(1, 6)]
    readings = [
        Reading(date(2015 + n // 4, *QUARTERS[n % 4]), value) for n, value in enumerate(index)
    ]
    found = periods("m", readings)
    known = reference(found[13], Curve(found))
    assert (known.volume, known.source, known.vacant) == (None, "none", 3)
    assert review(found)[13].context == "return_after_absence"
    assert reference(found[13], Curve(found), comparable_day=0.2).volume == pytest.approx(
        0.2 * found[13].days
    )


def test_replacement_rollover_and_double_readings() -> None:
    readings = [
        Reading(date(2020, 1, 1), 9990.0),
        Reading(date(2020, 1, 1), 9990.0),
        Reading(date(2020, 4, 1), 15.0),
        Reading(date(2020, 7, 1), 40.0),
        Reading(date(2020, 10, 1), 3.0),
    ]
    assert [(each.volume, each.how) for each in periods("m", readings)] == [
        (25.0, "rollover"),
        (25.0, "measured"),
        (3.0, "replacement"),
    ]
    assert Curve(periods("m", readings)).volume(date(2020, 6, 1), date(2020, 9, 1)) is None


def test_water_is_capped_at_twice_the_mean_and_sanitation_at_the_mean() -> None:
    capped = relief(100.0, 30.0)
    assert (capped.water, capped.sanitation) == (60.0, 30.0)
    assert (capped.water_relieved, capped.sanitation_relieved) == (40.0, 70.0)


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_relief_never_creates_water(volume: float, mean: float) -> None:
    capped = relief(volume, mean)
    assert 0 <= capped.sanitation <= capped.water <= volume


def test_the_month_runs_from_the_proven_information() -> None:
    assert month_after(date(2024, 1, 31)) == date(2024, 2, 29)
    assert shifted(date(2024, 2, 29), 1) == date(2023, 2, 28)
    case = Case(read=date(2024, 1, 10), informed=date(2024, 1, 31), proof="recommandé 1A 123")
    assert case.due == date(2024, 2, 29)
    assert case.state(date(2024, 2, 29)) == "waiting"
    assert case.state(date(2024, 3, 1)) == "expired"
    in_time = Case(
        read=case.read, informed=case.informed, proof=case.proof, certificate=date(2024, 2, 20)
    )
    assert in_time.state(date(2024, 4, 1)) == "accepted"
    assert owed(100.0, 30.0, case=in_time, today=date(2024, 4, 1)).water == 60.0
    assert owed(100.0, 30.0, case=case, today=date(2024, 4, 1)).water == 100.0


def test_without_proof_of_information_the_excess_is_not_due() -> None:
    case = Case(read=date(2024, 1, 10), informed=date(2024, 1, 31))
    assert case.state(date(2024, 6, 1)) == "to_inform"
    assert owed(100.0, 30.0, case=case, today=date(2024, 6, 1)).water == 60.0


def test_the_file_is_a_pdf_with_the_figures_of_the_law() -> None:
    reviews = home({(2020, 1): 95.0}, years=range(2015, 2022), usual=(30.0, 30.0, 30.0, 30.0))
    odd = next(each for each in reviews if each.verdict == "abnormal")
    dossier = Dossier(
        review=odd,
        service="Régie des eaux",
        informed=date(2020, 7, 8),
        proof="courriel du 08/07/2020",
    )
    words = fields(dossier)
    assert (words["subscriber"], words["contract"]) == ("—", "—"), "no name unless it is asked for"
    named = fields(msgspec.structs.replace(dossier, subscriber="Mme Vidal", contract="C-4471"))
    assert (named["subscriber"], named["contract"]) == ("Mme Vidal", "C-4471")
    assert words["volume"] == "95,0 m³"
    assert words["due"] == "08/08/2020"
    assert render_dossier(dossier).startswith(b"%PDF-")


def test_the_command_names_the_reason_of_each_period(tmp_path: Path) -> None:
    lines = ["meter;date;index"]
    index = 0
    for n in range(24):
        index += 90 if n == 20 else 30
        lines.append(f"A;{date(2015 + n // 4, *QUARTERS[n % 4]).isoformat()};{index}")
    (tmp_path / "indexes.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "leaks.csv").write_text(
        "meter,start,end\nA,2016-01-01,2016-02-01\n", encoding="utf-8"
    )
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = tmp_path / "out.csv"
    command = ["water", "overconsumption", str(tmp_path / "indexes.csv"), "--out", str(out)]
    done = CliRunner().invoke(
        app,
        [*command, "--leaks", str(tmp_path / "leaks.csv"), "--dossiers", str(tmp_path / "files")],
    )
    assert done.exit_code == 0, done.output
    written = out.read_text(encoding="utf-8")
    assert written.startswith("meter,start,end,days,volume_m3")
    assert "a leak after the meter is likely" in written
    assert len(list((tmp_path / "files").glob("*.pdf"))) == 1
