"""Why a device was left out, or a file refused, is a code with words in both languages."""

import re
from pathlib import Path

import msgspec
import pytest

import clapas.fleet
from clapas.domain.errors import InvalidInput
from clapas.fleet.errors import reason_of

ROOM = Path(clapas.fleet.__file__).parent
SAID = re.compile(r'reason="(\w+)"|return .*"(not?_\w+)"|"failed", detail="(\w+)"')


def test_an_error_gives_its_code_else_its_sentence() -> None:
    assert reason_of(InvalidInput("no such model", reason="no_such_model")) == "no_such_model"
    assert reason_of(InvalidInput("ChirpStack says no")) == "ChirpStack says no"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_reason_of_the_fleet_has_words(language: str) -> None:
    source = "".join(each.read_text() for each in sorted(ROOM.glob("*.py")))
    reasons = {"".join(found) for found in SAID.findall(source)}
    assert {"no_such_command", "not_approved", "no_such_profile", "takes_no_command"} <= reasons
    words = msgspec.json.decode((ROOM / f"words/{language}.json").read_bytes(), type=dict[str, str])
    kinds = ("fleet.reason", "error.sheet_unreadable")
    assert {each for each in reasons if not any(f"{of}.{each}" in words for of in kinds)} == set()
