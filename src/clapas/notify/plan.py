"""Who is told what, when: escalation chains, on-call calendars, quiet hours, quotas, digests.

Pure: from what is known now to notices with their due times. Every step of a chain is planned when the
alarm is raised; a later step is cancelled when somebody took the alarm meanwhile (the outbox does it).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.window import instant, milliseconds
from clapas.notify.text import Words, written
from clapas.store.notify import Notice

GROUPED = 5
"""More alarms of one rule than that in one batch are told in one message."""
INBOX = "inbox"
HOUR_MS = 3_600_000


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """Civil hours in which a person is not disturbed, except by what is critical."""

    start: str = "22:00"
    end: str = "07:00"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """How a person is told: channel → address ('mail' → an address, 'webhook' → a URL…).

    ``quota`` is the most messages an hour outside the page, what is above comes together at the next full hour;
    ``digest`` a civil time 'HH:MM' at which everything but what is critical comes as one message.
    """

    person: str = ""
    language: str = "fr"
    channels: dict[str, str] = {}
    quiet: Quiet | None = None
    quota: int = 20
    digest: str = ""
    zone: str = "Europe/Paris"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a chain: after that long, these persons (account or 'calendar:<id>'), on these channels.

    No channels: all that the person has. The page's inbox is always one of them.
    """

    after_s: int = 0
    to: tuple[str, ...]
    channels: tuple[str, ...] = ()


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """An escalation chain: it goes on until somebody acknowledges, or it clears."""

    id: str
    title: str = ""
    stages: tuple[Stage, ...]
    cleared: bool = True
    """Tell also that it is over."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn on call: one person from a moment to another (ms)."""

    person: str
    start: int
    end: int


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call; ``otherwise`` when no turn covers the moment."""

    id: str
    title: str = ""
    turns: tuple[Turn, ...] = ()
    otherwise: str = ""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an alarm; ``kind`` is 'raised' or 'cleared'."""

    rule: str
    entity: str
    kind: str
    severity: str
    title: str
    chain: str
    measured: int
    commune: str = ""
    name: str = ""
    value: float | None = None
    because: dict[str, Any] = {}
    message: dict[str, str] = {}
    link: str = ""


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts, chains, calendars, and how many messages each person had in the last hour."""

    contacts: dict[str, Contact] = {}
    chains: dict[str, Chain] = {}
    calendars: dict[str, Calendar] = {}
    recent: dict[str, int] = {}

    @classmethod
    def read(
        cls,
        contacts: Mapping[str, Mapping[str, Any]],
        chains: Mapping[str, Mapping[str, Any]],
        *,
        calendars: Mapping[str, Mapping[str, Any]],
        recent: Mapping[str, int],
    ) -> "Directory":
        """From what the store keeps."""
        return cls(
            contacts={
                who: msgspec.convert({**body, "person": who}, Contact)
                for who, body in contacts.items()
            },
            chains={
                name: msgspec.convert({**body, "id": name}, Chain) for name, body in chains.items()
            },
            calendars={
                name: msgspec.convert({**body, "id": name}, Calendar)
                for name, body in calendars.items()
            },
            recent=dict(recent),
        )

    def people(self, to: str, at: int) -> list[Contact]:
        """The persons of one entry of a stage, at a moment; who has no contact still has an inbox."""
        if not to.startswith("calendar:"):
            return [self.contacts.get(to) or Contact(person=to)]
        calendar = self.calendars.get(to.removeprefix("calendar:"))
        if calendar is None:
            return []
        on_call = [turn.person for turn in calendar.turns if turn.start <= at < turn.end]
        names = on_call or [calendar.otherwise]
        return [self.contacts.get(who) or Contact(person=who) for who in names if who]


def notices(
    subjects: Sequence[Subject], directory: Directory, *, now: int
) -> dict[tuple[str, str], Sequence[Notice]]:
    """The notices of these subjects, by (rule, entity). Many of one rule are told together."""
    planned: dict[tuple[str, str], Sequence[Notice]] = {}
    sent = dict(directory.recent)
    by_rule: dict[tuple[str, str], list[Subject]] = {}
    for each in subjects:
        by_rule.setdefault((each.rule, each.kind), []).append(each)
    for group in by_rule.values():
        count = len(group)
        for subject in group[:1] if count > GROUPED else group:
            chain = directory.chains.get(subject.chain)
            if chain is None or (subject.kind == "cleared" and not chain.cleared):
                continue
            told = list(
                _told(
                    subject,
                    chain,
                    directory=directory,
                    now=now,
                    count=count if count > GROUPED else 1,
                )
            )
            planned[subject.rule, subject.entity] = _bounded(told, directory, sent=sent, now=now)
    return planned


def _told(
    subject: Subject, chain: Chain, *, directory: Directory, now: int, count: int
) -> Iterable[Notice]:
    stages = chain.stages[:1] if subject.kind == "cleared" else chain.stages
    done: set[tuple[str, str, int]] = set()
    for step, stage in enumerate(stages):
        at = now + stage.after_s * 1000
        for contact in (c for to in stage.to for c in directory.people(to, at)):
            channels = {
                name: address
                for name, address in contact.channels.items()
                if not stage.channels or name in stage.channels
            }
            for channel, address in {INBOX: contact.person, **channels}.items():
                if (channel, address, step) in done:
                    continue
                done.add((channel, address, step))
                words = written(_words(subject, contact, count=count))
                yield Notice(
                    kind=subject.kind,
                    step=step,
                    person=contact.person,
                    channel=channel,
                    address=address,
                    subject=words.subject,
                    body=words.body,
                    link=subject.link,
                    created=now,
                    due=_due(contact, channel, at=at, severity=subject.severity),
                )


def _words(subject: Subject, contact: Contact, *, count: int) -> Words:
    return Words(
        language=contact.language,
        kind=subject.kind,
        severity=subject.severity,
        title=subject.title or subject.rule,
        entity=subject.entity,
        name=subject.name,
        value=subject.value,
        because=subject.because,
        measured=subject.measured,
        message=subject.message.get(contact.language, ""),
        zone=contact.zone,
        count=count,
    )


def _bounded(
    planned: Sequence[Notice], directory: Directory, *, sent: dict[str, int], now: int
) -> list[Notice]:
    """What goes past a person's quota waits for the next full hour, and comes then as one message."""
    full_hour = (now // HOUR_MS + 1) * HOUR_MS
    kept = []
    for each in planned:
        contact = directory.contacts.get(each.person)
        if each.channel != INBOX and contact is not None and each.due <= now:
            sent[each.person] = sent.get(each.person, 0) + 1
            if sent[each.person] > contact.quota:
                each = msgspec.structs.replace(each, digest=True, due=full_hour)  # noqa: PLW2901
        if each.channel != INBOX and contact is not None and contact.digest and each.due > now:
            each = msgspec.structs.replace(each, digest=each.digest or each.step == 0)  # noqa: PLW2901
        kept.append(each)
    return kept


def _due(contact: Contact, channel: str, *, at: int, severity: str) -> int:
    """When it may be sent: the digest's hour, after quiet hours, or at once."""
    if channel == INBOX or severity == "critical":
        return at
    zone = ZoneInfo(contact.zone)
    if contact.digest:
        return next_time(at, contact.digest, zone=zone)
    if contact.quiet is not None and is_quiet(contact.quiet, at, zone=zone):
        return next_time(at, contact.quiet.end, zone=zone)
    return at


def is_quiet(quiet: Quiet, at: int, *, zone: ZoneInfo) -> bool:
    """Is a moment inside quiet hours? They may pass midnight."""
    local = instant(at).astimezone(zone).time()
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    return start <= local < end if start < end else local >= start or local < end


def next_time(at: int, clock: str, *, zone: ZoneInfo) -> int:
    """The next moment at which it is that civil time."""
    local = instant(at).astimezone(zone)
    there = datetime.combine(local.date(), time.fromisoformat(clock), zone)
    if there <= local:
        there = datetime.combine(local.date() + timedelta(days=1), time.fromisoformat(clock), zone)
    return milliseconds(there.astimezone(UTC))
