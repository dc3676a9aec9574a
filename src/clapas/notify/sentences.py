"""Why an alarm was raised, as a sentence in French or in English, made of the rule's own numbers."""

from collections.abc import Mapping
from typing import Any

from clapas.domain.quantities import QUANTITIES, Quantity
from clapas.store.rules_values import Alarm

SENTENCES = {
    "fr": {
        "threshold": "{value}, {operator} {limit}.",
        "yes_or_no": "{label} : {value}.",
        "band": "{value}, hors de la plage de {low} à {high}.",
        "rate": "Changement de {slope} par heure, au-delà de {limit} par heure.",
        "versus": "{value} contre {other} là où l’on compare : l’écart est {operator} {limit}.",
        "same_hour": "{value} au lieu de {usual}, l’habitude {slot}.",
        "same_hour_times": "{times} fois l’habituel {slot} : {value} au lieu de {usual}.",
        "unusual": "{value} : {times} fois l’écart habituel autour de {usual}, et plus loin que tous ces derniers jours.",
        "shift": "Le niveau a changé et cela dure : {value}, autour de {usual} d’ordinaire.",
        "drift": "La moyenne du jour ({day}) s’éloigne de celle des semaines ({usual}) de {times} fois leur écart.",
        "frozen": "Exactement la même valeur ({value}) depuis au moins {lasting}.",
        "silence": "Plus rien n’est arrivé depuis {lasting}.",
        "aggregate": "{function} de {result} sur {lasting}, {operator} {limit}.",
        "group": "{function} de {result} sur {count} points de mesure, {operator} {limit}.",
        "fence_in": "La position est dans la zone.",
        "fence_out": "La position est hors de la zone.",
        "sql": "La question a répondu {value}.",
        "proposed": "Signalé par le métier : {value}.",
        "gateway": "La passerelle {gateway} n’entend plus aucun de ses appareils.",
    },
    "en": {
        "threshold": "{value}, {operator} {limit}.",
        "yes_or_no": "{label}: {value}.",
        "band": "{value}, outside the range from {low} to {high}.",
        "rate": "A change of {slope} per hour, beyond {limit} per hour.",
        "versus": "{value} against {other} where it is compared: the difference is {operator} {limit}.",
        "same_hour": "{value} instead of {usual}, the usual of {slot}.",
        "same_hour_times": "{times} times the usual {slot}: {value} instead of {usual}.",
        "unusual": "{value}: {times} times the usual deviation around {usual}, and farther than in all the last days.",
        "shift": "The level changed and this lasts: {value}, around {usual} as a rule.",
        "drift": "The mean of the day ({day}) leaves that of the weeks ({usual}) by {times} times their spread.",
        "frozen": "Exactly the same value ({value}) for at least {lasting}.",
        "silence": "Nothing arrived for {lasting}.",
        "aggregate": "{function} of {result} over {lasting}, {operator} {limit}.",
        "group": "{function} of {result} over {count} measuring points, {operator} {limit}.",
        "fence_in": "The position is inside the zone.",
        "fence_out": "The position is outside the zone.",
        "sql": "The question answered {value}.",
        "proposed": "Reported by the trade: {value}.",
        "gateway": "The gateway {gateway} hears none of its devices any more.",
    },
}
OPERATORS = {
    "fr": {">": "au-dessus de", ">=": "au moins", "<": "au-dessous de", "<=": "au plus"},
    "en": {">": "above", ">=": "at least", "<": "below", "<=": "at most"},
}
FUNCTIONS = {
    "fr": {
        "mean": "Moyenne",
        "min": "Minimum",
        "max": "Maximum",
        "sum": "Somme",
        "count": "Nombre",
    },
    "en": {"mean": "Mean", "min": "Minimum", "max": "Maximum", "sum": "Sum", "count": "Count"},
}
DAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
SLOTS = {
    "fr": ("d’une nuit de {day}", "d’un {day} matin", "d’un {day} après-midi", "d’un {day} soir"),
    "en": ("{day} night", "{day} morning", "{day} afternoon", "{day} evening"),
}
YES_OR_NO = {"fr": ("non", "oui"), "en": ("no", "yes")}
UNITS = {"fr": ("j", "h", "min", "s"), "en": ("d", "h", "min", "s")}
VALUES = ("limit", "low", "high", "other", "usual", "day", "result", "slope")
LEAST_TIMES = 1.5
"""A value that is at least so many times the usual one is told as a number of times."""


