"""Quotas: never more than the plan over any window, headers that tell it, months of the calendar."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from clapas.api_gateway import PLANS, Quotas
from clapas.api_gateway.kong import document
from clapas.api_gateway.quotas import DAY_S, month
from clapas.store.api_gateway import ApplicationRow


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(gaps=st.lists(st.floats(0, 30), min_size=1, max_size=80), limit=st.integers(1, 10))
def test_no_minute_lets_more_than_its_limit_through(gaps: list[float], limit: int) -> None:
    clock = Clock()
    quotas = Quotas(None, clock=clock)
    passed: list[float] = []
    for gap in gaps:
        clock.now += gap
        if quotas.take("a", {"minute": limit}).allowed:
            passed.append(clock.now)
    for start in {int(each) // 60 * 60 for each in passed}:
        assert sum(start <= each < start + 60 for each in passed) <= limit


def test_a_burst_at_the_border_of_two_windows_is_not_twice_the_limit() -> None:
    clock = Clock(999_999_959.9)  # just before a minute ends
    quotas = Quotas(None, clock=clock)
    assert sum(quotas.take("a", {"minute": 10}).allowed for _ in range(20)) == 10
    clock.now += 0.2
    assert sum(quotas.take("a", {"minute": 10}).allowed for _ in range(20)) == 0
    clock.now += 30
    assert sum(quotas.take("a", {"minute": 10}).allowed for _ in range(20)) == 5


PLAN = {"second": 3, "minute": 9, "day": 30}


@given(
    gaps=st.lists(st.floats(-2, 40), min_size=1, max_size=80),
    weights=st.lists(st.integers(1, 4), min_size=80, max_size=80),
)
def test_what_is_remembered_of_a_caller_changes_no_answer(
    gaps: list[float], weights: list[int]
) -> None:
    """Windows that are kept open answer as windows that are looked up anew at each call."""
    clock = Clock()
    kept, anew = Quotas(None, clock=clock), Quotas(None, clock=clock)
    for gap, weight in zip(gaps, weights, strict=False):
        clock.now += gap
        one = kept.take("a", PLAN, weight=weight)
        other = anew.take("a", {**PLAN}, weight=weight)
        assert one.allowed == other.allowed
        assert one.windows == other.windows
        assert one.raw() == other.raw()
        assert all(each.reset > 0 for each in one.windows)


def test_the_headers_tell_the_tightest_window_and_every_window() -> None:
    spent = Quotas(None, clock=Clock()).take("a", {"second": 10, "day": 10}, weight=4)
    told = dict(spent.raw())
    assert told[b"ratelimit-limit"] == told[b"x-ratelimit-limit"] == b"10"
    assert told[b"ratelimit-remaining"] == told[b"x-ratelimit-remaining-day"] == b"6"
    reset = b"%d" % spent.windows[1].reset
    assert told[b"ratelimit-reset"] == reset, "of two that are as tight, the one that lasts longer"
    tight = spent.tightest
    assert (tight.name, tight.remaining) == ("day", 6)


def test_a_refused_call_costs_nothing_and_says_when_to_come_back() -> None:
    clock = Clock()
    quotas = Quotas(None, clock=clock)
    limits = {"second": 1, "day": 5}
    assert quotas.take("a", limits).allowed
    refused = quotas.take("a", limits)
    assert not refused.allowed
    headers = refused.headers()
    assert headers["retry-after"] == "1"
    assert headers["ratelimit-limit"] == "1"
    assert headers["x-ratelimit-limit-day"] == "5"
    assert headers["x-ratelimit-remaining-day"] == "4"
    assert quotas.take("b", limits).allowed, "another caller is not concerned"


def test_an_export_weighs_more() -> None:
    quotas = Quotas(None, clock=Clock())
    assert quotas.take("a", {"day": 25}, weight=20).allowed
    assert not quotas.take("a", {"day": 25}, weight=20).allowed
    assert quotas.take("a", {"day": 25}).windows[0].remaining == 4


def test_months_are_those_of_the_calendar() -> None:
    for now, first, following in (
        (datetime(2028, 2, 29, 23, tzinfo=UTC), (2028, 2), (2028, 3)),
        (datetime(2026, 12, 31, tzinfo=UTC), (2026, 12), (2027, 1)),
    ):
        start, end = month(now.timestamp() // DAY_S)
        assert start == datetime(*first, 1, tzinfo=UTC).timestamp()
        assert end == datetime(*following, 1, tzinfo=UTC).timestamp()


APPLICATIONS = [
    ApplicationRow(
        id=UUID(int=number),
        name=f"Bureau d'études {number}",
        owner=UUID(int=9),
        plan=plan,
        networks=["192.0.2.0/24"] if number == 2 else [],
    )
    for number, plan in ((2, "partenaire"), (1, "inscrit"))
]


def read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return found


@pytest.mark.shared
def test_the_file_for_kong_is_valid_stable_and_without_secrets(shared: Path) -> None:
    text = document(APPLICATIONS, upstream="http://clapas:8000")
    assert text == document(list(reversed(APPLICATIONS)), upstream="http://clapas:8000")
    schema = msgspec.json.decode((shared / "kong" / "kong_json_schema.json").read_bytes())
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(read(text))
    broken = {**read(text), "servicez": []}
    assert not validator.is_valid(broken)
    assert 'env "DECK_KEY_APP_' in text
    assert "clp_" not in text
    limits = read(text)["consumers"][1]["plugins"][0]["config"]
    assert limits["month"] == PLANS["inscrit"].limits["month"]
