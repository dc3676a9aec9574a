"""Who does what of one write: sources that alone hold attributes take them, others get a copy (clause 4.3.6)."""

from collections.abc import Collection, Sequence

import msgspec

from clapas.context.federation.shares import Share

UNSUPPORTED = "its source does not support this operation"


class Plan(msgspec.Struct, kw_only=True):
    """What is sent on, to whom, with which attributes (None: the whole); what is refused; what stays here."""

    forwards: list[tuple[Share, frozenset[str] | None]] = []
    refused: list[tuple[Share, frozenset[str] | None]] = []
    proxied: frozenset[str] = frozenset()
    """Attributes that are not kept here."""
    whole: bool = False
    """A source alone holds the entity, or a part of it, whatever its attributes."""
    local: bool = True

    @property
    def alone(self) -> bool:
        """Nobody else is concerned."""
        return not self.forwards and not self.refused


def plan(shares: Sequence[Share], operation: str, *, names: Collection[str] | None) -> Plan:
    """The plan of one write; ``names`` None: it speaks of the whole entity."""
    found = Plan(forwards=[], refused=[])
    left = frozenset(names) if names is not None else None
    for mode in ("exclusive", "redirect"):
        taken: frozenset[str] = frozenset()
        for share in (each for each in shares if each.mode == mode):
            mine = share.takes(left) if left is not None else None
            if mine is not None and not mine and names:
                continue
            usable = operation in share.operations and not _boundless(share)
            (found.forwards if usable else found.refused).append((share, mine))
            found.whole = True
            taken |= mine or frozenset()
        found.proxied |= taken
        left = left - taken if left is not None else None
    for share in (each for each in shares if each.mode == "inclusive"):
        mine = share.takes(left) if left is not None else None
        if operation in share.operations and (mine or not names):
            found.forwards.append((share, mine))
    found.local = names is None or bool(left) or not found.whole
    return found


def _boundless(share: Share) -> bool:
    """An exclusive registration without attributes, which clause 4.3.6.3 does not allow: nobody can be asked."""
    return share.mode == "exclusive" and share.attributes is None
