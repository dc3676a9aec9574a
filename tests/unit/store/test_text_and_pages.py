"""Searching, paging, and batches that no hostile text can break."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import batch
from clapas.store.text import pattern, searchable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(each) for each in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(each) for key, each in value.items()}
    return value


@given(st.lists(JSON, max_size=5))
def test_a_batch_says_the_same_without_nul(rows: list[object]) -> None:
    text = batch(rows)
    assert json.loads(text) == without_nul(rows)
    assert "\x00" not in json.dumps(json.loads(text), ensure_ascii=False)


def test_a_batch_keeps_a_backslash_before_the_letters_of_nul() -> None:
    assert json.loads(batch(["\\u0000", "\\\x00"])) == ["\\u0000", "\\"]
    assert batch([float("nan")]) == "[null]"


@given(st.text(max_size=40), st.integers(0, 2**62))
def test_a_cursor_gives_its_key_back(text: str, number: int) -> None:
    assert key_of(cursor(text, number), str, int) == (text, number)


@pytest.mark.parametrize("after", ["", "é", "AAAA", "bnVsbA", cursor("text")])
def test_a_foreign_cursor_is_refused(after: str) -> None:
    with pytest.raises(InvalidInput):
        key_of(after, int)


def test_a_page_is_bounded() -> None:
    assert [bounded(0), bounded(50), bounded(10**9)] == [1, 50, 1000]


def test_a_search_ignores_case_and_accents_and_takes_signs_as_they_are() -> None:
    assert searchable("Médiathèque Émile-Zola") == "mediatheque emile-zola"
    assert pattern("  ÉTÉ 100% ") == "%ete 100\\%%"
    assert pattern("a_b\\") == "%a\\_b\\\\%"
