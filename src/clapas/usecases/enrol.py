"""A pack in force: its dataset's record in the charter, its rules in the engine, its points of measure.

What a person changed stays theirs: a record or a rule whose last version is not the pack's own is kept as it
is and told. Taking a pack away closes its record (nothing is deleted: the law wants its history) and removes
the rules that nobody made their own.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.dataset import DatasetRecord, Dpia, Publication
from clapas.domain.device import Entity
from clapas.rules.model import Rule
from clapas.store import Store
from clapas.store.rules import RulesStore
from clapas.store.rules_values import RuleRow
from clapas.usecases.pack import Pack

EVERYTHING = RowFilter(everything=True)
REVIEW = timedelta(days=365)
PAGE = 1000
Done = Literal["created", "changed", "same", "kept", "removed"]


class Stewards(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers for the data: the service, the person to ask, the controller. Empty: not said yet."""

    owner: str = ""
    steward: str = ""
    controller: str = ""
    dpia: Dpia = Dpia(status="required")
    """What became of the impact assessment of personal data; as long as it is to be made, the record has that fault."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the record and of each rule ('kept': a person made it theirs), and points given to it."""

    record: Done
    rules: dict[str, Done]
    points: int = 0

    @property
    def sentence(self) -> str:
        """What happened, in a line."""
        counts: dict[str, int] = {}
        for done in self.rules.values():
            counts[done] = counts.get(done, 0) + 1
        rules = ", ".join(f"{number} {done}" for done, number in sorted(counts.items())) or "none"
        return f"record {self.record}; rules: {rules}; {self.points} points of measure given to the record"


AUTHOR = "usecase:"


def author(name: str) -> str:
    """The name under which a pack writes."""
    return AUTHOR + name


def record_of(pack: Pack, who: Stewards, *, version: int, today: date) -> DatasetRecord:
    """The governance record that a pack describes; it opens nothing before somebody answers for it."""
    described = pack.dataset
    is_open = described.classification == "ouvert"
    return DatasetRecord(
        id=pack.record,
        title=described.title.fr,
        title_en=described.title.en,
        description=described.description.fr,
        description_en=described.description.en,
        theme=described.theme,
        keywords=described.keywords,
        frequency=described.frequency,
        owner=who.owner or described.owner,
        steward=who.steward,
        controller=who.controller,
        classification=described.classification,
        subjects=described.subjects,
        categories=described.categories,
        purposes=described.purposes,
        retention=described.retention,
        dpia=who.dpia if described.classification == "personnel" else Dpia(),
        licence=described.licence if is_open else "",
        exception="" if is_open else described.exception,
        review=None if is_open else today + REVIEW,
        publication=Publication(rule="open") if is_open else Publication(),
        version=version,
    )


async def enrol(
    store: Store,
    pack: Pack,
    *,
    who: Stewards | None = None,
    today: date | None = None,
    rivals: Collection[Pack] = (),
) -> Enrolled:
    """Put a pack in force, or bring it up to date; twice changes nothing. ``rivals``: see :func:`assign`."""
    day = today or datetime.now(UTC).date()
    record = await _keep_record(store, pack, who=who, day=day)
    rules = RulesStore(store.postgres, store.clickhouse)
    done = {each.id: await _keep_rule(rules, pack, rule=each) for each in pack.rules}
    done |= await _drop_rules(rules, pack.name, kept={each.id for each in pack.rules})
    return Enrolled(record=record, rules=done, points=await assign(store, pack, rivals=rivals))


async def absent(store: Store, there: Collection[str]) -> list[str]:
    """Names of packs that are in force though they are no longer ``there``."""
    names = []
    for record in await store.charter.records():
        last = (await store.charter.record_versions(record.id))[0]
        name = last.author.removeprefix(AUTHOR)
        gone = last.author.startswith(AUTHOR) and name not in there
        if gone and not is_closed(record):
            names.append(name)
    return names


