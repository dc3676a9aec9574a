"""What would change: the decisions that differ between the charter of today and another one."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from clapas.charter.decide import ACTIONS, Charter
from clapas.domain.access import Principal, Resource

KINDS = ("entity", "series", "device", "dataset")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that would differ, with the articles that decide afterwards."""

    who: str
    name: str
    action: str
    kind: str
    dataset: str
    gained: bool
    articles: tuple[str, ...]


def differences(
    before: Charter,
    after: Charter,
    *,
    people: Iterable[Principal],
    becomes: Mapping[str, Principal] | None = None,
    most: int = 2000,
) -> Sequence[Change]:
    """Every right gained or lost by these people over the datasets known to either charter.

    ``becomes`` says what some of them are afterwards, by their id.
    """
    datasets = sorted({each.id for charter in (before, after) for each in charter.records})
    found: list[Change] = []
    for who in people:
        commune = min(who.communes, default="")
        for dataset in datasets:
            for kind in KINDS:
                thing = Resource(kind=kind, dataset=dataset, commune=commune)
                then = (becomes or {}).get(who.id, who)
                found += _changes(before, after, person=(who, then), thing=thing)
                if len(found) >= most:
                    return found[:most]
    return found


def _changes(
    before: Charter, after: Charter, *, person: tuple[Principal, Principal], thing: Resource
) -> Iterable[Change]:
    who, then = person
    contexts = [{"purpose": each} for each in ("", *sorted(who.purposes))]
    for action in ACTIONS:
        was = any(
            before.decide(who, action, resource=thing, context=each).allow for each in contexts
        )
        new = [after.decide(then, action, resource=thing, context=each) for each in contexts]
        now = any(each.allow for each in new)
        if was != now:
            yield Change(
                who=who.id,
                name=who.name,
                action=action,
                kind=thing.kind,
                dataset=thing.dataset,
                gained=now,
                articles=next((each.articles for each in new if each.allow == now), ()),
            )
