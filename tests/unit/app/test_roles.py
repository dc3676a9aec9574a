"""The processes of the platform: found by their modules, each carrying only the rooms that it uses."""

import subprocess
import sys

import pytest

from clapas.app import ROLES
from clapas.domain.errors import InvalidInput
from clapas.roles import main, names

ALONE = """
import importlib, sys
importlib.import_module("clapas.roles." + sys.argv[1])
names = (name.split(".") for name in sys.modules if name.startswith("clapas."))
print(*sorted({name[1] for name in names if len(name) > 2 and name[2] != "settings"}))
"""


def carried(role: str) -> set[str]:
    """The rooms that a process of this role has in memory before it works, besides their settings."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE, role], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_every_role_that_always_runs_is_a_module() -> None:
    assert set(ROLES) <= set(names())


def test_an_unknown_role_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as told:
        main("mayor")
    assert told.value.values["accepted"] == names()


@pytest.mark.parametrize(
    ("role", "left_out"),
    [
        ("pipeline", {"web", "context", "rules", "identity", "charter", "governance", "ops"}),
        ("rules", {"web", "context", "identity", "charter", "governance", "ops"}),
        ("lorawan", {"web", "context", "rules", "identity", "charter", "ops"}),
        ("sources", {"web", "context", "rules", "identity", "charter", "store"}),
    ],
)
def test_a_process_carries_no_room_that_it_does_not_use(role: str, left_out: set[str]) -> None:
    assert not carried(role) & left_out
