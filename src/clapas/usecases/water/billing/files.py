"""A file of an abnormal volume as the customer service follows it: what to do, until when, what is owed.

CGCT L.2224-12-4 III bis: the subscriber is informed without delay, with a proof of the date; within a month
of it the certificate of the repair is given, and the volume is capped.
"""

from datetime import date
from typing import Literal

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.store.water_files import FileRow, NewFile
from clapas.usecases.water.billing.dossier import Dossier
from clapas.usecases.water.billing.periods import Period
from clapas.usecases.water.billing.review import Context, Review
from clapas.usecases.water.billing.warsmann import Case, Reference, Source, owed
from clapas.usecases.water.watch.vault import Person

State = Literal["to_inform", "waiting", "expired", "accepted", "late_certificate"]
LONGEST_PROOF = 300


class FileOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file: volumes in m³; ``days_left`` before the month ends, negative once it has."""

    id: int
    entity: str
    name: str
    commune: str
    starts: date
    ends: date
    volume: float
    reference: float
    source: str
    context: str
    state: State
    informed: date | None
    proof: str
    certificate: date | None
    due: date | None
    days_left: int | None
    water_m3: float
    sanitation_m3: float


class FileQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The files, and how many wait for the information, which the law wants without delay."""

    items: list[FileOut]
    to_inform: int
    waiting: int
    due_soon: int


class Readings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of indexes read for bills (CSV text), and comparable dwellings in m³ a day."""

    table: str
    comparable: float | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subscriber was informed on a day, with a proof of it; or gave the certificate on a day."""

    informed: date | None = None
    proof: str = ""
    certificate: date | None = None


SOON_DAYS = 7


def case_of(row: FileRow) -> Case:
    """The life of the file."""
    return Case(read=row.ends, informed=row.informed, proof=row.proof, certificate=row.certificate)


def file_out(row: FileRow, today: date) -> FileOut:
    """The file on that day."""
    case = case_of(row)
    due = owed(row.volume, row.reference, case=case, today=today)
    return FileOut(
        id=row.id,
        entity=row.entity,
        name=row.name or row.entity.rpartition(":")[2],
        commune=row.commune,
        starts=row.starts,
        ends=row.ends,
        volume=row.volume,
        reference=row.reference,
        source=row.source,
        context=row.context,
        state=case.state(today),
        informed=row.informed,
        proof=row.proof,
        certificate=row.certificate,
        due=case.due,
        days_left=(case.due - today).days if case.due else None,
        water_m3=round(due.water, 1),
        sanitation_m3=round(due.sanitation, 1),
    )


def queue_of(rows: list[FileRow], today: date) -> FileQueue:
    """The queue: to inform first, then the nearest end of the month."""
    items = [file_out(row, today) for row in rows]
    waiting = [each for each in items if each.state == "waiting"]
    return FileQueue(
        items=items,
        to_inform=sum(each.state == "to_inform" for each in items),
        waiting=len(waiting),
        due_soon=sum((each.days_left or 0) <= SOON_DAYS for each in waiting),
    )


def checked(note: Note, row: FileRow, *, today: date) -> Note:
    """The note when it can be true. Raises InvalidInput that names the field."""
    informed = note.informed or row.informed
    if note.informed is not None and not (note.proof.strip() or row.proof):
        raise InvalidInput("an information needs the proof of its date", field="proof")
    if len(note.proof) > LONGEST_PROOF:
        raise InvalidInput(f"at most {LONGEST_PROOF} characters", field="proof")
    if note.informed is not None and not row.ends <= note.informed <= today:
        raise InvalidInput("between the reading and today", field="informed")
    if note.certificate is not None and (
        informed is None or not informed <= note.certificate <= today
    ):
        raise InvalidInput("between the information and today", field="certificate")
    return note


def new_file(found: Review) -> NewFile:
    """An abnormal review as a file to open."""
    return NewFile(
        meter=found.period.meter,
        starts=found.period.start,
        ends=found.period.end,
        volume=round(found.period.volume, 3),
        reference=round(found.reference.volume or 0.0, 3),
        source=found.reference.source,
        years={year: round(volume, 3) for year, volume in found.reference.years.items()},
        context=found.context,
    )


def dossier_of(row: FileRow, service: str, *, who: Person | None = None) -> Dossier:
    """The file as the printed page needs it; ``who`` is named on it when it is printed for them."""
    source: Source = msgspec.convert(row.source, Source)
    context: Context = msgspec.convert(row.context, Context)
    period = Period(
        meter=row.entity.rpartition(":")[2], start=row.starts, end=row.ends, volume=row.volume
    )
    years = {int(year): volume for year, volume in row.years.items()}
    known = Reference(volume=row.reference, years=years, source=source)
    found = Review(
        period=period,
        reference=known,
        naive_mean=None,
        naive=False,
        verdict="abnormal",
        context=context,
    )
    return Dossier(
        review=found,
        service=service,
        informed=row.informed,
        proof=row.proof,
        subscriber=who.name if who else "",
        address=who.address if who else "",
        contract=who.contract if who else "",
    )
