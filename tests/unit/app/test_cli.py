"""The command line: plain words, one clear sentence for an error, an exit status that says who must act."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import clapas
from clapas import cli
from clapas.commands.platform import profiled
from clapas.domain.errors import ClapasError, InternalError, NotFound, OperatorError


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"clapas {clapas.__version__}\n"


def test_help_is_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "clapas demo" in shown
    assert "config" in shown
    assert "--install-completion" in shown


def test_a_file_of_articles_that_cannot_be_read_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.cedar").write_bytes('@id("é")'.encode("latin-1"))
    for wrong in (tmp_path / "nowhere.cedar", tmp_path, tmp_path / "latin.cedar"):
        assert cli.run(["charter", "check", str(wrong)]) == 2
        assert str(wrong) in capsys.readouterr().err


def test_python_m_clapas_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clapas", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("clapas ")


@pytest.mark.parametrize(
    ("error", "status", "who"),
    [
        (NotFound, 2, "Change the request"),
        (OperatorError, 3, "must act"),
        (InternalError, 70, "defect"),
    ],
)
def test_an_error_says_who_must_act(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: type[ClapasError],
    status: int,
    who: str,
) -> None:
    def application() -> typer.Typer:
        app = typer.Typer()
        app.callback()(lambda: None)

        @app.command()
        def fall() -> None:
            raise error("the door is shut", code=3)

        return app

    monkeypatch.setattr(cli, "application", application)
    assert cli.run(["fall"]) == status
    shown = capsys.readouterr().err
    assert shown.startswith("clapas: the door is shut.\n")
    assert who in shown
    assert "Traceback" not in shown


def test_a_wrong_word_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dmeo"]) == 2
    assert "dmeo" in capsys.readouterr().err


def test_config_check_refuses_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLAPAS_ENGINES__MQTT_PORT", "99999")
    assert cli.run(["config", "--check"]) == 3
    assert "engines.mqtt_port = 99999" in capsys.readouterr().err


@pytest.mark.parametrize(
    "typed",
    [
        ["status"],
        ["audit", "verify"],
        ["models", "list"],
        ["handover"],
        ["backup"],
        ["account", "link"],
        ["demo", "remove"],
        ["replay", "--from", "2026-01-01", "--to", "2026-01-02"],
    ],
    ids=" ".join,
)
def test_a_mistyped_directory_is_told_and_not_made(
    typed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "clapas-dta"
    assert cli.run([*typed, "--data", str(wrong)]) == 3
    assert "there is no platform in" in capsys.readouterr().err
    assert not wrong.exists()


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_port_that_is_taken_is_told_before_anything_starts(
    family: int, host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(family) as other:
        other.bind((host, 0))
        other.listen()
        port = other.getsockname()[1]
        typed = ["up", "--data", str(tmp_path), "--host", host, "--port", str(port)]
        assert cli.run(typed) == 3
    told = capsys.readouterr().err
    assert f"port {port} of {host}" in told
    assert "set --port to another port" in told.replace("\n", " ")
    assert "engines" not in told


def test_the_conformance_profile_leaves_mqtt_to_the_suites_own_broker(tmp_path: Path) -> None:
    """A test suite starts a broker on 1883 and is notified there: the platform does not take that port."""
    configuration = profiled(tmp_path, "conformance", host="127.0.0.1")
    assert configuration.engines.mqtt_port not in {0, 1883}
    assert configuration.context.open
