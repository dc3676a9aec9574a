"""Scope queries over time (clauses 4.18, 4.19, 5.7.4; annex C.5.16)."""

from typing import Any

import httpx
import pytest
from tests.integration.context.five import kind_of

DAY = "2026-03-01T"
WINDOW = f"timerel=between&timeAt={DAY}12:00:00Z&endTimeAt={DAY}13:00:00Z"


def times(*pairs: tuple[Any, str]) -> list[dict[str, Any]]:
    """Instances of a Property, each at a time of the day."""
    return [
        {"type": "Property", "value": value, "observedAt": f"{DAY}{at}:00Z"} for value, at in pairs
    ]


@pytest.fixture
async def scoped(api: httpx.AsyncClient, urn: str) -> str:
    """Entities whose scopes were set before, in and after the hour that is asked for."""
    made = {
        "early": (times(("/a/b", "10:00")), times(("one", "12:05"))),
        "both": (times((["/a/b", "/c"], "10:00")), times(("two", "12:05"))),
        "none": (None, times(("three", "12:05"))),
        "within": (times(("/m", "12:10")), times(("before", "12:05"), ("after", "12:15"))),
        "moved": (
            times(("/r", "10:00"), ("/s", "12:30")),
            times(("old", "12:15"), ("new", "12:45")),
        ),
        "late": (times(("/z", "14:00")), times(("four", "12:05"))),
    }
    for name, (scope, state) in made.items():
        body = {"id": f"{urn}-{name}", "type": kind_of(urn), "state": state}
        answer = await api.post(
            "/temporal/entities", json=body | ({"scope": scope} if scope else {})
        )
        assert answer.status_code == 201
    return urn


@pytest.mark.clause("5.7.4")
@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        ("/a/b", {"early": ["one"], "both": ["two"]}),
        ("/a/%23", {"early": ["one"], "both": ["two"]}),
        ("(/a/b;/c)", {"both": ["two"]}),
        ("/c|/m", {"both": ["two"], "within": ["after"]}),
        ("/r", {"moved": ["old"]}),
        ("/s", {"moved": ["new"]}),
        ("/%23", {"early": ["one"], "both": ["two"], "within": ["after"], "moved": ["old", "new"]}),
        ("/z", {}),
        ("/y", {}),
    ],
)
async def test_scopes_in_time(
    api: httpx.AsyncClient, scoped: str, scope: str, wanted: dict[str, list[str]]
) -> None:
    """Only what was while the scope held is told, with the scope that was valid."""
    found = (
        await api.get(f"/temporal/entities?type={kind_of(scoped)}&scopeQ={scope}&{WINDOW}")
    ).json()
    told = {
        each["id"].rpartition("-")[2]: [one["value"] for one in each["state"]] for each in found
    }
    assert told == wanted
    assert all(each["scope"] for each in found)


@pytest.mark.clause("5.7.4")
async def test_words_in_time(api: httpx.AsyncClient, urn: str) -> None:
    """A word in a temporal query is one of the @context only where expandValues says so."""
    word = {"type": "VocabProperty", "vocab": "commercial"}
    body = {"id": urn, "type": kind_of(urn), "category": word}
    assert (await api.post("/entities", json=body)).status_code == 201
    since = "timerel=after&timeAt=2000-01-01T00:00:00Z&timeproperty=createdAt"
    query = f"/temporal/entities?type={kind_of(urn)}&q=category==commercial&{since}"
    assert (await api.get(query)).json() == []
    found = (await api.get(f"{query}&expandValues=category")).json()
    assert [each["id"] for each in found] == [urn]


@pytest.mark.clause("4.6.2")
async def test_a_type_begins_with_a_letter(api: httpx.AsyncClient, urn: str) -> None:
    """A type that begins with a digit is no name; letters are those of any language."""
    assert (await api.post("/entities", json={"id": urn, "type": "9Van"})).status_code == 400
    body = {"id": urn, "type": "Škola", "výška_1": {"type": "Property", "value": 7}}
    assert (await api.post("/entities", json=body)).status_code == 201
    assert (await api.get(f"/entities/{urn}")).json()["výška_1"]["value"] == 7
