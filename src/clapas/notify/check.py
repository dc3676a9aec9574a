"""Refuses chains, calendars and addresses that could never tell anybody, with the reason."""

import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from zoneinfo import available_timezones

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.notify.plan import Calendar, Chain, Contact, Stage

CALENDAR = "calendar:"
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MAIL = re.compile(r"[^@\s]+@[^@\s]+")
CHANNELS = 20
LONGEST = 500
QUOTA = 1000
LONGEST_S = 7 * 86_400
STAGES = 20
TURNS = 2000


def contact(told: Contact) -> None:
    """Raises InvalidInput when a person could never be told like that."""
    if len(told.channels) > CHANNELS or any(
        not address.strip() or len(address) > LONGEST or not address.isprintable()
        for address in told.channels.values()
    ):
        raise InvalidInput("an address is one line of at most 500 characters", field="channels")
    if not MAIL.fullmatch(told.channels.get("mail", "a@b")):
        raise InvalidInput("a mail address has an @", field="channels.mail")
    if not told.channels.get("webhook", "https://").startswith(("https://", "http://")):
        raise InvalidInput("a webhook is an address in https://", field="channels.webhook")
    clocks = [told.digest, *((told.quiet.start, told.quiet.end) if told.quiet else ())]
    if not all(CLOCK.fullmatch(each) for each in clocks if each) or (
        told.quiet and "" in clocks[1:]
    ):
        raise InvalidInput("hours are written HH:MM", field="digest")
    if not 1 <= told.quota <= QUOTA:
        raise InvalidInput("between 1 and 1,000 messages an hour", field="quota")
    if told.zone not in available_timezones():
        raise InvalidInput("this is no time zone", field="zone")


def named(plan: Chain | Calendar) -> set[str]:
    """The persons that a plan names."""
    if isinstance(plan, Calendar):
        return {each.person for each in plan.turns} | ({plan.otherwise} - {""})
    return {to for stage in plan.stages for to in stage.to if not to.startswith(CALENDAR)}


def with_accounts(
    plan: Chain | Calendar, accounts: Mapping[str, str], *, calendars: Collection[str]
) -> Chain | Calendar:
    """The plan with accounts instead of logins. Raises InvalidInput when it contradicts itself."""
    if isinstance(plan, Calendar):
        return _calendar(plan, accounts)
    if not 1 <= len(plan.stages) <= STAGES:
        raise InvalidInput(f"a chain has 1 to {STAGES} steps", field="stages")
    delays = [each.after_s for each in plan.stages]
    if min(delays) < 0 or max(delays) > LONGEST_S or any(a > b for a, b in pairwise(delays)):
        raise InvalidInput("steps follow each other, within a week", field="stages.after_s")
    stages = tuple(_stage(each, accounts, calendars=calendars) for each in plan.stages)
    return msgspec.structs.replace(plan, stages=stages)


def _stage(stage: Stage, accounts: Mapping[str, str], *, calendars: Collection[str]) -> Stage:
    if not stage.to:
        raise InvalidInput("a step tells somebody", field="stages.to")
    for each in stage.to:
        if each.startswith(CALENDAR) and each.removeprefix(CALENDAR) not in calendars:
            raise InvalidInput("no such calendar", field="stages.to", calendar=each)
    to = tuple(dict.fromkeys(accounts.get(each, each) for each in stage.to))
    return msgspec.structs.replace(stage, to=to)


def _calendar(plan: Calendar, accounts: Mapping[str, str]) -> Calendar:
    if len(plan.turns) > TURNS:
        raise InvalidInput(f"a calendar has at most {TURNS} turns", field="turns")
    if any(each.end <= each.start for each in plan.turns):
        raise InvalidInput("a turn ends after it starts", field="turns.end")
    turns = sorted(plan.turns, key=lambda each: each.start)
    return msgspec.structs.replace(
        plan,
        turns=tuple(msgspec.structs.replace(t, person=accounts[t.person]) for t in turns),
        otherwise=accounts.get(plan.otherwise, plan.otherwise),
    )
