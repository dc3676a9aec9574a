"""Files that are none, or that cannot be written: one clear sentence, nothing half written."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from clapas.domain.errors import ClapasError
from clapas.usecases.water.commands import register

GOOD = "meter;datetime;index\n" + "".join(
    f"A;{1 + n // 24:02}/03/2016 {n % 24:02}:00:00;{n}\n" for n in range(96)
)
FLOWS = "Timestamp;p1;p2\n" + "".join(
    f"2019-01-{1 + n // 24:02} {n % 24:02}:00:00;80,5;9,5\n" for n in range(240)
)
COMMANDS = {
    "leaks": GOOD,
    "health": GOOD,
    "consumption": GOOD,
    "overconsumption": GOOD,
    "districts": FLOWS,
}
BAD: dict[str, tuple[Callable[[str], bytes], str]] = {
    "empty.csv": (lambda _: b"", "the file is empty"),
    "one_line.csv": (lambda good: good.splitlines()[0].encode(), "no line after the header"),
    "binary.csv": (lambda _: bytes(range(256)) * 8, "no text file"),
    "cut.csv.gz": (lambda good: gzip.compress(good.encode())[:60], "cut short or broken"),
    "not.csv.gz": (lambda good: good.encode(), "Not a gzipped file"),
    "dates.csv": (lambda good: good.replace("20", "yesterday ").encode(), "cannot be read"),
    "separator.csv": (
        lambda good: good.replace(";", ",").replace(":00,", ":00,1,5,").encode(),
        "another separator meant",
    ),
    "columns.csv": (lambda good: good.replace("T", "W").replace("datetime", "x").replace("imestamp", "x").encode(), "no column"),
}  # fmt: skip


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    made.callback()(lambda: None)
    register(made)
    return made


def told(app: typer.Typer, *words: str) -> Result:
    return CliRunner().invoke(app, ["water", *words])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_none_is_refused_in_one_sentence(
    app: typer.Typer, tmp_path: Path, command: str, name: str
) -> None:
    make, said = BAD[name]
    path, out = tmp_path / name, tmp_path / "out.csv"
    path.write_bytes(make(COMMANDS[command]))
    done = told(app, command, str(path), "--out", str(out))
    assert isinstance(done.exception, ClapasError), done.output
    assert done.exception.actor == "owner"
    assert said in str(done.exception)
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_or_nothing_at_all_is_no_file(
    app: typer.Typer, tmp_path: Path, command: str
) -> None:
    for path, said in ((tmp_path, "a folder"), (tmp_path / "absent.csv", "no such file")):
        done = told(app, command, str(path), "--out", str(tmp_path / "out.csv"))
        assert said in str(done.exception)


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nothing_can_be_written_is_told_before_the_work(
    app: typer.Typer, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(COMMANDS[command], encoding="utf-8")
    for out, said in (
        (tmp_path / "none" / "out.csv", "there is no folder"),
        (tmp_path, "a folder"),
        (path, "the file that is read"),
    ):
        done = told(app, command, "--out", str(out), str(path))
        assert said in str(done.exception)
    assert path.read_text(encoding="utf-8") == COMMANDS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_good_files_are_read_and_only_what_was_asked_is_left(
    app: typer.Typer, tmp_path: Path, command: str
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(COMMANDS[command].encode("utf-16"))
    done = told(app, command, "--out", str(out), str(path))
    assert done.exit_code == 0, done.output
    assert {each.name for each in tmp_path.iterdir()} == {"in.csv", "out.csv"}


def test_wrong_numbers_and_zones_are_wrong_use(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(GOOD, encoding="utf-8")
    command = ("leaks", str(path), "--out", str(tmp_path / "out.csv"))
    for words, said in (
        (("--price", "nan"), "zero or more"),
        (("--price", "-1"), "zero or more"),
        (("--zone", "Europe/Clapas"), "no time zone"),
        (("--bursts", "never"), "one of"),
    ):
        done = told(app, *command, *words)
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())


def test_what_is_known_of_meters_must_be_such_a_file(app: typer.Typer, tmp_path: Path) -> None:
    path, state = tmp_path / "in.csv", tmp_path / "state.npz"
    path.write_text(GOOD, encoding="utf-8")
    state.write_bytes(b"no archive")
    done = told(app, "leaks", str(path), "--out", str(tmp_path / "out.csv"), "--state", str(state))
    assert "--state" in str(done.exception)
    assert state.read_bytes() == b"no archive"


def test_a_reading_of_tomorrow_a_header_again_and_a_second_column_are_named(
    app: typer.Typer, tmp_path: Path
) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(
        GOOD + "meter;datetime;index\nA;01/01/2099 00:00:00;97\nA;05/03/2016 00:00:00;NaN\n",
        encoding="utf-8",
    )
    done = told(app, "consumption", str(path), "--out", str(out))
    assert done.exit_code == 0
    assert "line 98: cannot read datetime 'datetime', index 'index'" in done.output
    assert "line 99: dated after today: 01/01/2099 00:00:00" in done.output
    assert "line 100: cannot read index 'NaN'" in done.output
    path.write_text(GOOD.replace("index", "index;index", 1), encoding="utf-8")
    assert "two columns are named 'index'" in str(
        told(app, "leaks", str(path), "--out", str(out)).exception
    )


def test_a_wrong_line_of_the_supervision_is_named_and_left_out(
    app: typer.Typer, tmp_path: Path
) -> None:
    path, out = tmp_path / "flows.csv", tmp_path / "out.csv"
    path.write_text(FLOWS + "yesterday;1;2\n2099-01-01 00:00:00;1;2\n", encoding="utf-8")
    done = told(app, "districts", str(path), "--out", str(out))
    assert done.exit_code == 0
    assert "line 242: cannot read time 'yesterday'" in done.output
    assert "line 243: dated after today" in done.output
    assert "240 hours" in done.output


def test_a_model_that_is_none_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    model = tmp_path / "town.inp"
    model.write_text("[JUNCTIONS]\nA B C D E F\n[PIPES]\nx\n", encoding="utf-8")
    for words in (
        ("evaluate", "network", str(model)),
        ("evaluate", "network", str(tmp_path)),
        ("evaluate", "network", str(tmp_path / "absent.inp")),
    ):
        done = told(app, *words)
        assert isinstance(done.exception, ClapasError), done.output
    assert told(app, "evaluate", "network", str(model), "--scenarios", "0").exit_code == 2


def test_meters_heard_too_little_cannot_be_scored(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(GOOD, encoding="utf-8")
    done = told(app, "evaluate", "leaks", str(path), "--split", "all")
    assert "no leak can be put" in str(done.exception)
