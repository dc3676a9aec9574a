"""What ClickHouse refuses is told in its words, without addresses of the inside."""

from clapas.store.clickhouse import said

AROUND = "Received ClickHouse exception, code: 47, server response: Code: 47. DB::Exception: {} (for url http://127.0.0.1:42321)"


def test_the_reason_alone_is_told() -> None:
    why = "Unknown expression identifier `nope`. In scope SELECT nope FROM observation. (UNKNOWN_IDENTIFIER)"
    assert said(AROUND.format(why)) == why
    assert said(AROUND.format("default: readers may not call url(). (READONLY)")) == (
        "readers may not call url(). (READONLY)"
    )


def test_what_has_another_form_still_hides_the_address() -> None:
    assert said("no answer (for url http://127.0.0.1:42321)") == "no answer"
