"""The command line starts quickly: what is heavy is imported by the command that uses it."""

import json
import subprocess
import sys

from clapas.cli import command_modules

HEAVY = {"polars", "pyarrow", "chdb", "psycopg", "litestar", "nats", "scipy", "wntr", "sklearn"}
LOADER = """
import json, sys
from clapas.cli import load_commands
found = {}
for name in json.loads(sys.argv[1]):
    before = set(sys.modules)
    load_commands(name)
    found[name] = sorted({each.partition(".")[0] for each in set(sys.modules) - before})
print(json.dumps(found))
"""


def test_no_module_of_commands_loads_a_heavy_library() -> None:
    modules = command_modules()
    assert len(modules) > 4
    done = subprocess.run(
        [sys.executable, "-c", LOADER, json.dumps(modules)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded: dict[str, list[str]] = json.loads(done.stdout)
    assert {name: HEAVY & set(found) for name, found in loaded.items() if HEAVY & set(found)} == {}


def test_help_of_the_whole_program_loads_none_either() -> None:
    script = "import sys; from clapas.cli import run; run(['--help']); print(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "water" in done.stdout
    assert HEAVY & {line.partition(".")[0] for line in done.stderr.split()} == set()


def test_a_group_whose_commands_come_late_has_them_all() -> None:
    script = (
        "import sys; from clapas.cli import run; sys.exit(run(['water', 'evaluate', '--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "leaks" in done.stdout
    assert "network" in done.stdout
