"""The charter over time: consents, objections, requests of persons, proofs, reorganisations, reports."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.charter import event_of
from clapas.domain.access import Resource
from clapas.domain.errors import Conflict, EngineUnavailable, InvalidInput, NotFound
from clapas.governance import Effect, Plan, Rights, dry_run
from clapas.governance.effect import all_programs
from clapas.governance.reorganise import all_accounts, apply_due
from clapas.governance.vault import Vault
from clapas.governance.yearly import YearlyReport, yearly_report
from clapas.store.governance import Consent, DeletionProof, Objection, PlanRow, PrivacyRequest
from clapas.store.identity import IdentityStore
from clapas.web.api.charter import keeper_of
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

Short = Annotated[str, QueryParameter(max_length=128)]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A person's request: 'access' or 'erasure', of which pseudonym, and where the paper is."""

    kind: str
    subject: str
    reference: str = ""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a pseudonym is."""

    identity: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A reorganisation with its dry run."""

    id: UUID
    at: date
    plan: Plan
    effect: Effect
    author: str
    approver: str
    state: str
    detail: str


def _known(request: Call, dataset: str, *, purpose: str = "") -> None:
    record = services_of(request).charter.record(dataset)
    if record is None or not dataset:
        raise NotFound(dataset=dataset[:63])
    if purpose and record.purpose(purpose) is None:
        raise InvalidInput("the record has no such purpose", field="purpose")


@get("/api/v1/consents", tags=["privacy"], opt=asks("read", "privacy"), summary="Consents")
async def consents(request: Call, subject: Short = "", dataset: Short = "") -> list[Consent]:
    """Consents of a subject or a dataset, newest first, withdrawn ones included."""
    kept = services_of(request).store.governance
    return await kept.consents(subject=subject, dataset=dataset)


@post("/api/v1/consents", tags=["privacy"], opt=asks("write", "privacy"), summary="A consent")
async def consent(request: Call, data: JSONBody[Consent]) -> None:
    """Keep the consent of a subject to one purpose, with where its evidence is."""
    _known(request, data.dataset, purpose=data.purpose)
    if not data.purpose or not data.evidence.strip():
        raise InvalidInput("one purpose, and where the evidence is", field="evidence")
    await services_of(request).store.governance.consent(data, author=request.user.id)


@post(
    "/api/v1/consents/withdraw",
    status_code=204,
    tags=["privacy"],
    opt=asks("write", "privacy"),
    summary="Withdraw a consent",
)
async def withdraw(request: Call, data: JSONBody[Consent]) -> None:
    """Obeyed by the next call (GDPR art. 7.3)."""
    kept = services_of(request).store.governance
    if not await kept.withdraw_consent(data.subject, data.dataset, purpose=data.purpose):
        raise NotFound(subject=data.subject[:128])


@get("/api/v1/objections", tags=["privacy"], opt=asks("read", "privacy"), summary="Objections")
async def objections(request: Call, subject: Short = "", dataset: Short = "") -> list[Objection]:
    """Objections of a subject or a dataset, newest first."""
    kept = services_of(request).store.governance
    return await kept.objections(subject=subject, dataset=dataset)


@post("/api/v1/objections", tags=["privacy"], opt=asks("write", "privacy"), summary="An objection")
async def object_(request: Call, data: JSONBody[Objection]) -> None:
    """Keep an objection (GDPR art. 21): the subject's series are left out from now on."""
    _known(request, data.dataset, purpose=data.purpose)
    await services_of(request).store.governance.object(data, author=request.user.id)


@post(
    "/api/v1/objections/withdraw",
    status_code=204,
    tags=["privacy"],
    opt=asks("write", "privacy"),
    summary="Withdraw an objection",
)
async def accept(request: Call, data: JSONBody[Objection]) -> None:
    """The subject objects no more."""
    kept = services_of(request).store.governance
    if not await kept.withdraw_objection(data.subject, data.dataset, purpose=data.purpose):
        raise NotFound(subject=data.subject[:128])


@get(
    "/api/v1/privacy/requests",
    tags=["privacy"],
    opt=asks("read", "privacy"),
    summary="Requests of persons",
)
async def requests(request: Call) -> list[PrivacyRequest]:
    """Requests, newest first, with the day by which each is answered."""
    return await services_of(request).store.governance.requests()


@post(
    "/api/v1/privacy/requests",
    tags=["privacy"],
    opt=asks("write", "privacy"),
    summary="A person's request",
)
async def ask(request: Call, data: JSONBody[Wanted]) -> PrivacyRequest:
    """Access or erasure: a job answers it."""
    services = services_of(request)
    rights = Rights(services.store, services.charter)
    made = await rights.ask(
        kind=data.kind,
        subject=data.subject[:128],
        proof=services.identity.subject_proof(data.subject),
        reference=data.reference,
        author=request.user.id,
    )
    return await services.store.governance.request(made)


@get(
    "/api/v1/privacy/requests/{id:uuid}/file",
    tags=["privacy"],
    opt=asks("export", "privacy"),
    summary="What is handed over",
)
async def file(request: Call, id: FromPath[UUID]) -> Response[bytes]:  # noqa: A002
    """A ZIP of JSON and CSV; it is gone after thirty days."""
    body = await services_of(request).store.governance.request_body(id)
    headers = {"Content-Disposition": f'attachment; filename="subject-{id}.zip"'}
    return Response(body, media_type="application/zip", headers=headers)


