"""The query files keep their form, and the names in the code exist in them."""

import re
from pathlib import Path

import pytest

import clapas.store
from clapas.store.migrate import discover, statements
from clapas.store.settings import Settings
from clapas.store.sql import queries

FOLDER = Path(clapas.store.__file__).parent
FILES = sorted((FOLDER / "queries").glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_query_has_a_name_a_comment_and_a_user(file: Path) -> None:
    text = file.read_text("utf-8")
    names = re.findall(r"^-- name: (\w+)$", text, re.MULTILINE)
    assert len(names) == len(set(names)) == len(queries(file.stem))
    code = "".join(each.read_text("utf-8") for each in FOLDER.parent.rglob("*.py"))
    for name, query in queries(file.stem).items():
        assert query.startswith("-- "), f"{name} has no comment"
        assert f'"{name}"' in code, f"{name} is not used"


def test_migrations_are_numbered_without_a_gap() -> None:
    for engine in ("postgres", "clickhouse"):
        rooms: dict[str, list[int]] = {}
        for each in discover(engine):
            rooms.setdefault(each.room, []).append(each.number)
        for numbers in rooms.values():
            assert numbers == list(range(1, len(numbers) + 1))


def test_a_clickhouse_migration_is_cut_into_statements() -> None:
    text = "-- a; comment\nCREATE TABLE a (b String DEFAULT ';') ENGINE = Memory;\n\nSELECT 1;"
    assert statements(text) == ["CREATE TABLE a (b String DEFAULT ';') ENGINE = Memory", "SELECT 1"]


@pytest.mark.parametrize("wrong", [{"raw_days": -1}, {"claim_hours": 0}])
def test_a_wrong_setting_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        Settings(**wrong)
