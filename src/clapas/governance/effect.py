"""The dry run of a reorganisation: who and what moves, rights gained and lost, what nobody answers for.

People, the applications of partners and services, and the keys that work now are all compared.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from clapas.charter import Charter
from clapas.charter.simulate import Change, differences
from clapas.domain.access import Principal
from clapas.domain.dataset import DatasetRecord
from clapas.governance.reorganise import (
    Plan,
    check,
    ended,
    organisation_after,
    record_after,
    service_after,
)
from clapas.identity import ServiceKeys, principal_of
from clapas.store import Store
from clapas.store.api_gateway import ApplicationRow
from clapas.store.identity import AccountRow, IdentityStore, KeyRow

MOST = 10_000
"""Applications, and keys, that are compared."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset or account that changes service, a membership or an application that changes organisation.

    A key moves with its application or its owner; without either it is an orphan.
    """

    kind: Literal["dataset", "account", "member", "application", "key"]
    id: str
    before: str
    after: str
    name: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan would do: who and what moves, rights gained and lost, what nobody answers for."""

    moved: list[Moved]
    gained: list[Change]
    lost: list[Change]
    orphans: list[Moved]


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """The applications, and the keys that work now with the rights that they have."""

    applications: Sequence[ApplicationRow] = ()
    keys: Sequence[KeyRow] = ()


NO_PROGRAMS = Programs()


def dry_run(
    charter: Charter,
    accounts: Sequence[AccountRow],
    *,
    plan: Plan,
    programs: Programs = NO_PROGRAMS,
) -> Effect:
    """What a plan would change; nothing is changed. Raises InvalidInput."""
    check(plan)
    records = [record_after(plan, each) for each in charter.records]
    after = Charter(charter.policies, classifications={}, records=records)
    moved = [
        Moved(kind="dataset", id=old.id, before=old.owner, after=new.owner)
        for old, new in zip(charter.records, records, strict=True)
        if old.owner != new.owner
    ]
    services = {
        each.login: service_after(plan, each.service, login=each.login) for each in accounts
    }
    moved += [
        Moved(kind="account", id=each.login, before=each.service, after=services[each.login])
        for each in accounts
        if each.service != services[each.login]
    ]
    moved += [
        Moved(kind="member", id=each.login, before=each.organisation, after=into)
        for each in accounts
        if (into := organisation_after(plan, each)) != each.organisation
    ]
    moved += _programs(plan, programs.applications)
    changes = [
        *_changes(charter, after, accounts=accounts, services=services),
        *differences(charter, after, people=map(ServiceKeys.principal, programs.keys)),
    ]
    return Effect(
        moved=moved,
        gained=[each for each in changes if each.gained],
        lost=[each for each in changes if not each.gained],
        orphans=[
            *_orphans(plan, records, accounts=accounts, services=services),
            *_orphaned_programs(plan, programs, accounts=accounts, services=services),
        ],
    )


def _changes(
    before: Charter, after: Charter, *, accounts: Sequence[AccountRow], services: Mapping[str, str]
) -> Sequence[Change]:
    """Rights of people with the same attributes are compared once."""
    people: dict[Principal, Principal] = {}
    becomes: dict[str, Principal] = {}
    for each in accounts:
        now = principal_of(each, mfa=True)
        then = msgspec.structs.replace(now, service=services[each.login])
        alike = msgspec.structs.replace(now, id=then.service, name="")
        if alike not in people:
            people[alike] = now
            becomes[now.id] = then
    return differences(before, after, people=people.values(), becomes=becomes)


def _orphans(
    plan: Plan,
    records: Sequence[DatasetRecord],
    *,
    accounts: Sequence[AccountRow],
    services: Mapping[str, str],
) -> list[Moved]:
    gone = ended(plan)
    staffed = {services[each.login] for each in accounts if each.enabled}
    found = [
        Moved(kind="dataset", id=each.id, before=each.owner, after="")
        for each in records
        if each.owner and (each.owner in gone or each.owner not in staffed)
    ]
    found += [
        Moved(kind="account", id=each.login, before=each.service, after="")
        for each in accounts
        if services[each.login] in gone
    ]
    return found


def _programs(plan: Plan, applications: Sequence[ApplicationRow]) -> list[Moved]:
    return [
        Moved(
            kind="application",
            id=str(each.id),
            name=each.name,
            before=each.organisation,
            after=into,
        )
        for each in applications
        if (into := service_after(plan, each.organisation)) != each.organisation
    ]


def _orphaned_programs(
    plan: Plan,
    programs: Programs,
    *,
    accounts: Sequence[AccountRow],
    services: Mapping[str, str],
) -> list[Moved]:
    """Applications of what ends without an heir; keys of these, and of persons who are orphans."""
    gone = ended(plan)
    found = [
        Moved(
            kind="application", id=str(each.id), name=each.name, before=each.organisation, after=""
        )
        for each in programs.applications
        if service_after(plan, each.organisation) in gone
    ]
    applications = {each.id for each in found}
    owners = {each.id: each for each in accounts if services[each.login] in gone}
    for key in programs.keys:
        owner = owners.get(key.owner)
        if str(key.application) in applications or owner is not None:
            before = owner.login if owner else str(key.application)
            found.append(Moved(kind="key", id=key.id, name=key.name, before=before, after=""))
    return found


async def all_programs(store: Store) -> Programs:
    """The applications, and the keys that work now."""
    now = datetime.now(UTC)
    return Programs(
        applications=await store.api_gateway.applications(limit=MOST),
        keys=await IdentityStore(store.postgres).live_keys(now, limit=MOST),
    )
