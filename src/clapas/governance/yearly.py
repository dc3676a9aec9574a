"""The charter's yearly report, written from what the platform holds: no figure is typed in.

Each commitment is a check with its state and its evidence; a commitment that cannot be shown is said so.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.charter import Charter, validate
from clapas.charter.audit import verify
from clapas.store import Store


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A commitment: kept or not, by which evidence."""

    name: str
    kept: bool
    evidence: str


class YearlyReport(msgspec.Struct, frozen=True, kw_only=True):
    """One civil year (UTC) of the charter."""

    year: int
    made: datetime
    charter: str
    datasets: dict[str, int]
    """Records by classification."""
    published: int
    exceptions: dict[str, int]
    decisions: list[dict[str, Any]]
    """Audited events by dataset, action, kind of caller and decision."""
    requests: dict[str, int]
    late: int
    """Requests of persons answered after a month, or not yet."""
    deletions: dict[str, int]
    votes: list[str]
    reorganisations: int
    checks: list[Check]


async def yearly_report(store: Store, charter: Charter, *, year: int) -> YearlyReport:
    """Write the report of a year."""
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    records = [each for each in charter.records if each.id]
    requests = [
        each for each in await store.governance.requests(limit=10_000) if each.asked.year == year
    ]
    late = [each for each in requests if (each.done or datetime.now(UTC)).date() > each.due]
    proofs = [
        each
        for each in await store.governance.proofs(limit=10_000)
        if each.done and each.done.year == year
    ]
    deletions: Counter[str] = Counter()
    for each in proofs:
        deletions[each.why] += each.rows
    names = ("dataset", "action", "kind", "allowed", "events")
    articles = await store.charter.articles(datetime.now(UTC).date())
    plans = await store.governance.reorganisations()
    return YearlyReport(
        year=year,
        made=datetime.now(UTC),
        charter=charter.version,
        datasets=dict(Counter(each.classification for each in records)),
        published=sum(each.publication.rule != "none" for each in records),
        exceptions=dict(Counter(each.exception for each in records if each.exception)),
        decisions=[
            dict(zip(names, row, strict=True))
            for row in await store.governance.audit_year(start, end)
        ],
        requests=dict(Counter(each.kind for each in requests)),
        late=len(late),
        deletions=dict(deletions),
        votes=[f"{each.id} v{each.version}: {each.deliberation}" for each in articles],
        reorganisations=sum(each.state == "applied" and each.at.year == year for each in plans),
        checks=await _checks(store, charter, late=len(late)),
    )


async def _checks(store: Store, charter: Charter, *, late: int) -> list[Check]:
    today = datetime.now(UTC).date()
    records = [each for each in charter.records if each.id]
    faulty = [
        each.id
        for each in records
        if any(found.severity == "error" for found in validate(each, today=today))
    ]
    endless = [each.id for each in records if each.subjects and not each.retention]
    unanswered = [each.id for each in records if not each.owner or not each.steward]
    verdict = await verify(store.audit)
    return [
        _check("every_record_is_valid", faulty, of=len(records)),
        _check("personal_data_has_an_end", endless, of=len(records)),
        _check("somebody_answers_for_every_dataset", unanswered, of=len(records)),
        Check(name="persons_are_answered_within_a_month", kept=late == 0, evidence=str(late)),
        Check(
            name="the_trail_is_whole",
            kept=verdict.broken_at is None,
            evidence=f"{verdict.events} · {verdict.head[:16]}",
        ),
    ]


def _check(name: str, wrong: Sequence[str], *, of: int) -> Check:
    """Kept when nothing is wrong among something: a commitment about no record shows nothing."""
    evidence = ", ".join(sorted(wrong)[:20]) or f"0 / {of}"
    return Check(name=name, kept=not wrong and of > 0, evidence=evidence)
