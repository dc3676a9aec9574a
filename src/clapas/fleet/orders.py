"""Commands: what a model allows, who must agree, how long an actuator may stay on, what proves the effect.

A model says its commands in ``settings.commands``: name → ``f_port``, ``payload`` (hexadecimal) or
``object`` (encoded by its codec), ``confirmed``, ``four_eyes``, ``longest_s`` with ``opposite`` (the name
of the command that ends it), ``expect`` (``attribute``, ``above`` or ``below``, ``within_s``).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.device import Model
from clapas.domain.errors import InvalidInput
from clapas.store import Store
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_commands import CommandState, NewCommand

LONGEST_WAIT_S = 30 * 86_400
LARGEST = 222
"""Bytes of a LoRaWAN payload at the fastest data rates (RP002, EU868 DR4 and above)."""


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that a model describes."""

    f_port: int | None = None
    payload: str = ""
    object: dict[str, Any] | None = None
    confirmed: bool = False
    four_eyes: bool = False
    longest_s: int | None = None
    opposite: str = ""
    expect: dict[str, Any] | None = None
    fr: str = ""
    en: str = ""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for: a command of the model by name, or raw bytes for a port."""

    name: str = ""
    f_port: int | None = None
    payload: str = ""
    object: dict[str, Any] | None = None
    confirmed: bool = False
    wait_s: int = 3600
    """After so many seconds the command is too late."""
    for_s: int | None = None
    """Shorter than the model's longest duration."""
    not_before: datetime | None = None


def known_commands(model: Model | None) -> dict[str, Known]:
    """The commands of a model. Raises InvalidInput when its settings are wrong."""
    raw = (model.settings if model else {}).get("commands", {})
    try:
        return msgspec.convert(raw, dict[str, Known])
    except msgspec.ValidationError as error:
        raise InvalidInput("the model's commands are wrong", detail=str(error)) from error


def words_of(model: Model | None, name: str) -> tuple[str, str]:
    """What a model calls a command in French and in English; '' where it says nothing."""
    rule = (model.settings if model else {}).get("commands", {}).get(name, {})
    return str(rule.get("fr", "")), str(rule.get("en", ""))


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A command that chosen devices may be told: its words, and on how many its model has it."""

    name: str
    fr: str
    en: str
    four_eyes: bool
    devices: int


async def choices(store: Store, query: DeviceQuery, *, rows: RowFilter) -> list[Choice]:
    """The commands of the models of the devices that a query chooses, what most devices know first."""
    known: dict[str, list[tuple[Known, int]]] = defaultdict(list)
    for model, devices in (await store.fleet.models(rows, query)).items():
        for name, rule in known_commands(await store.models.get(model)).items():
            known[name].append((rule, devices))
    found = [
        Choice(
            name=name,
            fr=rules[0][0].fr or name,
            en=rules[0][0].en or name,
            four_eyes=any(rule.four_eyes for rule, _ in rules),
            devices=sum(devices for _, devices in rules),
        )
        for name, rules in known.items()
    ]
    return sorted(found, key=lambda each: (-each.devices, each.name))


async def order(
    store: Store, keys: Sequence[str], *, values: dict[str, Any], actor: str
) -> list[int]:
    """Queue a wish for devices; gives the numbers of the commands. Raises InvalidInput."""
    try:
        wish = msgspec.convert(values, Wish)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field="command") from error
    known = await store.registry.resolve(keys)
    groups: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if key in known:
            groups[known[key].device.model].append(key)
    numbers: list[int] = []
    for part in groups.values():
        command = command_of(wish, known[part[0]].model)
        numbers += await store.commands.add(part, command, actor=actor)
    return numbers


def command_of(wish: Wish, model: Model | None) -> NewCommand:
    """The command that a wish becomes on a model. Raises InvalidInput."""
    rules = known_commands(model)
    if wish.name and wish.name not in rules:
        raise InvalidInput(
            "the model has no such command",
            reason="no_such_command",
            field="name",
            accepted=sorted(rules),
        )
    rule = rules.get(wish.name) or Known(
        f_port=wish.f_port, payload=wish.payload, object=wish.object, confirmed=wish.confirmed,
        four_eyes=any(each.four_eyes for each in rules.values()),
    )  # fmt: skip
    if not 0 < wish.wait_s <= LONGEST_WAIT_S:
        raise InvalidInput(field="wait_s", accepted=[1, LONGEST_WAIT_S])
    if wish.for_s is not None and wish.for_s < 1:
        raise InvalidInput("a duration is at least a second", field="for_s")
    now = wish.not_before or datetime.now(UTC)
    if now.tzinfo is None:
        raise InvalidInput("a moment needs a zone", field="not_before")
    state: CommandState = "to_approve" if rule.four_eyes else "queued"
    longest = min(filter(None, (wish.for_s, rule.longest_s)), default=None)
    return NewCommand(
        name=wish.name,
        f_port=_port(rule.f_port),
        payload=_bytes(rule.payload),
        object=wish.object or rule.object,
        confirmed=wish.confirmed or rule.confirmed,
        state=state,
        not_before=now,
        expires=now + timedelta(seconds=wish.wait_s),
        longest_s=longest if rule.opposite else None,
        expect=rule.expect,
    )


def closing_of(name: str, model: Model | None, *, opening: int, at: datetime) -> NewCommand | None:
    """The command that ends an opening at that moment; a closing never waits for anybody."""
    rules = known_commands(model)
    rule = rules.get(name)
    opposite = rules.get(rule.opposite) if rule else None
    if rule is None or opposite is None:
        return None
    return NewCommand(
        name=rule.opposite,
        f_port=_port(opposite.f_port),
        payload=_bytes(opposite.payload),
        object=opposite.object,
        confirmed=True,
        not_before=at,
        expires=at + timedelta(days=1),
        expect=opposite.expect,
        opposite=opening,
    )


def _port(number: int | None) -> int | None:
    if number is not None and not 1 <= number <= 223:
        raise InvalidInput(field="f_port", accepted=[1, 223])
    return number


def _bytes(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise InvalidInput("a payload is hexadecimal", field="payload") from error
    if len(found) > LARGEST:
        raise InvalidInput("the payload is too long", field="payload", limit=LARGEST)
    return found
