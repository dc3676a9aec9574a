"""Patterns of ids (``idPattern``)."""

import re
from typing import Any

from clapas.context.errors import BadRequestData
from clapas.context.model import is_uri


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


def leave_patterns(information: Any) -> None:
    """Take the ids that are no URI away where a pattern stands beside them, in a registration's information."""
    for each in information if isinstance(information, list) else ():
        entities = each.get("entities") if isinstance(each, dict) else None
        for entity in entities if isinstance(entities, list) else ():
            if isinstance(entity, dict) and "idPattern" in entity and not is_uri(entity.get("id")):
                entity.pop("id", None)
