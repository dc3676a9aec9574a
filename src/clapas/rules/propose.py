"""How a trade's own detector raises and clears alarms: through a rule, never around it.

The trade makes its rule once (``when`` = :class:`~clapas.rules.model.Proposed`), so that it has an
owner, a severity, a chain, silences, a measured precision and can be switched off like any other.
"""

from collections.abc import Sequence

import msgspec

from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.model import Proposed, Rule, Severity


class AlarmProposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector found on an entity: wrong since ``measured`` (ms), or over (``active`` False).

    ``severity`` overrides the rule's; ``message`` is language → sentence.
    """

    rule: str
    entity: str
    measured: int
    active: bool = True
    value: float | None = None
    series: int | None = None
    quantity: str = ""
    severity: Severity | None = None
    message: dict[str, str] = {}
    commune: str = ""


def signals(
    proposals: Sequence[AlarmProposal], rules: dict[str, Rule], *, at: int
) -> tuple[list[Signal], list[str]]:
    """Proposals as signals, and the reasons of those that are not followed.

    A proposal is followed when its rule exists, is enabled and is of the kind 'proposed'.
    """
    found: list[Signal] = []
    refused: list[str] = []
    for each in proposals:
        rule = rules.get(each.rule)
        if rule is None or not isinstance(rule.when, Proposed):
            refused.append(f"{each.rule}: no such rule for proposals")
        elif rule.enabled:
            found.append(_signal(each, rule, at=at))
    return found, refused


def _signal(proposal: AlarmProposal, rule: Rule, *, at: int) -> Signal:
    if not proposal.active:
        return Clear(
            rule=rule.id, entity=proposal.entity, measured=proposal.measured, at=at,
            value=proposal.value, ordered=True,
        )  # fmt: skip
    return Raise(
        rule=rule.id,
        entity=proposal.entity,
        measured=proposal.measured,
        at=at,
        severity=proposal.severity or rule.severity,
        title=rule.title,
        trade=rule.trade,
        commune=proposal.commune,
        series=proposal.series,
        value=proposal.value,
        message=proposal.message or rule.message,
        public=rule.public,
        because={"kind": "proposed", "quantity": proposal.quantity},
    )