def sentence(reasons: Mapping[str, Any], value: float | None, *, language: str) -> str:
    """The sentence of these reasons, '' when nothing is known."""
    spoken = language if language in SENTENCES else "en"
    kind = str(reasons.get("kind", ""))
    words: dict[str, str] = {"gateway": str(reasons.get("gateway", ""))}
    quantity = QUANTITIES.get(str(reasons.get("quantity", "")))
    times = _times(kind, reasons, value=value)
    flag = kind == "threshold" and quantity is not None and quantity.yes_or_no
    form = "yes_or_no" if flag else _template(kind, reasons, times=times)
    template = SENTENCES[spoken].get(form, "")
    words["label"] = getattr(quantity, spoken) if quantity else ""
    for name in VALUES:
        words[name] = shown(_float(reasons.get(name)), quantity, language=spoken)
    words["value"] = shown(value, quantity, language=spoken)
    words["times"] = _plain(times, spoken)
    words["count"] = _plain(_float(reasons.get("count")), spoken)
    words["operator"] = OPERATORS[spoken].get(str(reasons.get("operator")), "")
    words["function"] = FUNCTIONS[spoken].get(str(reasons.get("function")), "")
    words["lasting"] = lasting(float(reasons.get("seconds") or 0), spoken)
    words["slot"] = slot(int(reasons.get("hour") or 0), spoken)
    for name, text in words.items():
        template = template.replace("{" + name + "}", text)
    return template


def told(alarm: Alarm, language: str) -> str:
    """An alarm in one line: what, where, and why in the rule's own words or numbers."""
    where = alarm.name or alarm.entity.rpartition(":")[2]
    why = alarm.message.get(language) or sentence(alarm.because, alarm.value, language=language)
    return f"{alarm.title or alarm.rule} ({where}). {why}".strip()


def shown(value: float | None, quantity: Quantity | None, *, language: str) -> str:
    """A value as people read it: scaled, rounded, with its unit and a no-break space."""
    if value is None:
        return "—"
    if quantity is None:
        return _plain(value, language)
    if quantity.yes_or_no and value in (0, 1):
        return YES_OR_NO[language][int(value)]
    text = f"{value * (quantity.shown_scale or 1):.{max(quantity.decimals, 0)}f}"
    unit = quantity.shown_unit or quantity.unit
    return _comma(text, language) + (f"\u00a0{unit}" if unit else "")


def slot(hour: int, language: str) -> str:
    """The quarter of a day of the week: 'Tuesday night' is Tuesday from 0 to 6 h."""
    day = DAYS[language][hour // 24 % 7]
    return SLOTS[language][hour % 24 // 6].replace("{day}", day)


def lasting(seconds: float, language: str) -> str:
    """A duration in its two greatest units."""
    parts = []
    left = int(seconds)
    for size, unit in zip((86_400, 3600, 60, 1), UNITS[language], strict=True):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}\u00a0{unit}")
    return " ".join(parts[:2]) or f"0\u00a0{UNITS[language][-1]}"


def _template(kind: str, reasons: Mapping[str, Any], *, times: float | None) -> str:
    if kind == "fence":
        return "fence_in" if reasons.get("inside") else "fence_out"
    return "same_hour_times" if kind == "same_hour" and times is not None else kind


def _times(kind: str, reasons: Mapping[str, Any], *, value: float | None) -> float | None:
    if kind != "same_hour":
        return _float(reasons.get("times"))
    usual = _float(reasons.get("usual"))
    if usual is None or value is None or usual <= 0:
        return None
    return value / usual if value / usual >= LEAST_TIMES else None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _plain(value: float | None, language: str) -> str:
    return (
        "—"
        if value is None
        else _comma(f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}", language)
    )


def _comma(text: str, language: str) -> str:
    return text.replace(".", ",") if language == "fr" else text
