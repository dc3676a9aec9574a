"""Every refusal is explained in both languages, with what to do."""

import json
import re
from pathlib import Path

import clapas.lorawan
from clapas.lorawan.rejections import REASONS

FOLDER = Path(clapas.lorawan.__file__).parent


def test_every_reason_says_what_and_what_to_do() -> None:
    words = {
        language: json.loads((FOLDER / "words" / f"{language}.json").read_text())
        for language in ("fr", "en")
    }
    assert words["fr"].keys() == words["en"].keys()
    for reason in REASONS:
        assert words["fr"][f"lorawan.reason.{reason}"]
        assert words["en"][f"lorawan.remedy.{reason}"]


def test_no_refusal_is_made_under_an_unlisted_reason() -> None:
    used = set()
    for path in FOLDER.glob("*.py"):
        text = path.read_text()
        used |= set(
            re.findall(
                r"(?:reject|Rejection|_reject|refuse)\(\s*(?:network, first, [\w.]+, )?\"(\w+)\"",
                text,
            )
        )
        used |= (
            set(re.findall(r"(?:return|else) \"([a-z_]+)\"", text))
            if path.name in {"join.py", "rejoin.py", "accept.py"}
            else set()
        )
    assert {"duty_cycle", "no_way_back", "bad_mic", "dev_nonce_used"} <= used
    assert used <= REASONS
