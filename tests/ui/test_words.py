"""The two languages say the same things, and every word that the page asks for exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

SOURCES = Path(__file__).parents[2] / "ui/src"
ROOMS = SOURCES.parents[1] / "src/clapas"
FRENCH = sorted([*SOURCES.rglob("fr.json"), *ROOMS.glob("*/words/fr.json")])
PLACEHOLDER = re.compile(r"\{(\w+)\}")
ASKED = re.compile(r"""\bt\(\s*"([\w.-]+)\"""")
WHOLE = re.compile(r"""["']([\w.-]+)["']""")
MADE = re.compile(r"`([^`\n]*\$\{[^`\n]*)`")
HOLE = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}")
CODED = re.compile(r"""\.code\(\s*"([\w.-]+)\"""")


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    words: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        words |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return words


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; one that is written twice would hide the first."""
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
    return dict(pairs)


def catalogue(path: Path) -> dict[str, str]:
    return flat(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once))


@pytest.mark.parametrize("french", FRENCH, ids=lambda path: path.parent.name)
def test_both_languages_have_the_same_keys_and_placeholders(french: Path) -> None:
    ours, theirs = catalogue(french), catalogue(french.with_name("en.json"))
    assert ours.keys() == theirs.keys()
    for key, sentence in ours.items():
        assert sentence.strip(), key
        assert set(PLACEHOLDER.findall(sentence)) == set(PLACEHOLDER.findall(theirs[key])), key


def test_every_word_asked_for_exists() -> None:
    known: set[str] = set()
    for path in FRENCH:
        prefix = "" if path.parent.name == "words" else f"{path.parent.name}."
        known |= {f"{prefix}{key}" for key in catalogue(path)}
    for source in [*SOURCES.rglob("*.svelte"), *SOURCES.rglob("*.ts")]:
        for key in ASKED.findall(source.read_text(encoding="utf-8")):
            assert key in known or f"{key}.other" in known, f"{source.name} asks for {key}"


def _asks(words: list[str]) -> tuple[set[str], list[re.Pattern[str]], tuple[str, ...]]:
    """What the sources ask for: whole keys, keys made of parts (a part holds no point), groups of codes."""
    whole: set[str] = set()
    made: set[str] = set()
    groups: set[str] = set()
    for text in words:
        whole |= set(WHOLE.findall(text))
        groups |= {f"{group}." for group in CODED.findall(text)}
        made |= {
            r"[^. ]+".join(map(re.escape, HOLE.split(each)))
            for each in MADE.findall(text)
            if "." in each
        }
    return whole, [re.compile(each) for each in made], tuple(groups)


def test_every_word_is_asked_for_somewhere() -> None:
    places = [*SOURCES.rglob("*"), *ROOMS.rglob("*")]
    spoken = {".svelte", ".ts", ".py", ".toml", ".sql"}
    sources = [
        each.read_text(encoding="utf-8")
        for each in places
        if (each.suffix in spoken or each.name == "rules.json") and "static" not in each.parts
    ]
    whole, made, groups = _asks(sources)
    for path in FRENCH:
        room = path.parent.name == "words"
        for key in catalogue(path):
            name = key if room else f"{path.parent.name}.{key}"
            plain = re.sub(r"\.(one|other)$", "", name)
            used = {name, plain} & whole or name.startswith(groups)
            assert used or any(each.fullmatch(it) for each in made for it in (name, plain)), (
                f"{path} says {key}, that nothing asks for"
            )


def test_no_french_sentence_was_left_in_english() -> None:
    same = {"png", "csv", "http", "mqtt", "postgresql", "clickhouse", "nats"}
    for path in FRENCH:
        ours, theirs = catalogue(path), catalogue(path.with_name("en.json"))
        long_and_equal = [
            key for key in ours if ours[key] == theirs[key] and len(ours[key].split()) > 3
        ]
        assert not [key for key in long_and_equal if key.rsplit(".", 1)[-1] not in same], path
