"""Every billed period looked at: is it abnormal by law, would a naive rule have said so, and why.

The naive rule compares a period with the mean of all the periods of the three previous years: it takes
summer for a leak. The review says which it is; the context never changes what the law commands, it tells
the agent what to write and what to ask.
"""

from datetime import date, timedelta
from typing import Literal

import msgspec

from clapas.usecases.water.billing.periods import Curve, Period
from clapas.usecases.water.billing.warsmann import FACTOR, YEARS, Reference, reference

Verdict = Literal["abnormal", "ordinary", "not_comparable"]
Context = Literal[
    "season",
    "little_water",
    "return_after_absence",
    "new_habits",
    "young_contract",
    "replacement",
    "sudden",
    "near",
    "",
]

REASONS: dict[Context, tuple[str, str]] = {
    "season": (
        "the same season of earlier years was as high: a yearly habit, not a leak",
        "la même saison des années précédentes était aussi haute : une habitude, pas une fuite",
    ),
    "little_water": (
        "volumes are small: a holiday home or a home lived in now and then; inform, and ask about presence",
        "volumes faibles : résidence occupée par moments ; informer et demander les présences",
    ),
    "return_after_absence": (
        "the home stood nearly empty in the same season of earlier years: a return; inform, and ask",
        "logement presque vide aux mêmes saisons des années précédentes : retour d’occupation ; informer et demander",
    ),
    "new_habits": (
        "the two periods before were high already: more people or a new use; inform, and ask",
        "les deux périodes précédentes étaient déjà hautes : occupation ou usage nouveau ; informer et demander",
    ),
    "young_contract": (
        "fewer than three earlier years are known: the reference is young",
        "moins de trois années antérieures connues : référence jeune",
    ),
    "replacement": (
        "the meter was replaced or set back in this period: the volume is only what the new index counted",
        "compteur remplacé ou remis à zéro : le volume n’est que celui du nouvel index",
    ),
    "sudden": (
        "nothing in the past explains it: a leak after the meter is likely; inform at once",
        "rien dans le passé ne l’explique : fuite après compteur probable",
    ),
    "near": (
        "above twice the mean of all seasons, below twice the equivalent period",
        "au-dessus du double de la moyenne toutes saisons, sous le double de la période équivalente",
    ),
    "": ("", ""),
}


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A period with its reference, what each rule says, and the context of it."""

    period: Period
    reference: Reference
    naive_mean: float | None
    naive: bool
    verdict: Verdict
    context: Context

    @property
    def ratio(self) -> float | None:
        mean = self.reference.volume
        return self.period.volume / mean if mean else None


def review(
    found: list[Period],
    *,
    comparable_day: float | None = None,
    leaks: tuple[tuple[date, date], ...] = (),
) -> list[Review]:
    """Review a meter's periods in order; each is judged on what was known when it was read."""
    curve = Curve(found, leaks)
    reviews = []
    for number, period in enumerate(found):
        before = found[:number]
        known = reference(period, curve, comparable_day=comparable_day)
        mean = naive_mean(period, before)
        naive = mean is not None and period.volume > FACTOR * mean and period.how != "replacement"
        verdict = _verdict(period, known)
        reviews.append(
            Review(
                period=period,
                reference=known,
                naive_mean=mean,
                naive=naive,
                verdict=verdict,
                context=_context(period, known, before=before, naive=naive, verdict=verdict),
            )
        )
    return reviews


def naive_mean(period: Period, before: list[Period]) -> float | None:
    """Mean volume of the periods that ended in the three years before, seasons mixed, by day."""
    since = period.start - timedelta(days=366 * YEARS)
    rows = [each for each in before if each.start >= since and each.how != "replacement"]
    days = sum(each.days for each in rows)
    if days < 300:
        return None
    return sum(each.volume for each in rows) / days * period.days


def _verdict(period: Period, known: Reference) -> Verdict:
    if known.volume is None or period.how == "replacement":
        return "not_comparable"
    return "abnormal" if period.volume > FACTOR * known.volume and period.volume > 0 else "ordinary"


def _context(
    period: Period, known: Reference, *, before: list[Period], naive: bool, verdict: Verdict
) -> Context:
    if period.how == "replacement":
        return "replacement"
    if verdict == "not_comparable":
        if known.vacant and period.volume > 0:
            return "return_after_absence"
        return "young_contract" if naive else ""
    mean = known.volume or 0.0
    if verdict == "ordinary":
        if not naive:
            return ""
        return "season" if period.volume <= 1.5 * mean else "near"
    return _why_abnormal(period, known, before=before, mean=mean)


def _why_abnormal(
    period: Period, known: Reference, *, before: list[Period], mean: float
) -> Context:
    quarter = period.days / 91.0
    if known.vacant:
        return "return_after_absence"
    if mean < 1.5 * quarter or period.volume < 15.0 * quarter:
        return "little_water"
    recent = [each.volume / each.days for each in before[-2:] if each.how != "replacement"]
    if len(recent) == 2 and min(recent) > 1.5 * mean / period.days:
        return "new_habits"
    if min(known.years.values(), default=mean) < 0.2 * mean:
        return "return_after_absence"
    return "young_contract" if known.source != "own" else "sudden"
