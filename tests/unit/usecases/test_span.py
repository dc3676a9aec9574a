"""A page looks back as far as its trade wants and its history covers."""

from datetime import timedelta

import pytest

from clapas.usecases.span import fitting


@pytest.mark.parametrize(
    ("wanted", "age_days", "days"),
    [(7, 0, 1), (7, 2, 1), (7, 7, 7), (7, 400, 7), (30, 29, 7), (365, 100, 90), (400, 400, 365)],
)
def test_the_longest_choice_that_fits(wanted: int, age_days: int, days: int) -> None:
    assert fitting(wanted, timedelta(days=age_days)) == days