async def withdraw(store: Store, name: str) -> Enrolled:
    """Close a pack's record and remove its rules; observations, alarms and points of measure stay."""
    versions = await store.charter.record_versions(name.replace("_", "-"))
    closed: Done = "kept"
    if versions and versions[0].author == author(name) and not is_closed(versions[0].record):
        last = versions[0].record
        record = msgspec.structs.replace(
            last, classification="restreint", publication=Publication(), version=last.version + 1
        )
        await store.charter.add_record(record, author=author(name))
        closed = "removed"
    rules = RulesStore(store.postgres, store.clickhouse)
    return Enrolled(record=closed, rules=await _drop_rules(rules, name, kept=set()))


def is_closed(record: DatasetRecord) -> bool:
    """Was this record closed with its pack? It is given to its owner alone, and published no more."""
    return record.classification == "restreint" and record.publication == Publication()


async def _keep_record(store: Store, pack: Pack, *, who: Stewards | None, day: date) -> Done:
    versions = await store.charter.record_versions(pack.record)
    if not versions:
        fresh = record_of(pack, who or Stewards(), version=1, today=day)
        await store.charter.add_record(fresh, author=author(pack.name))
        return "created"
    last = versions[0].record
    if versions[0].author != author(pack.name):
        return "kept"
    given = who or Stewards(
        owner=last.owner, steward=last.steward, controller=last.controller, dpia=last.dpia
    )
    fresh = record_of(pack, given, version=last.version + 1, today=day)
    dateless = msgspec.structs.replace(fresh, version=last.version, review=last.review)
    if dateless == last:
        return "same"
    await store.charter.add_record(fresh, author=author(pack.name))
    return "changed"


async def _keep_rule(rules: RulesStore, pack: Pack, *, rule: Rule) -> Done:
    known = {row.id: row for row in await rules.all()}.get(rule.id)
    body = _body(rule, pack)
    if known is not None:
        if known.body == body:
            return "same"
        if (await rules.revisions(rule.id))[0]["who"] != author(pack.name):
            return "kept"
    row = RuleRow(id=rule.id, revision=0, body=body, enabled=rule.enabled, owner=body["owner"])
    await rules.save(row, who=author(pack.name))
    return "changed" if known else "created"


def _body(rule: Rule, pack: Pack) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rule))
    body.pop("revision", None)
    return body | {"owner": rule.owner or pack.dataset.owner}


async def _drop_rules(rules: RulesStore, trade: str, *, kept: set[str]) -> dict[str, Done]:
    """Rules of the trade that the pack no longer brings, and that nobody made their own."""
    done: dict[str, Done] = {}
    for row in await rules.all():
        if row.body.get("trade") != trade or row.id in kept:
            continue
        if (await rules.revisions(row.id))[0]["who"] == author(trade):
            await rules.remove(row.id)
            done[row.id] = "removed"
    return done


async def assign(store: Store, pack: Pack, *, rivals: Collection[Pack] = ()) -> int:
    """Give the trade's points of measure that have no record to the pack's; gives how many.

    A point that would also fit a rival in force is nobody's until a person says whose it is.
    """
    known = {each.id for each in await store.charter.records()}
    others = [each for each in rivals if each.name != pack.name and each.record in known]
    mine: list[Entity] = []
    for kind in pack.types:
        after: str | None = None
        while True:
            page = await store.entities.page(EVERYTHING, type=kind, after=after, limit=PAGE)
            mine += await _fitting(
                store, pack, others=others, entities=(row.entity for row in page.items)
            )
            after = page.next
            if after is None:
                break
    await store.entities.upsert(
        [msgspec.structs.replace(each, dataset=pack.record) for each in mine]
    )
    return len(mine)


async def _fitting(
    store: Store, pack: Pack, *, others: Collection[Pack], entities: Iterable[Entity]
) -> list[Entity]:
    """Those without a record that measure what this trade needs, and no other's."""
    free = [each for each in entities if not each.dataset]
    has: dict[str, set[str]] = {each.id: set() for each in free}
    for each in await store.state.latest(EVERYTHING, entities=list(has)) if free else ():
        has[each.entity].add(each.quantity)
    return [
        each
        for each in free
        if _fits(pack, each, quantities=has[each.id])
        and not any(_fits(other, each, quantities=has[each.id]) for other in others)
    ]


def _fits(pack: Pack, entity: Entity, *, quantities: set[str]) -> bool:
    return entity.type in pack.types and set(pack.needs) <= quantities
