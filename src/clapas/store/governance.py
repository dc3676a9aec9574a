"""Consents, objections, requests of persons, deletion with its proof, reorganisations, sealed identities."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.domain.errors import NotFound
from clapas.domain.window import Window, milliseconds
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres, Row
from clapas.store.sql import queries

SQL = queries("governance")
COUNTED_AND_DELETED = {
    "raw": ("count_raw", "delete_raw"),
    "observation": ("count_observation", "delete_observation"),
    "observation_text": ("count_observation_text", "delete_observation_text"),
    "rollup_hour": ("count_rollup_hour", "delete_rollup_hour"),
    "rollup_day": ("count_rollup_day", "delete_rollup_day"),
}
"""Table → the queries that count and delete what is past its time."""
A_CHUNK = 2000
END_MS = 10_413_792_000_000
OF_SERIES = ("observation", "observation_text", "rollup_hour", "rollup_day")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A subject (a pseudonym) agrees to one purpose of one dataset."""

    subject: str
    dataset: str
    purpose: str
    evidence: str = ""
    given: datetime | None = None
    withdrawn: datetime | None = None


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """A subject objects to one purpose of a dataset; '' = to all that rest on no duty."""

    subject: str
    dataset: str
    purpose: str = ""
    reason: str = ""
    since: datetime | None = None
    withdrawn: datetime | None = None


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A person's request: to be answered by ``due`` (GDPR art. 12.3)."""

    id: UUID
    kind: str
    subject: str
    reference: str
    author: str
    asked: datetime
    due: date
    job: int | None = None
    done: datetime | None = None


class DeletionProof(msgspec.Struct, frozen=True, kw_only=True):
    """So many rows were deleted; ``digest`` is that of the rows, ``subject`` the HMAC of whom."""

    id: int = 0
    done: datetime | None = None
    why: str
    dataset: str = ""
    subject: str = ""
    kept: str
    before: datetime | None = None
    rows: int
    digest: str


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What stays of a raw message that was deleted: proofs and radio data, no value."""

    sha256: str
    size: int
    source: str
    device: str
    model: str
    radio: str
    frequency_hz: int | None
    data_rate: str
    f_port: int | None
    f_cnt: int | None
    codec: int
    received: int
    deleted: int


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reorganisation: the plan and its dry run as JSON."""

    id: UUID
    at: date
    plan: str
    effect: str
    author: str
    approver: str
    created: datetime
    state: str
    detail: str


class SubjectSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A series of a subject."""

    id: int
    entity: str
    attribute: str
    quantity: str
    dataset: str


class Governance:
    """The tables of governance, and deletion in both engines."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def _rows(self, query: str, **values: Any) -> list[Row]:
        return await self._postgres.rows(SQL[query], **values)

    async def _run(self, query: str, **values: Any) -> int:
        return await self._postgres.run(SQL[query], **values)

    async def consent(self, given: Consent, *, author: str) -> None:
        """Keep a consent."""
        await self._run("consent", author=author, **_said(given, "given", "withdrawn"))

    async def withdraw_consent(self, subject: str, dataset: str, *, purpose: str) -> bool:
        """Obeyed by the next call; False when there was none."""
        where = {"subject": subject, "dataset": dataset, "purpose": purpose}
        return await self._run("withdraw_consent", **where) > 0

    async def object(self, objection: Objection, *, author: str) -> None:
        """Keep an objection."""
        await self._run("object", author=author, **_said(objection, "since", "withdrawn"))

    async def withdraw_objection(self, subject: str, dataset: str, *, purpose: str) -> bool:
        """False when there was none."""
        where = {"subject": subject, "dataset": dataset, "purpose": purpose}
        return await self._run("withdraw_objection", **where) > 0

    async def consents(
        self, *, subject: str = "", dataset: str = "", limit: int = 1000
    ) -> list[Consent]:
        """Consents, newest first."""
        rows = await self._rows("consents", subject=subject, dataset=dataset, limit=limit)
        return [_struct(Consent, row) for row in rows]

    async def objections(
        self, *, subject: str = "", dataset: str = "", limit: int = 1000
    ) -> list[Objection]:
        """Objections, newest first."""
        rows = await self._rows("objections", subject=subject, dataset=dataset, limit=limit)
        return [_struct(Objection, row) for row in rows]

    async def consenting(
        self, dataset: str, purpose: str, *, entities: Collection[str]
    ) -> frozenset[str]:
        """Those of the entities whose subjects consented to a purpose."""
        where = {"dataset": dataset, "purpose": purpose, "entities": list(entities)}
        return frozenset(row[0] for row in await self._rows("consenting", **where))

    async def objecting(
        self, dataset: str, purpose: str, *, entities: Collection[str]
    ) -> frozenset[str]:
        """Those of the entities whose subjects object to a purpose."""
        where = {"dataset": dataset, "purpose": purpose, "entities": list(entities)}
        return frozenset(row[0] for row in await self._rows("objecting", **where))

    async def objecting_series(self, dataset: str, purpose: str) -> list[int]:
        """The series of subjects who object to a purpose of a dataset."""
        rows = await self._rows("objecting_series", dataset=dataset, purpose=purpose)
        return [row[0] for row in rows]

    async def objectors(self, purpose: str) -> frozenset[str]:
        """The entities of every subject who objects to a purpose, or to all, of the dataset that it is in."""
        return frozenset(row[0] for row in await self._rows("objectors", purpose=purpose))

    async def without_consent(self, datasets: Collection[str], *, purpose: str) -> dict[int, str]:
        """The series of subjects of these datasets who did not consent to a purpose, each with its entity."""
        values = {"datasets": list(datasets), "purpose": purpose}
        return dict(await self._rows("without_consent", **values)) if datasets else {}

    async def add_request(
        self, *, kind: str, subject: str, proof: bytes, reference: str, author: str
    ) -> UUID:
        """Keep a person's request."""
        rows = await self._rows(
            "add_request",
            kind=kind,
            subject=subject,
            proof=proof,
            reference=reference,
            author=author,
        )
        identifier: UUID = rows[0][0]
        return identifier

    async def request_job(self, id: UUID, job: int) -> None:  # noqa: A002
        """The job that answers it."""
        await self._run("request_job", id=id, job=job)

    async def requests(self, *, limit: int = 200) -> list[PrivacyRequest]:
        """Requests, newest first."""
        return [_struct(PrivacyRequest, row) for row in await self._rows("requests", limit=limit)]

    async def request(self, id: UUID) -> PrivacyRequest:  # noqa: A002
        """One request. Raises NotFound."""
        rows = await self._rows("request", id=id)
        if not rows:
            raise NotFound(request=str(id))
        found: PrivacyRequest = _struct(PrivacyRequest, rows[0])
        return found

    async def answer_request(self, id: UUID, body: bytes | None) -> None:  # noqa: A002
        """It is answered; ``body`` is the file that is handed over."""
        await self._run("answer_request", id=id, body=body)

    async def request_body(self, id: UUID) -> bytes:  # noqa: A002
        """The file that is handed over. Raises NotFound: not ready, or gone after thirty days."""
        rows = await self._rows("request_body", id=id)
        if not rows:
            raise NotFound(request=str(id))
        return bytes(rows[0][0])

    async def forget_bodies(self) -> None:
        """Files that were handed over a month ago go."""
        await self._run("forget_bodies")

    async def proofs(self, *, dataset: str = "", limit: int = 200) -> list[DeletionProof]:
        """Proofs of deletion, newest first."""
        rows = await self._rows("proofs", dataset=dataset, limit=limit)
        return [_struct(DeletionProof, row) for row in rows]

    async def devices_of(self, dataset: str) -> list[str]:
        """The devices of a dataset."""
        return [row[0] for row in await self._rows("devices_of", dataset=dataset)]

    async def subject_entities(self, subject: str) -> list[str]:
        """The entities of a subject."""
        return [row[0] for row in await self._rows("subject_entities", subject=subject)]

    async def subject_devices(self, subject: str) -> list[str]:
        """The devices of a subject."""
        return [row[0] for row in await self._rows("subject_devices", subject=subject)]

    async def subject_series(self, entities: Sequence[str]) -> list[SubjectSeries]:
        """The series of entities."""
        rows = await self._rows("subject_series", entities=list(entities))
        return [_struct(SubjectSeries, row) for row in rows]

    async def device_rows(self, devices: Sequence[str]) -> list[dict[str, Any]]:
        """What is known of devices."""
        names = [
            "key",
            "name",
            "model",
            "source",
            "lifecycle",
            "commune",
            "longitude",
            "latitude",
            "dataset",
            "created",
        ]
        rows = await self._rows("device_rows", devices=list(devices))
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def forget_present(
        self, *, series: Sequence[int], devices: Sequence[str], entities: Sequence[str]
    ) -> None:
        """Present values, waiting values, refused messages, names and places go."""
        await self._run("forget_state", series=list(series))
        await self._run("forget_tail", series=list(series))
        await self._run("forget_rejects", devices=list(devices))
        await self._run("forget_devices", devices=list(devices))
        await self._run("forget_entities", entities=list(entities))

    async def forget_rights(self, subject: str) -> None:
        """Consents, objections and the sealed identity of a subject go."""
        await self._run("forget_rights", subject=subject)

    async def delete_raw(
        self, devices: Sequence[str], *, before: datetime | None, proof: DeletionProof, traces: bool
    ) -> int:
        """Delete raw messages of devices, with a proof; ``traces``: keep hash, radio data and codec."""
        total = 0
        for start in range(0, len(devices), A_CHUNK):
            values = {
                "devices": list(devices[start : start + A_CHUNK]),
                "before": milliseconds(before) if before else END_MS,
            }
            if not traces:
                await self._clickhouse.run(SQL["delete_digests"], {"devices": values["devices"]})
            total += await self._delete(
                "raw", values, proof=proof, digest="digest_raw" if traces else ""
            )
        return total

    async def delete_values(
        self,
        kept: str,
        *,
        before: datetime | None,
        proof: DeletionProof,
        series: Sequence[int] = (),
    ) -> int:
        """Delete the rows of one table of a dataset (or of series), with a proof."""
        values = {
            "dataset": "" if series else proof.dataset,
            "series": list(series),
            "before": milliseconds(before) if before else END_MS,
        }
        if before and series:
            await self._run("forget_marks_of", before=values["before"], series=list(series))
        elif before:
            await self._run("forget_marks", before=values["before"], dataset=proof.dataset)
        return await self._delete(kept, values, proof=proof)

    async def _delete(
        self, kept: str, values: dict[str, Any], *, proof: DeletionProof, digest: str = ""
    ) -> int:
        table = await self._clickhouse.read_own(SQL[COUNTED_AND_DELETED[kept][0]], values)
        found = table.to_pylist()[0]
        if not found["rows"]:
            return 0
        if digest:
            await self._clickhouse.run(SQL[digest], values)
        await self._run(
            "prove",
            why=proof.why,
            dataset=proof.dataset,
            subject=bytes.fromhex(proof.subject),
            kept=kept,
            before=proof.before,
            rows=found["rows"],
            digest=found["digest"],
        )
        await self._clickhouse.run(SQL[COUNTED_AND_DELETED[kept][1]], values)
        return int(found["rows"])

    async def remains(self, log: int, sequence: int) -> Remains | None:
        """What stays of a raw message that was deleted."""
        values = {"log": log, "sequence": sequence}
        table = await self._clickhouse.read_own(SQL["digest_of"], values)
        return Remains(**table.to_pylist()[0]) if table.num_rows else None

    async def expired_in(self, window: Window, *, model: str = "", device: str = "") -> int | None:
        """When the last deleted raw message of a window was received (ms), None when none was deleted."""
        values = {
            "start": milliseconds(window.start),
            "end": milliseconds(window.end),
            "model": model,
            "device": device,
        }
        found = (await self._clickhouse.read_own(SQL["expired_in"], values)).to_pylist()[0]
        return int(found["last"]) if found["messages"] else None

    async def put_person(self, pseudonym: str, sealed: bytes, *, author: str) -> None:
        """Who a pseudonym is, sealed."""
        await self._run("put_person", pseudonym=pseudonym, sealed=sealed, author=author)

    async def person(self, pseudonym: str) -> bytes | None:
        """Who a pseudonym is, sealed."""
        rows = await self._rows("person", pseudonym=pseudonym)
        return bytes(rows[0][0]) if rows else None

    async def who_read(self, subject: str, datasets: Sequence[str]) -> list[tuple[int, str]]:
        """Audited events about a subject or its datasets: (number, event as JSON)."""
        like = "%" + subject.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = await self._rows("who_read", like=like, datasets=list(datasets))
        return [(row[0], row[3]) for row in rows]

    async def audit_year(self, start: datetime, end: datetime) -> list[Row]:
        """(dataset, action, kind of caller, allowed, events) of a year."""
        return await self._rows("audit_year", start=start, end=end)

    async def add_reorganisation(self, *, at: date, plan: str, effect: str, author: str) -> UUID:
        """Keep a plan with its dry run."""
        rows = await self._rows(
            "add_reorganisation", at=at, plan=plan, effect=effect, author=author
        )
        identifier: UUID = rows[0][0]
        return identifier

    async def reorganisations(self) -> list[PlanRow]:
        """Plans, newest first."""
        return [_struct(PlanRow, row) for row in await self._rows("reorganisations")]

    async def approve_reorganisation(self, id: UUID, *, approver: str) -> bool:  # noqa: A002
        """Somebody else agrees; False when it is their own, or not planned."""
        return bool(await self._rows("approve_reorganisation", id=id, approver=approver))

    async def end_reorganisation(self, id: UUID, *, state: str, detail: str = "") -> bool:  # noqa: A002
        """It was applied, failed, or is given up."""
        return bool(await self._rows("end_reorganisation", id=id, state=state, detail=detail))

    async def move_account(self, id: UUID, *, service: str, organisation: str) -> None:  # noqa: A002
        """An account belongs to another service or organisation."""
        await self._run("move_account", id=id, service=service, organisation=organisation)

    async def move_applications(self, organisation: str, *, into: str) -> None:
        """The applications of an organisation belong to another one."""
        await self._run("move_applications", organisation=organisation, into=into)

    async def succeed_organisation(self, organisation: str, *, into: str) -> None:
        """The organisation that takes over from a known one becomes known too."""
        await self._run("succeed_organisation", organisation=organisation, into=into)

    async def end_organisation(self, organisation: str, *, at: date) -> None:
        """An organisation without accounts and applications ends on a day."""
        await self._run("end_organisation", organisation=organisation, at=at)


def _struct(kind: Any, row: Row) -> Any:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))


def _said(value: msgspec.Struct, *but: str) -> dict[str, Any]:
    return {name: each for name, each in msgspec.structs.asdict(value).items() if name not in but}
