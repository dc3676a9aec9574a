"""The audit of dependencies says what it knows: findings stop, silence is never taken for 'nothing found'."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
CLEAN = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
FAULTY = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-2026-1"}]}]}
SKIPPED = {"dependencies": [{"name": "b", "skip_reason": "not found"}]}
PARTLY = {"dependencies": [*CLEAN["dependencies"], *SKIPPED["dependencies"]]}
TREE = {"metadata": {"dependencies": {"total": 3}}, "vulnerabilities": {}}
RANGE = {"range": "<2", "severity": "high", "via": [{"url": "https://advisories.example/1"}]}
FAULTY_TREE = {**TREE, "vulnerabilities": {"c": RANGE}}


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, whose tools are programs of this test and whose record is a file of its own."""
    place = ROOT / "scripts" / "dependency_audit.py"
    spec = importlib.util.spec_from_file_location("dependency_audit", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORD", tmp_path / "record.json")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return module


def program(folder: Path, name: str, answer: str, said: str = "") -> None:
    """A tool that gives this answer, and says something beside it."""
    (folder / "answer").mkdir(exist_ok=True)
    (folder / "answer" / name).write_text(answer)
    tool = folder / name
    tool.write_text(f"#!/bin/sh\necho '{said}' >&2\ncat {folder}/answer/{name}\n")
    tool.chmod(0o755)


@pytest.mark.parametrize(
    ("python", "npm", "status"),
    [
        (CLEAN, TREE, 0),
        (FAULTY, TREE, 1),
        (CLEAN, FAULTY_TREE, 1),
        (SKIPPED, TREE, 2),
        (PARTLY, TREE, 2),
        (CLEAN, {"error": {"code": "405"}}, 2),
        (FAULTY, {"error": {"code": "405"}}, 1),
        (None, TREE, 2),
    ],
)
def test_only_a_whole_look_without_findings_is_a_success(
    audit: ModuleType, tmp_path: Path, python: Any, npm: Any, status: int
) -> None:
    program(tmp_path, "pip-audit", json.dumps(python))
    program(tmp_path, "npm", json.dumps(npm), said="405 Method Not Allowed")
    assert audit.main() == status
    record = json.loads((tmp_path / "record.json").read_text())
    assert set(record) == {"made", "python", "npm"}
    if status == 1:
        found = [*record["python"].get("findings", []), *record["npm"].get("findings", [])]
        assert found[0]["id"] in {"CVE-2026-1", "https://advisories.example/1"}


def test_a_service_that_does_not_answer_is_recorded_as_such(
    audit: ModuleType, tmp_path: Path
) -> None:
    program(tmp_path, "pip-audit", json.dumps(SKIPPED))
    program(tmp_path, "npm", json.dumps({"error": {}}), said="npm error 405 Method Not Allowed")
    assert audit.main() == 2
    record = json.loads((tmp_path / "record.json").read_text())
    assert "told of no package" in record["python"]["error"]
    assert "405 Method Not Allowed" in record["npm"]["error"]
    assert "findings" not in record["python"]


def test_a_tool_that_is_missing_or_broken_is_no_success(audit: ModuleType, tmp_path: Path) -> None:
    program(tmp_path, "pip-audit", "no JSON at all")
    program(tmp_path, "npm", json.dumps(TREE))
    assert audit.main() == 2
    assert audit.asked(["no-such-tool"], tmp_path) == {"error": "no-such-tool is not installed"}
