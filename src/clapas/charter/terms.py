"""The conditions under which data is given, read from a dataset's record.

The same terms travel as obligations of a decision and are applied by :mod:`clapas.charter.exits`.
"""

import msgspec

from clapas.domain.access import Obligation, Principal
from clapas.domain.dataset import DatasetRecord

TRUSTED = frozenset({"system"})


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an exit must do: steps and delays in seconds, ``k`` subjects at least, attributes hidden."""

    min_step: int = 0
    delay: int = 0
    k: int = 0
    dominance: float = 1.0
    masked: frozenset[str] = frozenset()
    watermark: bool = False
    consent: bool = False
    """Only subjects who consented to the declared purpose."""
    only: frozenset[str] = frozenset()
    """The attributes that a plan gives; empty = all."""
    coarse: bool = False
    """Values are rounded."""
    personal: bool = False
    """It concerns persons, who may object."""

    @property
    def instantaneous(self) -> bool:
        """May a single value be given as soon as it is measured?"""
        return not (self.min_step or self.delay or self.k or self.consent)

    @property
    def partial(self) -> bool:
        """Is some part of a row left out?"""
        return bool(self.masked or self.only or self.coarse)

    def gives(self, attribute: str) -> bool:
        """May values of this attribute be given at all?"""
        return attribute not in self.masked and (not self.only or attribute in self.only)

    def obligations(self) -> tuple[Obligation, ...]:
        """The same as the obligations of a decision."""
        found = []
        if self.min_step:
            found.append(Obligation(kind="min_step", values={"seconds": self.min_step}))
        if self.delay:
            found.append(Obligation(kind="delay", values={"seconds": self.delay}))
        if self.k:
            values = {"k": self.k, "dominance": self.dominance}
            found.append(Obligation(kind="k_anonymity", values=values))
        if self.masked:
            found.append(Obligation(kind="mask", values={"attributes": sorted(self.masked)}))
        if self.only:
            found.append(Obligation(kind="only", values={"attributes": sorted(self.only)}))
        if self.consent:
            found.append(Obligation(kind="consent"))
        if self.watermark:
            found.append(Obligation(kind="watermark"))
        return tuple(found)


FREE = Terms()


def terms_of(
    record: DatasetRecord | None, principal: Principal, *, action: str, purpose: str = ""
) -> Terms:
    """The terms for somebody who is allowed; a dataset without record has none.

    The platform itself has none. Personal data read without a declared purpose is given under the
    strictest of its purposes; the owner's service alone sees masked attributes.
    """
    if record is None or principal.kind in TRUSTED:
        return FREE
    own = principal.kind == "user" and bool(record.owner) and principal.service == record.owner
    outside = principal.kind == "anonymous"
    asked = record.purpose(purpose)
    purposes = (asked,) if asked else record.purposes if record.subjects else ()
    published = record.publication
    aggregated = outside and published.rule == "aggregate"
    return Terms(
        min_step=max(record.min_step, *(each.min_step for each in purposes), 0),
        delay=max(published.delay if outside else 0, principal.delay),
        k=max(published.k if aggregated else 0, *(each.k for each in purposes), 0),
        dominance=published.dominance,
        masked=frozenset() if own else record.masked,
        only=principal.attributes,
        coarse=principal.decimals >= 0,
        consent=asked is not None and asked.consent,
        personal=bool(record.subjects) or record.classification == "personnel",
        watermark=action == "export" and record.classification != "ouvert",
    )
