"""What is wrong with a dataset's record, told to the person who fills it in.

An error keeps the record from being used; a warning asks to look again.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

from clapas.domain.dataset import DAY_S, FREQUENCIES, HIGH_VALUE, THEMES, DatasetRecord

LICENCES = frozenset({"LO-2.0", "ODbL-1.0", "CC-BY-4.0"})
HOUSEHOLD_K = 10
"""Fewest dwellings in a published figure (décret 2020-196 for energy, by analogy)."""
SOON = timedelta(days=30)
NAMES = frozenset({"nom", "name", "adresse", "address", "email", "telephone", "phone", "contrat"})


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: its code (also the key of its words on screen), the field, how grave."""

    code: str
    field: str
    severity: Literal["error", "warning"] = "error"


def validate(record: DatasetRecord, *, today: date) -> tuple[Finding, ...]:
    """Everything wrong with a record; a record without errors may be used."""
    return (
        *_answered(record, today),
        *_publication(record),
        *_catalogued(record),
        *_retention(record),
        *(_personal(record) if record.classification == "personnel" else ()),
    )


def _answered(record: DatasetRecord, today: date) -> Iterator[Finding]:
    for field in ("title", "owner", "steward", "controller"):
        if not getattr(record, field):
            yield Finding(code="missing", field=field)
    if not record.deputy:
        yield Finding(code="missing", field="deputy", severity="warning")
    for review in (record.review, record.dpia.review):
        if review and review < today:
            yield Finding(code="review_passed", field="review")
        elif review and review < today + SOON:
            yield Finding(code="review_soon", field="review", severity="warning")


def _publication(record: DatasetRecord) -> Iterator[Finding]:
    given = record.publication
    if record.classification == "ouvert":
        if record.licence not in LICENCES:
            yield Finding(code="licence_missing", field="licence")
        if record.subjects:
            yield Finding(code="open_and_personal", field="classification")
    elif not record.exception:
        yield Finding(code="exception_missing", field="exception")
    elif record.review is None:
        yield Finding(code="exception_without_review", field="review")
    if given.rule == "open" and record.classification != "ouvert":
        yield Finding(code="published_but_not_open", field="publication")
    if given.rule == "aggregate" and record.subjects and given.k < HOUSEHOLD_K:
        yield Finding(code="k_too_small", field="publication")
    if not 0 < given.dominance <= 1:
        yield Finding(code="dominance_out_of_range", field="publication")
    yield from _high_value(record)


def _catalogued(record: DatasetRecord) -> Iterator[Finding]:
    """A word that harvesters do not know is looked at again; the data stay as open as they are."""
    if record.theme and record.theme not in THEMES:
        yield Finding(code="theme_unknown", field="theme", severity="warning")
    if record.frequency and record.frequency not in FREQUENCIES:
        yield Finding(code="frequency_unknown", field="frequency", severity="warning")


def _high_value(record: DatasetRecord) -> Iterator[Finding]:
    """High-value data is given in bulk, free, under an open licence (Regulation (EU) 2023/138, art. 4)."""
    if not record.hvd:
        return
    if record.hvd not in HIGH_VALUE.values():
        yield Finding(code="hvd_unknown", field="hvd")
    elif record.licence not in {"LO-2.0", "CC-BY-4.0"} or record.publication.rule == "none":
        yield Finding(code="hvd_not_open", field="hvd")


def _retention(record: DatasetRecord) -> Iterator[Finding]:
    steps = sorted(record.retention, key=lambda each: each.step)
    if any(each.days <= 0 for each in steps):
        yield Finding(code="retention_without_end", field="retention")
    if any(fine.days > coarse.days for fine, coarse in pairwise(steps)):
        yield Finding(code="finer_kept_longer", field="retention")


def _personal(record: DatasetRecord) -> Iterator[Finding]:
    if not record.subjects:
        yield Finding(code="missing", field="subjects")
    if not record.retention:
        yield Finding(code="missing", field="retention")
    if not record.purposes:
        yield Finding(code="missing", field="purposes")
    if any(not each.legal_basis for each in record.purposes):
        yield Finding(code="purpose_without_basis", field="purposes")
    if any(0 < each.k < HOUSEHOLD_K for each in record.purposes):
        yield Finding(code="k_too_small", field="purposes")
    if any(each.min_step < DAY_S and not each.consent and not each.k for each in record.purposes):
        yield Finding(code="fine_step_without_consent", field="purposes", severity="warning")
    if record.dpia.status == "required" or (
        record.dpia.status == "not_required" and not record.dpia.reference
    ):
        yield Finding(code="dpia_not_done", field="dpia")
    if NAMES & {each.strip().lower() for each in record.categories}:
        yield Finding(code="identity_on_the_platform", field="categories")
