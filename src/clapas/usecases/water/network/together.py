"""All signals of a network watched together: what two of them tell of one event is told once.

A leak raises the balance of its zone. A change of the inlets' shares without it is a manoeuvre; a rise that
another zone's balance loses at the same hour is a valve between them.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from clapas.usecases.water.network.balance import Signal
from clapas.usecases.water.network.bursts import WEEK, Rules, Step, Watch

MENDED_HOURS = 48
"""A repair moves the pressures too, for so long around it."""
FIELD_DAYS = 30
"""What the pressures have told, the balance of the zone tells later and less well: no second alarm."""
SURELY, LEAST_PASSED, MOST_PASSED = 3.0, 0.6, 1.5
"""Noises by which another zone's balance must fall, and its share of the rise, for a valve between them."""


class Beside(Protocol):
    """Another watch beside the balances, such as the field of the pressures."""

    def look(self, hour: int, balances: dict[str, Watch]) -> Step | None: ...


def watch(
    found: list[Signal], rules: Rules | None = None, *, beside: Beside | None = None
) -> list[Step]:
    """Every step of every signal, in the order of the alarms; one alarm for signals of a zone that agree."""
    chosen = rules or Rules()
    watches = [Watch(signal, chosen) for signal in found]
    balances = {each.signal.zone: each for each in watches if each.signal.kind == "balance"}
    steps: list[Step] = []
    for hour in range(max((len(each.signal.values) for each in watches), default=0)):
        moved = beside.look(hour, balances) if beside else None
        if moved is not None:
            steps.append(_merged(moved, steps))
        for each in watches:
            step = each.look(hour)
            if step is None:
                continue
            if step.signal != "balance":
                step = _confirmed(step, balances[step.zone], rules=chosen)
            steps.append(_merged(_between(step, balances), steps))
    return steps


def _merged(step: Step, before: list[Step]) -> Step:
    """The split and the balance of a zone tell of the same leak: the second to speak is not news."""
    for other in reversed(before):
        if step.raised - other.raised > FIELD_DAYS * 24:
            break
        mended = other.kind == "repair" and abs(other.start - step.start) <= MENDED_HOURS
        if mended and step.signal == "field":
            return msgspec.structs.replace(step, told=False, kind="repair")
        late = step.kind == "leak" or abs(other.start - step.start) <= 48
        if other.told and other.signal == "field" and step.signal != "field" and late:
            return msgspec.structs.replace(step, told=False)
        if step.raised - other.raised > 6 * 24:
            continue
        factor = 6.0 if other.signal == "split" else 2.0
        close = abs(other.start - step.start) <= 24 and abs(step.size) <= factor * abs(other.size)
        same = other.signal == step.signal and step.signal == "balance"
        if other.told and other.zone == step.zone and close and not same:
            return msgspec.structs.replace(step, told=False)
    return step


def _confirmed(step: Step, balance: Watch, *, rules: Rules) -> Step:
    """A change of split is a leak when the zone's balance rises with it.

    When the balance falls it is a repair; else a manoeuvre (a valve, a pump's new hours).
    """
    if step.start < WEEK:
        return msgspec.structs.replace(step, told=False, kind="shift")
    risen = balance.risen(step.start, step.raised)
    enough = max(0.4 * abs(step.size), 0.5 * rules.least_share * balance.ordinary(step.raised))
    if risen < -enough:
        return msgspec.structs.replace(step, told=False, kind="repair")
    if risen < enough:
        return msgspec.structs.replace(step, told=False, kind="shift")
    return step


def _between(step: Step, balances: Mapping[str, Watch]) -> Step:
    """A balance that rises by what another zone's loses since the same hour: a valve between them, no leak."""
    if step.size <= 0 or not step.told:
        return step
    for zone, other in balances.items():
        fallen = -other.risen(step.start, step.raised) if zone != step.zone else 0.0
        least = SURELY * other.noise_of(step.raised, step.raised + 1 - step.start)
        if max(least, LEAST_PASSED * step.size) <= fallen <= MOST_PASSED * step.size:
            return msgspec.structs.replace(step, told=False, kind="shift")
    return step
