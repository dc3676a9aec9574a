"""The handover file is made of the real configuration, and tells no secret."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clapas.config import load
from clapas.ops.keeping.handover import Surroundings, handover_page

SETTINGS = """
[engines]
postgres = "postgresql://clapas:hidden-1@db.ville.fr:5432/clapas"
mqtt_host = "0.0.0.0"
[sources]
proxy = "http://me:hidden-2@proxy.ville.fr:3128"
[sources.remote.velos]
connector = "gbfs"
url = "https://x:hidden-3@velos.fr/gbfs.json?key=hidden-4"
[ops]
backup_folder = "/mnt/copies"
backup_hour = 4
[notify]
smtp_password = "hidden-5"
"""


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "clapas.toml").write_text(SETTINGS)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pepper").write_text("hidden-6")
    around = Surroundings(
        machine="m1",
        system="Linux",
        program=Path("/opt/clapas/bin/clapas"),
        now=datetime(2026, 3, 1, tzinfo=UTC),
    )
    return handover_page(tmp_path, load(tmp_path, environment={}), around=around)


def test_it_says_where_things_are(page: str, tmp_path: Path) -> None:
    for expected in (
        "db.ville.fr:5432", "/mnt/copies", "à 4 h", f"{tmp_path}/secrets/backup.key", "velos",
        "proxy.ville.fr", "/opt/clapas/bin/clapas restore", "## Ajouter un capteur",
        "## Que faire quand", "notify.smtp_password", "--embedded",
    ):  # fmt: skip
        assert expected in page


def test_it_tells_no_secret(page: str) -> None:
    assert "hidden" not in page


def test_every_command_that_it_names_exists(page: str) -> None:
    from clapas.cli import application

    names = {
        each.name or (each.callback.__name__ if each.callback else "")
        for each in application().registered_commands
    }
    names |= {each.name or "" for each in application().registered_groups}
    named = set(re.findall(r"(?:bin/|`)clapas ([a-z]+)", page))
    assert {"backup", "restore", "up"} <= named
    assert named - {name.replace("_", "-") for name in names} == set()


def test_every_page_that_it_names_is_in_the_menu_or_on_a_page(page: str) -> None:
    files = (Path(__file__).parents[4] / "ui/src").rglob("fr.json")
    words = {word for file in files for word in spoken(json.loads(file.read_text("utf-8")))}
    named = re.findall(r"[Pp]age\s+\*([^*]+)\*", page)
    assert len(named) > 5
    assert [part for name in named for part in name.split(" › ") if part not in words] == []


def spoken(catalogue: Any) -> Iterator[str]:
    """Every text of a catalogue of words."""
    if isinstance(catalogue, str):
        yield catalogue
    elif isinstance(catalogue, dict):
        for each in catalogue.values():
            yield from spoken(each)
