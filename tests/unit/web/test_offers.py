"""What the pages ask before they offer a button is asked of the charter, and nothing else is."""

import re
from pathlib import Path

from clapas.web.offers import ASKED

ROOT = Path(__file__).parents[3]
PLACES = [ROOT / "ui/src", *(ROOT / "src/clapas/usecases").glob("*/ui")]
QUESTION = re.compile(r"""(?:\bmay\(|\bneeds: )"(\w+ \w+)\"""")


def test_every_question_of_the_pages_is_answered_and_every_answer_is_asked_for() -> None:
    sources = [
        each
        for place in PLACES
        for each in place.rglob("*")
        if each.suffix in {".svelte", ".ts"} and each.name != "session.svelte.ts"
    ]
    asked = {
        question
        for each in sources
        for question in QUESTION.findall(each.read_text(encoding="utf-8"))
    }
    assert asked == {f"{action} {kind}" for action, kind in ASKED}
