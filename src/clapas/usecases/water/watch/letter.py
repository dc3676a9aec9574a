"""The alert as a letter: the words of the message, an address that shows in the window, no link to type."""

from datetime import datetime
from importlib import resources

from clapas.domain.window import instant
from clapas.store.water import CaseRow
from clapas.usecases.water.money import loss_of
from clapas.usecases.water.watch.vault import Person

SERVICE = "Service de l’eau"


def fields(person: Person, case: CaseRow, *, made: datetime, price: float) -> dict[str, str]:
    """The words and numbers of the letter, all text."""
    loss = loss_of(case.rate, price)
    since = instant(case.raised).astimezone(made.tzinfo)
    return {
        "service": SERVICE,
        "name": person.name,
        "address": person.address,
        "meter": case.entity.rpartition(":")[2],
        "made": f"{made:%d/%m/%Y}",
        "since": f"{since:%d/%m/%Y}",
        "litres": f"{loss.litres_day:.0f}",
        "euros": f"{loss.euros_month:.0f}",
        "price": f"{price:.2f}".replace(".", ","),
    }


def render_letter(person: Person, case: CaseRow, *, made: datetime, price: float) -> bytes:
    """The PDF (PDF/A-2a, PDF/UA-1), rendered offline."""
    from clapas.reports.printed import printed

    source = resources.files("clapas.usecases.water.watch").joinpath("letter.typ").read_bytes()
    return printed(source, fields(person, case, made=made, price=price))
