"""The register of processing activities (GDPR art. 30), written from the datasets' records.

Columns follow the CNIL's model: purpose, legal basis, persons, categories, recipients, transfers,
retention, security; one line per purpose of each dataset that concerns persons.
"""

from collections.abc import Iterable

import msgspec

from clapas.domain.dataset import DAY_S, DatasetRecord, Keep


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the register."""

    dataset: str
    title: str
    controller: str
    processors: str
    purpose: str
    legal_basis: str
    persons: str
    categories: str
    recipients: str
    finest_step: str
    retention: str
    pseudonymised: str
    dpia: str
    version: int


def register(records: Iterable[DatasetRecord]) -> list[Activity]:
    """The lines, by dataset and purpose."""
    return [
        Activity(
            dataset=record.id,
            title=record.title,
            controller=record.controller,
            processors="; ".join(record.processors),
            purpose=purpose.name,
            legal_basis=purpose.legal_basis + (" (consentement)" if purpose.consent else ""),
            persons="; ".join(record.subjects),
            categories="; ".join(record.categories),
            recipients="; ".join(sorted(purpose.audiences or {record.owner})),
            finest_step=duration(max(purpose.min_step, record.min_step)),
            retention="; ".join(_kept(each) for each in record.retention),
            pseudonymised=record.pseudonymised,
            dpia=f"{record.dpia.status} {record.dpia.reference}".strip(),
            version=record.version,
        )
        for record in sorted(records, key=lambda each: each.id)
        if record.subjects
        for purpose in record.purposes
    ]


def duration(seconds: int) -> str:
    """A step as ISO 8601, '' as measured."""
    if not seconds:
        return ""
    if seconds % DAY_S == 0:
        return f"P{seconds // DAY_S}D"
    return f"PT{seconds // 3600}H" if seconds % 3600 == 0 else f"PT{seconds}S"


def _kept(keep: Keep) -> str:
    name = duration(keep.step) or "brut"
    return f"{name}: {keep.days} j, {keep.then}"
