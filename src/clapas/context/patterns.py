"""Patterns of ids (``idPattern``)."""

import re

from clapas.context.errors import BadRequestData


def check_pattern(pattern: str) -> None:
    """Raise BadRequestData unless it is a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadRequestData(f"idPattern: {error}") from error


def matches_pattern(pattern: str, name: str) -> bool:
    """Whether an id matches an idPattern."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False
