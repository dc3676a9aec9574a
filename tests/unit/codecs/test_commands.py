"""``clapas codec`` as people type it: a payload, a codec's examples, a whole device repository."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from clapas.codecs.commands import register
from clapas.codecs.judge import equal

SCRIPT = """
function decodeUplink(input) {
  mode = 'on';
  return {data: {t: input.bytes[0] / 10, mode: mode, at: '12:30', port: input.fPort}};
}
function normalizeUplink(input) { return {data: {air: {temperature: input.data.t}}}; }
function encodeDownlink(input) { return {bytes: [input.data.level], fPort: 3}; }
function decodeDownlink(input) { return {data: {level: input.bytes[0]}}; }
"""
REPOSITORY = """
uplinkDecoder:
  fileName: probe.js
  examples:
    - description: words that YAML 1.1 would turn into something else
      input: {fPort: 0x02, bytes: [0x64]}
      output: {data: {t: 1e1, mode: on, at: 12:30, port: 2}}
      normalizedOutput: {data: [{air: {temperature: 10}}]}
    - description: a value that differs in the last digit
      input: {fPort: 2, bytes: [100]}
      output: {data: {t: 10.000001, mode: on, at: 12:30, port: 2}}
    - description: a normalised value that differs
      input: {fPort: 2, bytes: [100]}
      output: {data: {t: 10, mode: on, at: 12:30, port: 2}}
      normalizedOutput: {data: [{air: {temperature: 11}}]}
downlinkEncoder:
  fileName: probe.js
  examples:
    - description: encode
      input: {data: {level: 7}}
      output: {bytes: [7], fPort: 3}
downlinkDecoder:
  fileName: probe.js
  examples:
    - description: decode
      input: {fPort: 3, bytes: [7]}
      output: {data: {level: 7}}