@get("/api/v1/privacy/proofs", tags=["privacy"], opt=asks("read", "privacy"), summary="Proofs")
async def proofs(request: Call, dataset: Short = "") -> list[DeletionProof]:
    """Proofs of deletion, newest first."""
    return await services_of(request).store.governance.proofs(dataset=dataset)


@get(
    "/api/v1/charter/report/{year:int}",
    tags=["privacy"],
    opt=asks("read", "charter"),
    summary="The charter's yearly report",
)
async def report(request: Call, year: FromPath[int]) -> YearlyReport:
    """Written from what the platform holds; each commitment with its evidence."""
    if not 2000 <= year <= datetime.now(UTC).year:
        raise InvalidInput("a year that began", field="year")
    services = services_of(request)
    return await yearly_report(services.store, services.charter, year=year)


def _vault(request: Call) -> Vault:
    services = services_of(request)
    if services.vault is None:
        raise EngineUnavailable(engine="vault")
    return services.vault


async def _told(request: Call, action: str, *, pseudonym: str, reason: str = "") -> None:
    trail = services_of(request).audit
    if trail is not None:
        thing = Resource(kind="vault", id=pseudonym)
        scope = {"reason": reason[:200]}
        await trail.keep(event_of(request.user, action, resource=thing, allowed=True, scope=scope))


@put(
    "/api/v1/vault/{pseudonym:str}",
    status_code=204,
    tags=["privacy"],
    opt=asks("write", "vault"),
    summary="Who a pseudonym is",
)
async def seal(request: Call, pseudonym: FromPath[str], data: JSONBody[Identity]) -> None:
    """Seal an identity."""
    await _told(request, "write", pseudonym=pseudonym)
    await _vault(request).put(pseudonym, data.identity, author=request.user.id)


@get(
    "/api/v1/vault/{pseudonym:str}",
    tags=["privacy"],
    opt=asks("read", "vault"),
    summary="Open one identity",
)
async def unseal(request: Call, pseudonym: FromPath[str], reason: FromQuery[str]) -> Identity:
    """Open one identity, with a reason; the trail keeps both before the answer is given."""
    if len(reason.strip()) < 10:
        raise InvalidInput("say why, in a sentence", field="reason")
    await _told(request, "read", pseudonym=pseudonym, reason=reason)
    return Identity(identity=await _vault(request).get(pseudonym))


async def _tried(request: Call, plan: Plan) -> Effect:
    services = services_of(request)
    accounts = await all_accounts(IdentityStore(services.store.postgres))
    programs = await all_programs(services.store)
    return await asyncio.to_thread(
        dry_run, services.charter, accounts, plan=plan, programs=programs
    )


def _planned(row: PlanRow) -> Planned:
    return Planned(
        id=row.id,
        at=row.at,
        plan=msgspec.json.decode(row.plan, type=Plan),
        effect=msgspec.json.decode(row.effect, type=Effect),
        author=row.author,
        approver=row.approver,
        state=row.state,
        detail=row.detail,
    )


@post(
    "/api/v1/reorganisations/dry-run",
    status_code=200,
    tags=["privacy"],
    opt=asks("administer", "charter"),
    summary="What a reorganisation would change",
)
async def dry(request: Call, data: JSONBody[Plan]) -> Effect:
    """Rights gained, lost and orphaned; nothing is kept."""
    return await _tried(request, data)


@get(
    "/api/v1/reorganisations",
    tags=["privacy"],
    opt=asks("read", "charter"),
    summary="Reorganisations",
)
async def reorganisations(request: Call) -> list[Planned]:
    """Plans, newest first."""
    return [
        _planned(each) for each in await services_of(request).store.governance.reorganisations()
    ]


@post(
    "/api/v1/reorganisations",
    tags=["privacy"],
    opt=asks("administer", "charter"),
    summary="Plan a reorganisation",
)
async def plan(request: Call, data: JSONBody[Plan]) -> dict[str, UUID]:
    """Keep a plan with its dry run; another person agrees, and it is applied on its day."""
    effect = await _tried(request, data)
    made = await services_of(request).store.governance.add_reorganisation(
        at=data.at,
        plan=msgspec.json.encode(data).decode(),
        effect=msgspec.json.encode(effect).decode(),
        author=request.user.id,
    )
    return {"id": made}


@post(
    "/api/v1/reorganisations/{id:uuid}/approve",
    status_code=204,
    tags=["privacy"],
    opt=asks("administer", "charter"),
    summary="Agree to a reorganisation",
)
async def approve(request: Call, id: FromPath[UUID]) -> None:  # noqa: A002
    """Another person than its author; one whose day has come is applied at once."""
    services = services_of(request)
    if not await services.store.governance.approve_reorganisation(id, approver=request.user.id):
        raise Conflict("another person agrees, to a plan that waits", reorganisation=str(id))
    await apply_due(services.store, services.charter, today=datetime.now(UTC).date())
    await keeper_of(request).load()
    services.identity.sessions.forget()


@delete(
    "/api/v1/reorganisations/{id:uuid}",
    status_code=204,
    tags=["privacy"],
    opt=asks("administer", "charter"),
    summary="Give a reorganisation up",
)
async def cancel(request: Call, id: FromPath[UUID]) -> None:  # noqa: A002
    """It is not applied."""
    kept = services_of(request).store.governance
    if not await kept.end_reorganisation(id, state="cancelled"):
        raise NotFound(reorganisation=str(id))


HANDLERS = (
    consents,
    consent,
    withdraw,
    objections,
    object_,
    accept,
    requests,
    ask,
    file,
    proofs,
    report,
    seal,
    unseal,
    dry,
    reorganisations,
    plan,
    approve,
    cancel,
)
