"""The documentation is a contract: every setting, command, error code and quantity is in it, and current."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from clapas import config
from clapas.domain.quantities import QUANTITIES
from clapas.web.words import LANGUAGES, words

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
GUIDES = ("operate.md", "fr/exploiter.md")


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_the_pages_of_reference_are_what_the_code_says(reference: ModuleType) -> None:
    assert reference.stale() == [], "type: ./clapas docs"


def test_every_setting_is_documented_with_its_meaning() -> None:
    text = page("reference/settings.md")
    for name, table in config.rooms().items():
        section = text.partition(f"## `[{name}]`")[2].partition("\n## ")[0]
        meanings = config.key_meanings(table)
        for field in msgspec.structs.fields(table):
            assert f"`{field.name}" in section, f"{name}.{field.name}"
            nested = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
            assert nested or meanings.get(field.name), f"{name}.{field.name} says not what it means"


def test_every_error_code_is_documented(reference: ModuleType) -> None:
    text = page("reference/errors.md")
    assert len(reference.error_codes()) > 40
    assert [code for code in reference.error_codes() if f"`{code}`" not in text] == []
    assert [code for code in reference.reject_reasons() if f"`{code}`" not in text] == []


def test_every_error_code_has_its_words(reference: ModuleType) -> None:
    """The title of a problem is in the reader's language; NGSI-LD keeps the standard's own form."""
    codes = {code for code in reference.error_codes() if not code.startswith("ngsi_ld")}
    for language in LANGUAGES:
        assert {code for code in codes if f"error.{code}" not in words(language)} == set()


def test_every_quantity_is_documented() -> None:
    text = page("reference/quantities.md")
    assert len(QUANTITIES) >= 80
    assert [key for key in QUANTITIES if f"| `{key}` |" not in text] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_name_only_commands_that_exist(guide: str) -> None:
    known = re.findall(r"^## `clapas ([\w -]+)`$", page("reference/commands.md"), re.MULTILINE)
    named = re.findall(r"(?:^|`|\| )clapas ([a-z]+)", page(guide), re.MULTILINE)
    assert {"backup", "restore", "up", "handover", "doctor"} <= set(named)
    assert set(named) - {each.split()[0] for each in known} == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_name_only_error_codes_that_exist(guide: str, reference: ModuleType) -> None:
    table = page(guide).rpartition("\n## ")[2]
    named = set(re.findall(r"`([a-z_]+)`", table))
    assert len(named) > 8
    assert named - reference.error_codes().keys() == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_links_of_the_guides_lead_somewhere(guide: str) -> None:
    here = (DOCS / guide).parent
    links = re.findall(r"\]\(([^)#:]+)\)", page(guide))
    assert links
    assert [each for each in links if not (here / each).exists()] == []
