"""The filter language: what is read, what is refused, and that no word of a caller becomes SQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.store.odata import FilterRefused, parse_filter
from clapas.store.odata_sql import CLICKHOUSE, Compiler, Dialect, clickhouse_parameter

ACCEPTED = [
    "result gt 20",
    "result gt 20 and (phenomenonTime ge 2020-01-01T00:00:00Z or not result lt -3.5)",
    "round(result) eq 3 and result mod 2 eq 1",
    "phenomenonTime gt now() sub duration'PT10M'",
    "year(phenomenonTime) eq 2020 and hour(resultTime) lt 6",
    "result add 3 mul 2 ge 10",
]
REFUSED = [
    "",
    "result",
    "gt 3",
    "result gt",
    "name eq 'x'",
    "nothing(result)",
    "result gt 3)",
    "('",
]


def compiled(text: str) -> tuple[str, dict[str, object]]:
    """The condition of a filter of observations."""
    columns = {"result": "value", "phenomenonTime": "measured", "resultTime": "received"}

    def column(path: str) -> str:
        if path not in columns:
            raise FilterRefused(path)
        return columns[path]

    dialect = Dialect(functions=CLICKHOUSE, parameter=clickhouse_parameter, column=column)
    made = Compiler(dialect).condition(parse_filter(text))
    return made.text, dict(made.values)


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_is_read(text: str) -> None:
    """The operators and functions of the standard become a condition."""
    assert compiled(text)[0].startswith("(")


def test_values_are_parameters() -> None:
    """A caller's values are parameters, with their types."""
    text, values = compiled("result gt 20 and phenomenonTime lt 1970-01-01T00:00:01Z")
    assert text == "((value > {f0:Float64}) AND (measured < fromUnixTimestamp64Milli({f1:Int64})))"
    assert values == {"f0": 20.0, "f1": 1000}


@pytest.mark.parametrize("text", REFUSED[:1] + REFUSED[2:])
def test_what_is_refused(text: str) -> None:
    """What is not the language, or names what there is not, is refused, never a failure."""
    with pytest.raises(FilterRefused):
        compiled(text)


@given(st.text(max_size=60))
def test_no_text_fails_otherwise(text: str) -> None:
    """Any text is a filter or is refused."""
    try:
        compiled(text)
    except FilterRefused:
        return


@given(st.text(alphabet="abc'\"; -)(%{}", max_size=30))
def test_strings_stay_strings(text: str) -> None:
    """Whatever a string holds, the condition is the same, and the parameter is the string."""
    quoted = text.replace("'", "''")
    columns = Dialect(
        functions=CLICKHOUSE, parameter=clickhouse_parameter, column=lambda _path: "name"
    )
    made = Compiler(columns).condition(parse_filter(f"name eq '{quoted}'"))
    assert made.text == "(name = {f0:String})"
    assert made.values == {"f0": text}
