"""The file of an abnormal volume, in French, as a PDF that a subscriber can check line by line."""

import json
from collections.abc import Mapping
from datetime import date
from importlib import resources

import msgspec

from clapas.usecases.water.billing.periods import Period
from clapas.usecases.water.billing.review import REASONS, Review
from clapas.usecases.water.billing.warsmann import FACTOR, month_after, relief

SOURCES = {
    "own": "les trois années précédentes",
    "own_partial": "les années connues parmi les trois précédentes",
    "comparable": "les logements comparables du secteur",
    "none": "aucune référence",
}


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """What the file needs beside the review: who sends it, when and how the subscriber was informed."""

    review: Review
    service: str
    informed: date | None
    proof: str
    subscriber: str = ""
    address: str = ""
    contract: str = ""


def french(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def litres(volume: float) -> str:
    return f"{volume:.1f}".replace(".", ",") + " m³"


def fields(dossier: Dossier) -> dict[str, str]:
    """The words and numbers of the page, all text."""
    period, known = dossier.review.period, dossier.review.reference
    mean = known.volume or 0.0
    caps = relief(period.volume, mean)
    years = "; ".join(f"{year} : {litres(volume)}" for year, volume in sorted(known.years.items()))
    due = month_after(dossier.informed) if dossier.informed else None
    return {
        "service": dossier.service,
        "subscriber": dossier.subscriber or "—",
        "address": dossier.address or "—",
        "contract": dossier.contract or "—",
        "meter": period.meter,
        "start": french(period.start),
        "end": french(period.end),
        "days": str(period.days),
        "volume": litres(period.volume),
        "mean": litres(mean),
        "twice": litres(FACTOR * mean),
        "ratio": f"{dossier.review.ratio or 0.0:.1f}".replace(".", ","),
        "years": years or "—",
        "bars": json.dumps(bars(period, known.years, twice=FACTOR * mean)),
        "source": SOURCES[known.source],
        "context": REASONS[dossier.review.context][1] or "—",
        "water": litres(caps.water),
        "water_relieved": litres(caps.water_relieved),
        "sanitation": litres(caps.sanitation),
        "sanitation_relieved": litres(caps.sanitation_relieved),
        "informed": french(dossier.informed) if dossier.informed else "à informer sans délai",
        "proof": dossier.proof or "—",
        "due": french(due) if due else "un mois après l’information",
    }


def bars(
    period: Period, years: Mapping[int, float], *, twice: float
) -> list[dict[str, str | float]]:
    """The volumes side by side: each year's same period, twice their mean, this period; ``share`` of the largest."""
    rows = [(str(year), volume, "year") for year, volume in sorted(years.items())]
    rows += [("le double de la moyenne", twice, "limit"), ("cette période", period.volume, "now")]
    largest = max(volume for _, volume, _ in rows) or 1.0
    return [
        {
            "label": label,
            "volume": litres(volume),
            "share": round(volume / largest, 3),
            "what": what,
        }
        for label, volume, what in rows
    ]


def render_dossier(dossier: Dossier) -> bytes:
    """The PDF (PDF/A-2a, PDF/UA-1), rendered offline."""
    from clapas.reports.printed import printed

    source = resources.files("clapas.usecases.water.billing").joinpath("dossier.typ").read_bytes()
    return printed(source, fields(dossier))
