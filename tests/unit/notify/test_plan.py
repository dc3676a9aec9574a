"""Who is told, when: chains, calendars, quiet hours, quotas, digests, many at once."""

from datetime import UTC, datetime

import msgspec

from clapas.domain.window import milliseconds
from clapas.notify.plan import (
    Calendar,
    Chain,
    Contact,
    Directory,
    Quiet,
    Stage,
    Subject,
    Turn,
    notices,
)
from clapas.notify.text import Written, digest

NIGHT = milliseconds(datetime(2026, 1, 10, 23, 30, tzinfo=UTC))
SUBJECT = Subject(rule="r", entity="urn:ngsi-ld:Tank:1", kind="raised", severity="major", title="Fuite", chain="c", measured=NIGHT, value=4.25)  # fmt: skip
HALF_AN_HOUR = 30 * 60_000
ANA = Contact(person="ana", channels={"mail": "ana@example.org"})


def planned(*subjects: Subject, **more: object):  # type: ignore[no-untyped-def]
    book = {
        "contacts": {"ana": ANA},
        "chains": {"c": Chain(id="c", stages=(Stage(to=("ana",)),))},
        **more,
    }
    return notices(subjects or (SUBJECT,), Directory(**book), now=NIGHT)  # type: ignore[arg-type]


def test_in_the_persons_language_with_civil_time_and_comma() -> None:
    inbox, mail = planned()["r", "urn:ngsi-ld:Tank:1"]
    assert (inbox.channel, mail.channel) == ("inbox", "mail")
    assert mail.body == "Fuite : 1, le 11/01/2026 à 00:30. Mesuré : 4,25."
    english = msgspec.structs.replace(ANA, language="en")
    mail = planned(contacts={"ana": english})["r", "urn:ngsi-ld:Tank:1"][1]
    assert mail.subject == "[Major] Fuite"


def test_quiet_hours_wait_for_the_morning_but_not_for_the_critical_nor_in_the_page() -> None:
    quiet = msgspec.structs.replace(ANA, quiet=Quiet())
    inbox, mail = planned(contacts={"ana": quiet})["r", "urn:ngsi-ld:Tank:1"]
    assert inbox.due == NIGHT
    assert mail.due == milliseconds(datetime(2026, 1, 11, 6, 0, tzinfo=UTC))
    critical = msgspec.structs.replace(SUBJECT, severity="critical")
    assert planned(critical, contacts={"ana": quiet})["r", SUBJECT.entity][1].due == NIGHT


def test_who_is_on_call_when_the_step_comes() -> None:
    turns = (Turn(person="ana", start=NIGHT, end=NIGHT + 600_000),)
    stage = Stage(after_s=900, to=("calendar:nights",))
    chains = {"c": Chain(id="c", stages=(msgspec.structs.replace(stage, after_s=0), stage))}
    calendars = {"nights": Calendar(id="nights", turns=turns, otherwise="ben")}
    told = planned(chains=chains, calendars=calendars)["r", SUBJECT.entity]
    assert [(n.step, n.person) for n in told if n.channel == "inbox"] == [(0, "ana"), (1, "ben")]


def test_many_of_one_rule_are_told_in_one_message_and_quotas_wait() -> None:
    many = [msgspec.structs.replace(SUBJECT, entity=f"urn:ngsi-ld:Tank:{n}") for n in range(8)]
    told = planned(*many)
    assert len(told) == 1
    assert "8 alarmes" in next(iter(told.values()))[0].body
    two = planned(*many[:2], recent={"ana": 19})
    mails = [each for group in two.values() for each in group if each.channel == "mail"]
    assert [each.digest for each in mails] == [False, True]
    assert [each.due for each in mails] == [NIGHT, NIGHT + HALF_AN_HOUR], (
        "at the full hour, together"
    )


def test_a_template_never_reaches_into_objects() -> None:
    odd = msgspec.structs.replace(SUBJECT, message={"fr": "{value} {value.__class__} {0} {entity}"})
    body = planned(odd)["r", SUBJECT.entity][0].body
    assert body == "4,25 {value.__class__} {0} urn:ngsi-ld:Tank:1"


def test_a_digest_says_of_each_message_which_thing_and_how_much() -> None:
    told = planned(SUBJECT, msgspec.structs.replace(SUBJECT, entity="urn:ngsi-ld:Tank:2"))
    mails = [each for group in told.values() for each in group if each.channel == "mail"]
    whole = digest("fr", [Written(each.subject, each.body) for each in mails])
    assert whole.subject == "2 messages en attente"
    assert whole.body.splitlines()[1:] == [
        "- [Majeure] Fuite",
        "  Fuite : 1, le 11/01/2026 à 00:30. Mesuré : 4,25.",
        "- [Majeure] Fuite",
        "  Fuite : 2, le 11/01/2026 à 00:30. Mesuré : 4,25.",
    ]
