"""The doctor looks at the machine; the unit file runs the platform and nothing more."""

import configparser
from pathlib import Path

import pytest

from clapas import cli
from clapas.engines import DataDirectory, doctor
from clapas.engines.systemd import unit


def test_a_free_directory_on_this_machine_is_well(tmp_path: Path) -> None:
    findings = {finding.what: finding for finding in doctor.examine(tmp_path / "new")}
    assert findings["PostgreSQL"].ok
    assert findings["NATS"].ok
    assert findings["ClickHouse"].ok
    assert findings["data directory"].ok
    assert not (tmp_path / "new").exists()


def test_a_held_directory_names_its_holder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with DataDirectory.open(tmp_path):
        assert cli.run(["doctor", "--data", str(tmp_path)]) == 1
    assert "BAD  data directory" in capsys.readouterr().out


def test_too_small_a_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_GB", 10**9)
    finding = next(found for found in doctor.examine(tmp_path) if found.what == "disk")
    assert not finding.ok
    assert "are needed" in finding.detail


def test_the_unit_runs_one_program_and_writes_in_one_place() -> None:
    text = unit(
        program=Path("/opt/clapas/.venv/bin/clapas"), data=Path("/srv/clapas"), user="clapas"
    )
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(text)
    assert (
        parsed["Service"]["ExecStart"] == '"/opt/clapas/.venv/bin/clapas" up --data "/srv/clapas"'
    )
    assert parsed["Service"]["ReadWritePaths"] == '"/srv/clapas"'
    assert parsed["Service"]["User"] == "clapas"
    assert "/var/lib/clapas" in unit(program=Path("/x"), data=Path("/srv"), user="root")
