"""Reorganisations: services merged, split or renamed on a date, with a dry run before anybody agrees.

A move says which service becomes which, for which datasets and accounts (none named: all that no other
move names). What no move takes along stays where it was and is told as an orphan.
"""

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from clapas.charter import Charter
from clapas.domain.dataset import DatasetRecord
from clapas.domain.errors import ClapasError, InvalidInput
from clapas.store import Store
from clapas.store.identity import AccountRow, IdentityStore

A_PAGE = 1000


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """``service`` becomes ``into``, for these datasets (ids) and accounts (logins); none = the rest."""

    service: str
    into: str
    datasets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What happens on which day, by which deliberation."""

    kind: Literal["merge", "split", "rename"]
    at: date
    moves: tuple[Move, ...]
    deliberation: str = ""


def check(plan: Plan) -> None:
    """Raises InvalidInput: a plan that does not say what it is."""
    sources, targets = {each.service for each in plan.moves}, {each.into for each in plan.moves}
    right = {
        "rename": len(plan.moves) == 1,
        "merge": len(sources) > 1 and len(targets) == 1,
        "split": len(sources) == 1 and len(targets) > 1,
    }[plan.kind]
    if not right or not all(each.service and each.into for each in plan.moves):
        raise InvalidInput("the moves are not of this kind", field="moves", kind=plan.kind)


def service_after(plan: Plan, service: str, *, dataset: str = "", login: str = "") -> str:
    """Which service takes over a dataset or an account; itself when no move speaks of it."""
    own = [each for each in plan.moves if each.service == service]
    for each in own:
        if (dataset and dataset in each.datasets) or (login and login in each.accounts):
            return each.into
    named = "datasets" if dataset else "accounts"
    return next((each.into for each in own if not getattr(each, named)), service)


def organisation_after(plan: Plan, account: AccountRow) -> str:
    """The organisation that an account belongs to then: a service and an organisation may share an id."""
    return service_after(plan, account.organisation, login=account.login)


def record_after(plan: Plan, record: DatasetRecord) -> DatasetRecord:
    """A record as it is on that day: its owner, its recipients, its purposes' audiences."""

    def heirs(services: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        for each in services:
            into = {move.into for move in plan.moves if move.service == each}
            found |= into or {each}
        return frozenset(found)

    return msgspec.structs.replace(
        record,
        owner=service_after(plan, record.owner, dataset=record.id),
        recipients=heirs(record.recipients),
        purposes=tuple(
            msgspec.structs.replace(each, audiences=heirs(each.audiences))
            for each in record.purposes
        ),
    )


def ended(plan: Plan) -> set[str]:
    """The services that are no more after a plan."""
    return {each.service for each in plan.moves} - {each.into for each in plan.moves}


async def all_accounts(identity: IdentityStore) -> list[AccountRow]:
    """Every account, by login."""
    found: list[AccountRow] = []
    while True:
        after = found[-1].login.lower() if found else ""
        page = await identity.accounts(after=after, limit=A_PAGE)
        found += page
        if len(page) < A_PAGE:
            return found


async def apply_due(store: Store, charter: Charter, *, today: date) -> list[str]:
    """Apply the agreed plans whose day has come; gives their ids."""
    done = []
    for row in await store.governance.reorganisations():
        if row.state == "approved" and row.at <= today:
            plan = msgspec.json.decode(row.plan, type=Plan)
            try:
                await _apply(store, charter, plan=plan, by=row.author)
            except ClapasError as error:
                await _end(store, row.id, state="failed", detail=str(error))
                continue
            await _end(store, row.id, state="applied", detail="")
            done.append(str(row.id))
    return done


async def _end(store: Store, id: UUID, *, state: str, detail: str) -> None:  # noqa: A002
    await store.governance.end_reorganisation(id, state=state, detail=detail[:500])


async def _apply(store: Store, charter: Charter, *, plan: Plan, by: str) -> None:
    """Accounts first: somebody without a dataset sees less, a dataset without its people sees nothing."""
    for move in plan.moves:
        await store.governance.succeed_organisation(move.service, into=move.into)
    for account in await all_accounts(IdentityStore(store.postgres)):
        service = service_after(plan, account.service, login=account.login)
        into = organisation_after(plan, account)
        if (service, into) != (account.service, account.organisation):
            await store.governance.move_account(account.id, service=service, organisation=into)
    for organisation in {each.service for each in plan.moves}:
        heir = service_after(plan, organisation)
        if heir != organisation:
            await store.governance.move_applications(organisation, into=heir)
    for gone in ended(plan):
        await store.governance.end_organisation(gone, at=plan.at)
    for record in charter.records:
        changed = record_after(plan, record)
        if record.id and changed != record:
            version = msgspec.structs.replace(changed, version=record.version + 1)
            await store.charter.add_record(version, author=by)
