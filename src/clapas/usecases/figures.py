"""Figures of one entity over a period, each with its capture rate, quality and state. No data is never 0."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from clapas.usecases.formula import compute, names_in
from clapas.usecases.pack import Indicator, Pack

State = Literal["ok", "watch", "alert", "beside", "insufficient", "no_data"]
"""``beside``: shown to compare with, and judged by nobody."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured for one indicator, in the quantity's own unit (shares 0-1, hours)."""

    value: float | None = None
    capture: float = 0.0
    suspect: float = 0.0
    provisional: bool = False


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. ``value`` is None without data; ``capture`` and ``suspect`` are shares (0-1)."""

    indicator: str
    value: float | None
    unit: str
    capture: float
    suspect: float
    state: State
    provisional: bool = False
    """Computed on a record shorter than its method wants."""


NOTHING = Measured()


def figures(pack: Pack, measured: Mapping[str, Measured]) -> list[Figure]:
    """All the pack's figures of one entity, from what was measured by indicator. Formulas come last."""
    found = dict(measured)
    for each in pack.indicators:
        if each.kind == "formula":
            found[each.id] = combined(each, measured)
    return [
        _figure(pack, each, measured=found.get(each.id, NOTHING))
        for each in pack.indicators
        if not each.hidden
    ]


def combined(indicator: Indicator, measured: Mapping[str, Measured]) -> Measured:
    """A formula over measured indicators, as good as the worst of them."""
    used = {name: measured.get(name, NOTHING) for name in names_in(indicator.expression)}
    return Measured(
        value=compute(indicator.expression, {name: each.value for name, each in used.items()}),
        capture=min((each.capture for each in used.values()), default=0.0),
        suspect=max((each.suspect for each in used.values()), default=0.0),
        provisional=any(each.provisional for each in used.values()),
    )


def _figure(pack: Pack, indicator: Indicator, *, measured: Measured) -> Figure:
    value = measured.value
    shown = None if value is None else round(value * indicator.scale, indicator.decimals)
    return Figure(
        indicator=indicator.id,
        value=shown,
        unit=indicator.unit,
        capture=round(measured.capture, 4),
        suspect=round(measured.suspect, 4),
        state=state(pack, indicator, value=shown, enough=measured.capture >= pack.min_capture),
        provisional=measured.provisional,
    )


def state(pack: Pack, indicator: Indicator, *, value: float | None, enough: bool) -> State:
    """The colour of a figure; too little data is said before any other thing."""
    if value is None:
        return "no_data"
    if not enough:
        return "insufficient"
    words: tuple[tuple[State, float | str | None, float | str | None], ...] = (
        ("alert", indicator.alert_above, indicator.alert_below),
        ("watch", indicator.watch_above, indicator.watch_below),
    )
    for word, high, low in words:
        above, below = pack.colour(high), pack.colour(low)
        if (above is not None and value > above) or (below is not None and value < below):
            return word
    return "ok"


def unjudged(found: Sequence[Figure]) -> list[Figure]:
    """The same figures of a point that is shown only to compare with."""
    judged: tuple[State, ...] = ("ok", "watch", "alert")
    return [
        msgspec.structs.replace(each, state="beside") if each.state in judged else each
        for each in found
    ]


def state_of(pack: Pack, found: Sequence[Figure]) -> State:
    """The state of a point of measure: what is wrong in any figure of the page, else what the headline says."""
    shown = [each for each in found if each.indicator in {pack.page.headline, *pack.page.columns}]
    states: tuple[State, ...] = ("alert", "watch")
    for wrong in states:
        if any(each.state == wrong for each in shown):
            return wrong
    head = next((each for each in shown if each.indicator == pack.page.headline), None)
    return head.state if head else "no_data"
