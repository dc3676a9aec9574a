"""Every published vector holds, both ways."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lorawan.vector_checks import CHECKS

_ROOT = Path(__file__).parents[3]
_FILE = (
    Path(os.environ.get("CLAPAS_SHARED", _ROOT.parent / "shared")) / "vectors/lorawan-vectors.json"
)


def _vectors() -> list[Any]:
    if not _FILE.exists():
        return []
    return [pytest.param(each, id=each["id"]) for each in json.loads(_FILE.read_text())["vectors"]]


@pytest.mark.shared
@pytest.mark.parametrize("vector", _vectors())
def test_a_published_vector_holds_both_ways(vector: dict[str, Any]) -> None:
    CHECKS[vector["kind"]](vector["in"], vector["out"])
