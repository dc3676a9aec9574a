"""Reading statements by their tokens: verbs, where an insert's data begin, what a reader may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.engines.clickhouse_server.execution import ARROW_END, arrow_part
from clapas.engines.clickhouse_server.statement import (
    Refused,
    guard_reader,
    insert_with_data,
    tokens,
    verb,
    without_format,
)

NAMES = frozenset({"file", "url", "s3", "numbers", "values", "remote"})


@pytest.mark.parametrize(
    ("sql", "statement", "settings", "form", "data"),
    [
        ("INSERT INTO t FORMAT Native\nxyz", "INSERT INTO t", "", "Native", "xyz"),
        (
            "insert into `format` (a, b) settings x = 1 format TSV 1\t2",
            "insert into `format` (a, b)",
            "settings x = 1",
            "TSV",
            "1\t2",
        ),
        (
            "/* FORMAT */ INSERT INTO db.t (format) FORMAT CSV\r\n1",
            "/* FORMAT */ INSERT INTO db.t (format)",
            "",
            "CSV",
            "1",
        ),
    ],
)
def test_where_the_data_of_an_insert_begin(
    sql: str, statement: str, settings: str, form: str, data: str
) -> None:
    found = insert_with_data(sql)
    assert found is not None
    assert (found.statement, found.settings, found.format) == (statement, settings, form)
    assert sql[found.data_from :] == data


@pytest.mark.parametrize(
    "sql",
    ["INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1 FORMAT Null", "SELECT 1 FORMAT CSV", ""],
)
def test_other_statements_carry_no_data(sql: str) -> None:
    assert insert_with_data(sql) is None


def test_the_format_at_the_end_is_taken_off() -> None:
    assert without_format("SELECT 'FORMAT x'\n FORMAT Native") == ("SELECT 'FORMAT x'", "Native")
    assert without_format("SELECT 1 FORMAT JSON ;") == ("SELECT 1", "JSON")
    assert without_format("SELECT format(a, b)") == ("SELECT format(a, b)", None)


@given(st.text())
def test_tokens_cover_any_text(sql: str) -> None:
    found = list(tokens(sql))
    assert all(sql[token.end - len(token.text) : token.end] == token.text for token in found)
    assert verb(sql) == (found[0].text.upper() if found else "")


@given(
    st.text(alphabet="'\\`\"-/*\n ax;", max_size=12),
    st.sampled_from(["file", "`file`", '"url"', "S3", "Remote"]),
)
def test_a_forbidden_call_never_passes_outside_strings_and_comments(noise: str, name: str) -> None:
    sql = f"SELECT * FROM {name}('x') {noise}"
    with pytest.raises(Refused):
        guard_reader(sql, NAMES)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'file(' , file FROM t WHERE url = 'x;y'",
        "WITH a AS (SELECT number FROM numbers(3)) SELECT * FROM a",
        "SELECT count() FROM t -- file('x')",
        "(SELECT 1) UNION ALL (SELECT 2);",
    ],
)
def test_ordinary_reading_passes(sql: str) -> None:
    guard_reader(sql, NAMES)


def test_blocks_of_arrow_join_to_one_stream() -> None:
    schema = b"\xff\xff\xff\xff\x04\x00\x00\x00SCHM"
    one, two = schema + b"batch1" + ARROW_END, schema + b"batch2" + ARROW_END
    assert (
        arrow_part(one, first=True) + arrow_part(two, first=False) + ARROW_END
        == schema + b"batch1batch2" + ARROW_END
    )
