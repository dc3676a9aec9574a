"""The vocabulary: enough words, each complete, none ambiguous."""

import pytest

from clapas.domain.quantities import BY_NGSI_NAME, QUANTITIES, Quantity, quantity


def test_the_trades_find_their_words() -> None:
    assert len(QUANTITIES) >= 80
    assert {
        "water_index",
        "co2",
        "pm25",
        "relative_humidity",
        "free_places",
        "soil_tension",
    } <= set(QUANTITIES)


@pytest.mark.parametrize("each", QUANTITIES.values(), ids=lambda each: each.key)
def test_each_is_complete(each: Quantity) -> None:
    assert each.low < each.high
    assert each.fr
    assert each.en
    assert each.ngsi.isidentifier()
    assert 2 <= len(each.code) <= 3
    assert each.shown_scale in (1.0, 100.0)
    assert (each.shown_scale == 1.0) or each.shown_unit


def test_a_ngsi_name_means_one_quantity() -> None:
    assert len(BY_NGSI_NAME) == len(QUANTITIES)


def test_an_index_only_grows_and_never_is_negative() -> None:
    assert all(each.low >= 0 for each in QUANTITIES.values() if each.kind == "increasing")


def test_an_unknown_word_is_a_plain_number() -> None:
    assert quantity("bananas").key == "number"
