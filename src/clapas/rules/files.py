"""Rules as files: one JSON object, to carry them from one model or platform to another."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from clapas.domain.errors import ClapasError, InvalidInput
from clapas.rules.check import check
from clapas.rules.errors import ImpossibleRule
from clapas.rules.model import Rule
from clapas.rules.named import Named
from clapas.store import Store
from clapas.store.rules import RulesStore
from clapas.store.rules_values import RuleRow

FILE_VERSION = 1
MOST = 2000
Body = dict[str, Any]


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rules."""

    clapas_rules: int = FILE_VERSION
    rules: Annotated[list[Body], msgspec.Meta(max_length=MOST)]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one rule of a file: created, changed, same or refused (why)."""

    id: str
    result: str
    reason: str = ""


def rule_of(row: RuleRow) -> Rule:
    """A rule from its row; a body that an older version wrote is read with today's defaults."""
    return msgspec.convert(
        {**row.body, "id": row.id, "revision": row.revision, "enabled": row.enabled}, Rule
    )


def read_rule(body: Body) -> Rule:
    """A rule from JSON, checked. Raises ImpossibleRule with the field and the reason."""
    try:
        rule = msgspec.convert(body, Rule)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("`$.")[2].rstrip("`")
        raise ImpossibleRule(str(error), field=field) from error
    check(rule)
    return rule


def body_of(rule: Rule) -> Body:
    """A rule as JSON, without its revision, which belongs to one platform."""
    body: Body = msgspec.to_builtins(rule)
    body.pop("revision", None)
    return body


def read(text: bytes) -> list[Body]:
    """The rules of a file, or of a trade's plain list of them. Raises InvalidInput."""
    try:
        found = msgspec.json.decode(text, type=RuleFile | list[Body])
    except msgspec.DecodeError as error:
        raise InvalidInput(f"this is no file of rules: {error}", field="file") from error
    return found if isinstance(found, list) else checked(found)


def checked(file: RuleFile) -> list[Body]:
    """The rules of a file of this version. Raises InvalidInput."""
    if file.clapas_rules != FILE_VERSION:
        raise InvalidInput("this file is of another version", field="clapas_rules")
    return file.rules


async def written(store: Store) -> bytes:
    """Every rule, as a file."""
    rows = await RulesStore(store.postgres, store.clickhouse).all()
    file = RuleFile(rules=[body_of(rule_of(row)) for row in rows])
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


async def keep(
    store: Store,
    rules: Sequence[Body],
    *,
    who: str,
    dry_run: bool = False,
    permit: Callable[[Rule], None] = lambda _: None,
) -> list[Line]:
    """Create and change rules by id; those that cannot be are refused one by one.

    ``permit`` raises for a rule that the caller may not keep; ``dry_run`` keeps nothing.
    """
    kept = RulesStore(store.postgres, store.clickhouse)
    present = [rule_of(row) for row in await kept.all()]
    known = {each.id: body_of(each) for each in present}
    named = await Named.read(store, present)
    lines = []
    for each in rules:
        name = str(each.get("id", ""))[:64]
        try:
            rule = read_rule(each)
            permit(rule)
            named.check(rule)
        except ClapasError as error:
            lines.append(Line(id=name, result="refused", reason=str(error)))
            continue
        body = body_of(rule)
        result = "same" if known.get(name) == body else "changed" if name in known else "created"
        if not dry_run and result != "same":
            row = RuleRow(id=rule.id, revision=0, body=body, enabled=rule.enabled, owner=rule.owner)
            await kept.save(row, who=who)
        lines.append(Line(id=name, result=result))
    return lines
