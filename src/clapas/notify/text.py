"""The words of messages, in French and in English."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import instant
from clapas.notify.sentences import sentence, shown

SEVERITY = {
    "fr": {
        "critical": "Critique",
        "major": "Majeure",
        "minor": "Mineure",
        "warning": "Avertissement",
        "indeterminate": "Indéterminée",
    },
    "en": {
        "critical": "Critical",
        "major": "Major",
        "minor": "Minor",
        "warning": "Warning",
        "indeterminate": "Indeterminate",
    },
}
SUBJECT = {
    "fr": {"raised": "[{severity}] {title}", "cleared": "[Terminée] {title}"},
    "en": {"raised": "[{severity}] {title}", "cleared": "[Cleared] {title}"},
}
BODY = {
    "fr": {
        "raised": "{title} : {name}, le {time}. {why}",
        "cleared": "C’est terminé : {title}, {name}, le {time}.",
        "measured": "Mesuré : {value}.",
        "many": "{count} alarmes de la même règle ont été levées ensemble.",
    },
    "en": {
        "raised": "{title}: {name}, on {time}. {why}",
        "cleared": "It is over: {title}, {name}, on {time}.",
        "measured": "Measured: {value}.",
        "many": "{count} alarms of the same rule were raised together.",
    },
}
DIGEST = {
    "fr": ("{count} messages en attente", "Depuis le dernier envoi :"),
    "en": ("{count} messages that waited", "Since the last message:"),
}


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a message speaks of."""

    language: str
    kind: str
    severity: str
    title: str
    entity: str
    measured: int
    name: str = ""
    value: float | None = None
    because: dict[str, Any] = {}
    message: str = ""
    zone: str = "Europe/Paris"
    count: int = 1


class Written(msgspec.Struct, frozen=True):
    """A message as it is sent."""

    subject: str
    body: str


def written(words: Words) -> Written:
    """The message in the reader's language; a rule's own sentence replaces ours."""
    language = words.language if words.language in SUBJECT else "en"
    kind = "cleared" if words.kind == "cleared" else "raised"
    values = {
        "severity": SEVERITY[language].get(words.severity, words.severity),
        "title": words.title,
        "entity": words.entity,
        "name": words.name or words.entity.rpartition(":")[2] or words.entity,
        "why": sentence(words.because, words.value, language=language)
        or BODY[language]["measured"],
        "value": shown(
            words.value, QUANTITIES.get(str(words.because.get("quantity", ""))), language=language
        ),
        "time": _moment(words.measured, words.zone, language=language),
        "count": str(words.count),
    }
    body = _filled(words.message or BODY[language][kind], values).strip()
    if words.count > 1:
        body += "\n" + _filled(BODY[language]["many"], values)
    subject = _filled(SUBJECT[language][kind], values)
    return Written(" ".join(subject.split())[:200], body)


def digest(language: str, messages: Sequence[Written]) -> Written:
    """Many messages as one, each with what it said: of which thing, when, how much; the first 200."""
    head, first = DIGEST.get(language, DIGEST["en"])
    lines = [f"- {each.subject}\n  {' '.join(each.body.split())[:500]}" for each in messages[:200]]
    return Written(head.format(count=len(messages)), "\n".join([first, *lines]))


def _filled(text: str, values: dict[str, str]) -> str:
    """Replace {names} one by one: a template is never a format string with access to objects."""
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _moment(at: int, zone: str, *, language: str) -> str:
    local: datetime = instant(at).astimezone(ZoneInfo(zone))
    return local.strftime("%d/%m/%Y à %H:%M" if language == "fr" else "%Y-%m-%d at %H:%M")