"""


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    made.callback()(lambda: None)
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    vendor = tmp_path / "vendor" / "acme"
    vendor.mkdir(parents=True)
    (vendor / "probe.js").write_text(SCRIPT)
    (vendor / "probe-codec.yaml").write_text(REPOSITORY)
    (vendor / "probe.yaml").write_text("name: probe\n")
    (vendor / "lost-codec.yaml").write_text(
        "uplinkDecoder:\n  fileName: lost.js\n  examples:\n"
        "    - {description: no script, input: {fPort: 1, bytes: []}, output: {data: {}}}\n"
    )
    return tmp_path


def last(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def test_a_device_repository_is_judged_file_by_file(app: typer.Typer, repository: Path) -> None:
    result = CliRunner().invoke(app, ["codec", "test", str(repository), "--json"])
    assert result.exit_code == 1
    total = last(result.stdout)
    assert (total["passed"], total["failed"], total["files"]) == (3, 3, 2)
    files = [json.loads(line) for line in result.stdout.strip().splitlines()[:-1]]
    assert {Path(each["file"]).name: each["failed"] for each in files} == {
        "probe-codec.yaml": 2,
        "lost-codec.yaml": 1,
    }
    assert any("10.000001" in failure for each in files for failure in each["failures"])


def test_the_strict_mode_breaks_sloppy_scripts_as_chirpstack_does(
    app: typer.Typer, repository: Path
) -> None:
    result = CliRunner().invoke(
        app,
        [
            "codec",
            "test",
            str(repository / "vendor/acme/probe.js"),
            "--json",
            "--mode",
            "chirpstack",
        ],
    )
    assert (last(result.stdout)["passed"], last(result.stdout)["failed"]) == (2, 3)
    assert "mode is not defined" in result.stdout


def test_chirpstack_profiles_are_judged(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "vendors" / "acme" / "codecs"
    folder.mkdir(parents=True)
    (folder / "a.js").write_text(
        "function decodeUplink(i) { return {data: {p: i.fPort}, errors: []}; }"
        "function encodeDownlink(i) { return {bytes: [i.data.v]}; }"
    )
    (folder / "test_decode_a.json").write_text(
        '[{"name": "n", "input": {"fPort": 0x02, "bytes": [1]}, "expected": {"data": {"p": 2}}}]'
    )
    (folder / "test_encode_a.json").write_text(
        '[{"name": "n", "input": {"data": {"v": 9}}, "expected": {"bytes": [9]}}]'
    )
    result = CliRunner().invoke(app, ["codec", "test", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.stdout
    assert (last(result.stdout)["passed"], last(result.stdout)["failed"]) == (2, 0)


def test_examples_beside_a_script_speak_of_the_script_that_is_named(
    app: typer.Typer, tmp_path: Path
) -> None:
    (tmp_path / "probe.js").write_text(SCRIPT)
    (tmp_path / "other.js").write_text(SCRIPT)
    (tmp_path / "examples.json").write_text(
        '[{"type": "downlink-encode", "input": {"data": {"level": 7}},'
        ' "output": {"bytes": [7], "fPort": 3}}]'
    )
    result = CliRunner().invoke(app, ["codec", "test", str(tmp_path / "probe.js"), "--json"])
    assert result.exit_code == 0, result.stdout
    assert (last(result.stdout)["passed"], last(result.stdout)["failed"]) == (1, 0)
    (tmp_path / "index.js").write_text("// the script of these examples by its name")
    result = CliRunner().invoke(app, ["codec", "test", str(tmp_path / "probe.js")])
    assert "no example" in result.stdout, "they are another's"


def test_nothing_to_test_is_a_failure(app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["codec", "test", str(tmp_path)])
    assert result.exit_code == 1
    assert "no example" in result.stdout


def test_our_own_codecs_are_tested_by_the_same_command(app: typer.Typer) -> None:
    folder = Path(__file__).parents[3] / "src/clapas/codecs/devices"
    result = CliRunner().invoke(app, ["codec", "test", str(folder), "--json"])
    assert result.exit_code == 0, result.stdout
    assert last(result.stdout)["passed"] >= 60


def test_a_payload_is_decoded_by_name_or_by_file(app: typer.Typer, repository: Path) -> None:
    named = CliRunner().invoke(app, ["codec", "run", "elsys", "--port", "5", "0100460253"])
    assert named.exit_code == 0
    assert "temperature" in named.stdout
    script = str(repository / "vendor/acme/probe.js")
    up = CliRunner().invoke(app, ["codec", "run", script, "--port", "2", "64", "--json"])
    assert json.loads(up.stdout)["normalized"] == {"air": {"temperature": 10}}
    down = CliRunner().invoke(app, ["codec", "run", script, "07", "--direction", "down", "--json"])
    assert json.loads(down.stdout) == {"data": {"level": 7}}
    encoded = CliRunner().invoke(
        app, ["codec", "run", script, '{"level": 9}', "--direction", "encode", "--json"]
    )
    assert json.loads(encoded.stdout)["bytes"] == "09"


@pytest.mark.parametrize(
    "arguments", [["elsys", "xyz"], ["nothing", "00"], ["cayenne", "0167"], ["elsys", "ff00"]]
)
def test_what_cannot_be_decoded_says_why(app: typer.Typer, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["codec", "run", *arguments, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["errors"]
    told = CliRunner().invoke(app, ["codec", "run", *arguments])
    assert told.exit_code == 1, "a person's shell script stops as a program's does"
    assert "error: " in told.stdout


def test_codecs_are_listed(app: typer.Typer) -> None:
    rows = json.loads(CliRunner().invoke(app, ["codec", "list", "--json"]).stdout)
    assert len(rows) >= 10
    assert all(row["examples"] >= 3 for row in rows)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0.1 + 0.2, 0.3, False),
        (float("nan"), float("nan"), True),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, True),
        ({"a": None}, {}, False),
        ([1, 2], [2, 1], False),
        ({1: "x"}, {"1": "x"}, True),
        ("1", 1, False),
    ],
)
def test_equality_is_exact_and_javascripts(first: object, second: object, same: bool) -> None:
    assert equal(first, second) is same
