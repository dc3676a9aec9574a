"""Every error code and connector is worded in both languages and stands in the guide."""

import inspect
import json
from pathlib import Path

from clapas.domain.errors import ClapasError
from clapas.ops.territory import DataFranceMissing
from clapas.sources import discover, errors

ROOT = Path(__file__).resolve().parents[3]
OWN = {
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, ClapasError) and each.__module__ == errors.__name__
} | {DataFranceMissing}


def test_words_are_complete_in_both_languages() -> None:
    wanted = {f"error.{each.code}" for each in OWN} | {f"source.{name}" for name in discover()}
    for language in ("fr", "en"):
        found: set[str] = set()
        for room in ("sources", "ops"):
            page = ROOT / "src" / "clapas" / room / "words" / f"{language}.json"
            found |= set(json.loads(page.read_text()))
        assert wanted <= found


def test_guide_names_every_code_and_connector() -> None:
    guide = (ROOT / "docs" / "add-a-connector.md").read_text()
    french = (ROOT / "docs" / "fr" / "ajouter-un-connecteur.md").read_text()
    for code in (each.code for each in OWN):
        assert f"`{code}`" in guide
    for name in discover():
        assert f"`{name}`" in guide
        assert f"`{name}`" in french
