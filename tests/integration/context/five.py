"""Five vehicles of a type that only one test has."""

from typing import Any


def kind_of(urn: str) -> str:
    """A type that only this test has."""
    return f"Van{urn[-12:]}"


def vans_of(urn: str) -> list[dict[str, Any]]:
    """Five vehicles, faster one after the other."""
    return [
        {"id": f"{urn}-{n}", "type": kind_of(urn), "speed": {"type": "Property", "value": 10 * n}}
        for n in range(5)
    ]
