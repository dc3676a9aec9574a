"""What the program imports is installed by its locks: at the top of a module or inside a function."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as missing:
        print(f"{name}: {missing}")
"""


def imported(source: str) -> Iterator[str]:
    """The modules that this source imports from outside itself, wherever the statement stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def outside(folder: str) -> list[str]:
    found = {
        name for path in (ROOT / folder).rglob("*.py") for name in imported(path.read_text("utf-8"))
    }
    own = {"clapas", "tests", *sys.stdlib_module_names}
    return sorted(name for name in found if name.partition(".")[0] not in own)


def test_every_package_that_the_program_imports_can_be_imported() -> None:
    """A package may itself import what it does not declare: only the import tells."""
    names = outside("src/clapas")
    assert "wntr" in names, "an import inside a function is seen"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
