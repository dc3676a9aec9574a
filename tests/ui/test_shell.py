"""The fleet's commands as a person types them in a shell, beside the running platform."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from tests.ui.conftest import Demonstration

pytestmark = pytest.mark.ui

SHEET = (
    "identifiant;nom;latitude;longitude\r\n"
    "70B3D57ED0000911;Square;43,61;3,88\r\n"
    "70B3D57ED0000912;Inversé;3,88;43,61\r\n"
    "70B3D57ED00009;Court;;\r\n"
)


class Shell:
    """Runs a line; ``told`` is its JSON answer."""

    def __init__(self, data: str, folder: Path) -> None:
        self._environment = {**os.environ, "CLAPAS_DATA": data, "COLUMNS": "200"}
        self._folder = folder

    def run(self, line: str) -> "subprocess.CompletedProcess[str]":
        command = f"{sys.executable} -m clapas {line}"
        return subprocess.run(  # noqa: S602 - a shell is what is tried; the lines are ours
            command, shell=True, cwd=self._folder, env=self._environment,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def told(self, line: str, *, code: int = 0) -> Any:
        done = self.run(line)
        assert done.returncode == code, (line, done.stdout, done.stderr)
        return json.loads(done.stdout)


@pytest.fixture
def shell(demonstration: Demonstration, tmp_path: Path) -> Shell:
    return Shell(demonstration.data, tmp_path)


def test_a_spreadsheet_is_imported_corrected_exported_and_undone(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "parc.csv").write_bytes(SHEET.encode("cp1252"))
    tried = shell.told("fleet import parc.csv --dry-run", code=1)
    assert {each["line"]: each["code"] for each in tried["lines"]} == {
        3: "coordinates_swapped",
        4: "eui_length",
    }
    refused = shell.told("fleet import parc.csv", code=1)
    assert refused["refused"]["bad"] == 2
    done = shell.told("fleet import parc.csv --skip-bad --correct swapped", code=1)
    assert done["report"]["created"] == 2
    written = shell.run("fleet export parc.xlsx --where q=70b3d57ed000091")
    assert written.stdout == "2 devices in parc.xlsx\n", written.stderr
    sheet = load_workbook(tmp_path / "parc.xlsx").active
    assert sheet is not None
    assert sheet.max_row == 3
    undone = shell.told(f"fleet undo {done['import']}")
    assert undone["kept"] == 0
    assert shell.run("fleet export none.xlsx --where q=70b3d57ed000091").stdout.startswith("0 ")
    wrong = shell.run("fleet export none.xlsx --where nothing=1")
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stderr


def test_models_codes_and_shadow_runs(shell: Shell) -> None:
    models = {each["id"]: each for each in shell.told("models list")}
    assert models["elsys"]["licence"] == "EUPL-1.2"
    assert shell.told("models check elsys") == []
    code = shell.run("fleet claim --uses 2").stdout.strip()
    assert code.startswith("clc-"), code
    started = shell.run("shadow start essai --where model=elsys")
    assert started.returncode == 0, started.stderr
    assert shell.told("shadow show essai")["shadow"]["state"] == "running"
    assert shell.run("shadow cut-over essai").returncode != 0
    assert shell.run("shadow leave essai").returncode == 0
