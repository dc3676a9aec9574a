"""Rights of persons: access and erasure (GDPR art. 15 and 17), asked for and answered as jobs.

A person is known here by a pseudonym alone: the device's key, or the entity's id. Whoever receives the
request knows who it is; the platform does not.
"""

import csv
import io
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.charter import Charter
from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import Window, instant
from clapas.store import Store
from clapas.store.governance import OF_SERIES, DeletionProof, SubjectSeries

EVERYTHING = RowFilter(everything=True)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
MOST_POINTS = 1_000_000
KINDS = frozenset({"access", "erasure"})


class Rights:
    """Answers requests over the store."""

    def __init__(self, store: Store, charter: Charter) -> None:
        self._store = store
        self._charter = charter

    async def ask(
        self, *, kind: str, subject: str, proof: bytes, reference: str, author: str
    ) -> UUID:
        """Keep a request and the job that answers it. Raises InvalidInput, NotFound."""
        if kind not in KINDS:
            raise InvalidInput("access or erasure", field="kind", accepted=sorted(KINDS))
        governance = self._store.governance
        if not await governance.subject_entities(subject) and not await governance.subject_devices(
            subject
        ):
            raise NotFound(subject=subject[:128])
        made = await governance.add_request(
            kind=kind, subject=subject, proof=proof, reference=reference[:200], author=author
        )
        args = {"request": str(made), "proof": proof.hex()}
        job = await self._store.jobs.add(f"governance.{kind}", args, actor=author)
        await governance.request_job(made, job.id)
        return made

    async def hand_over(self, subject: str) -> bytes:
        """Everything that is kept about a subject, as a ZIP of JSON and CSV."""
        governance = self._store.governance
        entities = await governance.subject_entities(subject)
        series = await governance.subject_series(entities)
        datasets = sorted({each.dataset for each in series if each.dataset})
        told = {
            "subject": subject,
            "made": datetime.now(UTC),
            "devices": await governance.device_rows(await governance.subject_devices(subject)),
            "entities": entities,
            "series": series,
            "consents": await governance.consents(subject=subject),
            "objections": await governance.objections(subject=subject),
            "purposes": [
                {"dataset": record.id, "controller": record.controller, "purposes": record.purposes}
                for record in self._charter.records
                if record.id in datasets
            ],
            "who_read": [
                {"seq": seq, "event": msgspec.json.decode(event)}
                for seq, event in await governance.who_read(subject, datasets)
            ],
        }
        values = await self._values(series)
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("subject.json", msgspec.json.format(msgspec.json.encode(told)))
            archive.writestr("values.csv", values)
        return body.getvalue()

    async def _values(self, series: list[SubjectSeries]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(("entity", "attribute", "measured", "value", "quality"))
        for each in series:
            for history in await self._store.history.read(
                EVERYTHING,
                [each.id],
                window=Window(start=BEGINNING, end=datetime.now(UTC)),
                step="raw",
                aggregate="mean",
                max_points=MOST_POINTS,
            ):
                writer.writerows(
                    (each.entity, each.attribute, instant(when).isoformat(), value, quality)
                    for when, value, quality in zip(
                        history.times, history.values, history.qualities, strict=True
                    )
                )
        return text.getvalue()

    async def erase(self, subject: str, *, proof: str) -> dict[str, Any]:
        """Delete everything about a subject in both engines; rows deleted by table. Safe to repeat."""
        governance = self._store.governance
        entities = await governance.subject_entities(subject)
        devices = await governance.subject_devices(subject)
        series = await governance.subject_series(entities)
        numbers = [each.id for each in series]
        datasets = sorted({each.dataset for each in series})
        said = DeletionProof(
            why="erasure",
            dataset=",".join(datasets),
            subject=proof,
            kept="",
            rows=0,
            digest="",
        )
        deleted = {
            "raw": await governance.delete_raw(devices, before=None, proof=said, traces=False)
        }
        for kept in OF_SERIES:
            deleted[kept] = (
                await governance.delete_values(kept, before=None, proof=said, series=numbers)
                if numbers
                else 0
            )
        await governance.forget_present(series=numbers, devices=devices, entities=entities)
        await governance.forget_rights(subject)
        return deleted
