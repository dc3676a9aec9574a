"""A decoded object as a flat list of channels."""

from typing import Any

MAX_CHANNELS = 512
MAX_DEPTH = 8

Leaf = float | str | bool | None


def flatten(value: Any) -> list[tuple[str, Leaf]]:
    """Every leaf of JSON data with its path: ``{"a": {"b": 1}, "c": [2, 3]}`` → a.b, c.0, c.1.

    Numbers become floats; null stays, for it says that the device has nothing to tell. A bare value is
    the channel 'value'. Total: what is too deep or too long is left out.
    """
    leaves: list[tuple[str, Leaf]] = []
    _walk(value, "", depth=0, leaves=leaves)
    return leaves


def _walk(value: Any, path: str, *, depth: int, leaves: list[tuple[str, Leaf]]) -> None:
    if len(leaves) >= MAX_CHANNELS or depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            _walk(each, f"{path}.{key}" if path else str(key), depth=depth + 1, leaves=leaves)
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            _walk(each, f"{path}.{place}" if path else str(place), depth=depth + 1, leaves=leaves)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        leaves.append((path or "value", value))
    elif isinstance(value, (int, float)):
        leaves.append((path or "value", _number(value)))


def _number(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124
