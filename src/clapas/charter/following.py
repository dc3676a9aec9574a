"""Records that name a saved group: their dataset is what the group is now.

A right is then given to a living list of devices: what enters the group enters the dataset within seconds,
what leaves it goes back to where it was. When two groups have the same device, and for a thing that several
devices measure, the most closed dataset wins.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from clapas.charter.keeping import usable
from clapas.charter.validate import Finding
from clapas.domain.access import RowFilter
from clapas.domain.dataset import DatasetRecord
from clapas.domain.errors import NotFound
from clapas.store import Store
from clapas.store.dataset_groups import Claim, Claims, Followed
from clapas.store.fleet import DeviceQuery, Group

EVERYTHING = RowFilter(everything=True)
RANKS = {"ouvert": 0, "interne": 1, "restreint": 2, "personnel": 3}
"""How closed a dataset is; one without record is restricted."""
PASSING = ("state", "gateway")
"""What a device is for a moment, by the weather of the radio: nobody's rights hang on it."""


async def follow(store: Store, *, whole: bool = False) -> Followed:
    """Bring devices and things to the datasets whose groups have them; ``whole``: though nothing changed."""

    async def claims() -> Claims:
        return await _claims(store)

    return await store.dataset_groups.follow(claims, whole=whole)


async def _claims(store: Store) -> Claims:
    records = usable(await store.charter.records(), datetime.now(UTC).date())
    return Claims(
        claims=[
            Claim(
                dataset=each.id,
                rank=RANKS[each.classification],
                keys=await _members(store, each),
            )
            for each in records
            if each.group
        ],
        ranks={"": RANKS["interne"]} | {each.id: RANKS[each.classification] for each in records},
        unknown=RANKS["restreint"],
    )


async def _members(store: Store, record: DatasetRecord) -> list[str]:
    """The devices of a record's group; a group that is no longer there lets nobody out."""
    try:
        return await store.fleet.keys(EVERYTHING, DeviceQuery(group=record.group))
    except NotFound:
        return await store.dataset_groups.held(record.id)


async def faults(store: Store, record: DatasetRecord) -> list[Finding]:
    """What is wrong with the group that a record names."""
    if not record.group:
        return []
    found = await store.fleet.groups(record.group)
    return list(_faults(found[0] if found else None))


def _faults(group: Group | None) -> Iterator[Finding]:
    if group is None:
        yield Finding(code="group_unknown", field="group")
    elif passing(group.query):
        yield Finding(code="group_passing", field="group")


def passing(query: DeviceQuery) -> list[str]:
    """The filters of a query that no right may hang on."""
    return [name for name in PASSING if getattr(query, name)]
