"""What the doors of the water trade answer, and take."""

from datetime import datetime
from typing import Literal

import msgspec
import numpy as np

from clapas.domain.window import instant
from clapas.store.water import CaseRow, SeenCase
from clapas.usecases.water.leaks.score import bootstrap
from clapas.usecases.water.money import Loss, loss_of, lost_m3
from clapas.usecases.water.watch.messages import PRICE
from clapas.usecases.water.watch.sudden import asked_first


class CaseOut(msgspec.Struct, frozen=True, kw_only=True):
    """A case as a customer agent reads it; ``first`` is what to do first, a word of the page."""

    id: int
    entity: str
    name: str
    commune: str
    longitude: float | None
    latitude: float | None
    simulated: bool
    kind: str
    rate_l_h: float
    confidence: float
    raised: datetime
    stopped: datetime | None
    state: str
    cause: str
    lost_m3: float
    lost_euros: float
    loss: Loss
    first: str


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the queue, and what all the cases that are seen lose together."""

    items: list[CaseOut]
    next: str | None
    running: int
    lost_m3: float
    lost_euros: float
    euros_month: float
    price: float


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a person found out; ``cause`` one of the causes of the page."""

    state: Literal["open", "asked", "confirmed", "false", "closed"]
    cause: Literal[
        "", "leak", "toilet", "pool", "irrigation", "softener", "shared", "work", "fault"
    ] = ""


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """Of the cases of a kind that somebody looked at, the share that was true, with its 95 % interval."""

    kind: str
    raised: int
    confirmed: int
    false: int
    precision: float | None
    low: float | None
    high: float | None


class Subscriber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told of a meter, how, above how many litres a day; ``consents`` names purposes."""

    name: str
    mail: str = ""
    phone: str = ""
    address: str = ""
    contract: str = ""
    language: Literal["fr", "en"] = "fr"
    channel: Literal["mail", "sms", "letter"] = "letter"
    threshold_l_day: float = 0.0
    away_from: datetime | None = None
    away_to: datetime | None = None
    consents: list[Literal["alerts", "hourly"]] = []


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """The token of a link."""

    token: str


Use = Literal["leak", "toilet", "pool", "irrigation", "softener", "shared", "work", "repaired"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscriber says of the flow, with the token of their link."""

    token: str
    cause: Use


def verdict_of(cause: Use) -> tuple[str, str]:
    """State and cause of a case by the subscriber's answer: a leak, its repair, or a use of water."""
    if cause == "repaired":
        return "closed", "leak"
    return ("confirmed" if cause in {"leak", "toilet"} else "false"), cause


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter's days (litres) and its cases."""

    entity: str
    days: list[str]
    litres: list[float | None]
    night_l_h: list[float | None]
    cases: list[CaseOut]


def case_out(row: SeenCase, now: int) -> CaseOut:
    """A case with its loss until now, or until it stopped."""
    volume = lost_m3(volume=row.volume, rate=row.rate, since=row.updated, until=row.stopped or now)
    return CaseOut(
        id=row.id,
        entity=row.entity,
        name=row.name or row.entity.rpartition(":")[2],
        commune=row.commune,
        longitude=row.longitude,
        latitude=row.latitude,
        simulated=row.simulated,
        kind=row.kind,
        rate_l_h=row.rate,
        confidence=row.confidence,
        raised=instant(row.raised),
        stopped=instant(row.stopped) if row.stopped else None,
        state=row.state,
        cause=row.cause,
        lost_m3=volume,
        lost_euros=round(volume * PRICE, 0),
        loss=loss_of(row.rate, PRICE),
        first=first_act(row, now),
    )


def first_act(row: CaseRow, now: int) -> str:
    """What to do first: call at once, write, let the subscriber answer, wait, verify that it stopped."""
    if row.state == "passed":
        return "nothing"
    if row.stopped:
        return "verify"
    if asked_first(row, now):
        return "let"
    if row.state == "confirmed":
        return "file"
    if row.state == "asked":
        return "wait"
    return "call" if row.kind in {"burst", "pipe"} else "write"


def precision_of(kind: str, states: dict[str, int]) -> Precision:
    """The share of true cases among those decided; a case closed as a leak that ended counts as true."""
    true, false = states.get("confirmed", 0) + states.get("closed", 0), states.get("false", 0)
    known = np.ones(true + false)
    share = bootstrap(np.repeat([1.0, 0.0], [true, false]), known) if len(known) else None
    return Precision(
        kind=kind,
        raised=sum(states.values()),
        confirmed=true,
        false=false,
        precision=share.value if share else None,
        low=share.low if share else None,
        high=share.high if share else None,
    )
