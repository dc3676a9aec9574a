"""Why, in a sentence: every kind of condition has one, in both languages, with units and civil words."""

import typing

import pytest

from clapas.notify.sentences import SENTENCES, lasting, sentence, slot
from clapas.rules.model import Condition, When

KINDS = [each.__struct_config__.tag for each in typing.get_args(When)]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence_without_a_hole(kind: str, language: str) -> None:
    reasons = {
        "kind": kind, "quantity": "temperature", "operator": ">", "limit": 3.0, "low": 1.0, "high": 2.0, "slope": 4.0,
        "other": 2.5, "usual": 2.0, "day": 3.0, "times": 3.2, "hour": 26, "function": "mean", "result": 5.0,
        "count": 4, "seconds": 5400, "inside": True,
    }  # fmt: skip
    told = sentence(reasons, 6.4, language=language)
    assert told
    assert "{" not in told
    assert "—" not in told


def test_both_languages_know_the_same_kinds() -> None:
    assert SENTENCES["fr"].keys() == SENTENCES["en"].keys()
    assert all(issubclass(each, Condition) for each in typing.get_args(When))


def test_three_times_the_usual_tuesday_night() -> None:
    reasons = {"kind": "same_hour", "quantity": "water_flow_nothing", "usual": 2.0, "hour": 24 + 3}
    assert (
        sentence(reasons, 6.0, language="en") == "3 times the usual Tuesday night: 6 instead of 2."
    )
    assert (
        sentence(reasons, 6.0, language="fr")
        == "3 fois l’habituel d’une nuit de mardi : 6 au lieu de 2."
    )
    assert (
        sentence(reasons, 1.0, language="fr") == "1 au lieu de 2, l’habitude d’une nuit de mardi."
    )


def test_a_yes_or_no_is_told_in_words() -> None:
    reasons = {"kind": "threshold", "quantity": "water_leak", "operator": ">=", "limit": 1.0}
    assert sentence(reasons, 1.0, language="fr") == "Fuite détectée : oui."
    assert sentence(reasons, 0.0, language="en") == "Leak detected: no."


def test_values_are_told_as_people_read_them() -> None:
    reasons = {"kind": "threshold", "quantity": "relative_humidity", "operator": "<", "limit": 0.4}
    assert sentence(reasons, 0.352, language="fr") == "35\u00a0%, au-dessous de 40\u00a0%."
    assert sentence({"kind": "silence", "seconds": 93_600}, None, language="fr") == (
        "Plus rien n’est arrivé depuis 1\u00a0j 2\u00a0h."
    )
    assert lasting(59, "en") == "59\u00a0s"
    assert slot(6 * 24 + 20, "fr") == "d’un dimanche soir"


def test_what_nobody_knows_says_nothing() -> None:
    assert sentence({}, 3.0, language="fr") == ""
    assert sentence({"kind": "of tomorrow"}, 3.0, language="en") == ""
