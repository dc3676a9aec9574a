"""The service's report, in French, as a PDF: what is lost, what to do first, how often we were right."""

from datetime import datetime
from importlib import resources

import msgspec

from clapas.usecases.water.watch.answers import CaseOut, Precision

KINDS = {"drip": "goutte à goutte", "leak": "fuite", "pipe": "forte fuite", "burst": "rupture"}
ACTS = {
    "call": "appeler l’abonné maintenant",
    "write": "prévenir l’abonné",
    "wait": "attendre sa réponse",
    "verify": "vérifier, puis clore",
    "file": "ouvrir le dossier Warsmann",
    "let": "attendre deux heures, puis appeler si cela coule encore",
    "nothing": "rien : cela s’est arrêté seul",
}


def render_report(
    cases: list[CaseOut], measured: list[Precision], *, made: datetime, territory: str
) -> bytes:
    """The PDF (PDF/A-2a, PDF/UA-1), rendered offline; blocks for about a second."""
    from clapas.reports.printed import printed

    body = {
        "made": f"{made:%d/%m/%Y %H:%M}",
        "territory": territory,
        "running": sum(each.stopped is None for each in cases),
        "lost": _french(sum(each.lost_m3 for each in cases)),
        "euros": _french(sum(each.lost_euros for each in cases), 0),
        "month": _french(sum(each.loss.euros_month for each in cases if each.stopped is None), 0),
        "cases": [_line(each) for each in cases],
        "measured": [_measure(each) for each in measured],
    }
    source = resources.files("clapas.usecases.water.watch").joinpath("report.typ").read_bytes()
    return printed(source, {"body": msgspec.json.encode(body).decode()})


def _line(case: CaseOut) -> list[str]:
    return [
        case.name + (" (simulé)" if case.simulated else ""),
        "arrêtée" if case.stopped else KINDS[case.kind],
        f"{case.loss.litres_day:.0f} L",
        f"{_french(case.loss.euros_month, 0)} €",
        f"{_french(case.lost_m3)} m³",
        f"{case.raised:%d/%m/%Y}",
        ACTS[case.first],
    ]


def _measure(each: Precision) -> list[str]:
    share = "aucune vérifiée"
    if each.precision is not None:
        bounds = f"{100 * (each.low or 0):.0f} à {100 * (each.high or 0):.0f} %"
        share = f"{100 * each.precision:.0f} % ({bounds})"
    return [KINDS[each.kind], str(each.raised), str(each.confirmed), str(each.false), share]


def _french(value: float, decimals: int = 1) -> str:
    return f"{value:.{decimals}f}".replace(".", ",")
