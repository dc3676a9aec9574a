"""Rules: written, replayed on the last thirty days, saved, exported and imported as files."""

from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from clapas.charter import collection
from clapas.domain.errors import InvalidInput, NotFound
from clapas.domain.window import instant
from clapas.rules.check import check
from clapas.rules.errors import ImpossibleRule, NoisyRule
from clapas.rules.model import Rule, Sql
from clapas.rules.replay import Difference, Replay, difference, replay
from clapas.rules.service import rule_of
from clapas.store.notify import Notices
from clapas.store.rules_values import RuleRow, RuleScore
from clapas.web.answers import Listed, listing
from clapas.web.api.alarms import DAY_MS, now_ms, precision_of, rules_of
from clapas.web.guard import asks, require
from clapas.web.services import Call, rows_of, services_of

NOISY = 50
"""A rule that would have raised more alarms than that in thirty days asks first."""
FILE_VERSION = 1


class RuleOut(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with what it is worth: ``precision`` = confirmed / settled."""

    rule: dict[str, Any]
    score: RuleScore | None
    precision: float | None
    owner_name: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have raised, and what changes against the one that is kept."""

    replay: Replay
    difference: Difference | None


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to keep; ``confirmed`` says that many alarms are wanted."""

    rule: dict[str, Any]
    confirmed: bool = False


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """Rules as a file, to carry them from one model or platform to another."""

    clapas_rules: int = FILE_VERSION
    rules: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=2000)]


class ImportIn(RuleFile, frozen=True, kw_only=True):
    """A file to import; ``dry_run`` only says what would happen."""

    dry_run: bool = False


class ImportLine(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one rule of a file: created, changed, same or refused (why)."""

    id: str
    result: str
    reason: str = ""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a saved rule."""

    id: str
    revision: int


def read_rule(body: dict[str, Any]) -> Rule:
    """A rule from JSON, checked. Raises ImpossibleRule with the field and the reason."""
    try:
        rule = msgspec.convert(body, Rule)
    except msgspec.ValidationError as error:
        raise ImpossibleRule(
            str(error), field=str(error).rpartition("`$.")[2].rstrip("`")
        ) from error
    check(rule)
    return rule


def _permit(request: Call, rule: Rule) -> None:
    """A question in SQL reads every row: who writes it must be allowed to administer rules."""
    if isinstance(rule.when, Sql):
        require(services_of(request).charter, request.user, "administer", collection("rule"))


def _body(rule: Rule) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(rule)
    body.pop("revision", None)
    return body


@get("/api/v1/rules", tags=["alarms"], opt=asks("read", "rule"), summary="Rules")
async def rules(request: Call) -> Response[Listed[RuleOut]]:
    """Every rule with its precision and its noise."""
    services = services_of(request)
    kept = rules_of(services)
    scores = await kept.scores(since=now_ms() - 30 * DAY_MS)
    rows = await kept.all()
    names = await Notices(services.store.postgres).names({row.owner for row in rows})
    out = [
        RuleOut(
            rule=msgspec.to_builtins(rule_of(row)),
            score=scores.get(row.id),
            precision=precision_of(scores.get(row.id)),
            owner_name=names.get(row.owner, row.owner),
        )
        for row in rows
    ]
    return listing(request, out)


@get("/api/v1/rules/export", tags=["alarms"], opt=asks("export", "rule"), summary="Rules as a file")
async def export(request: Call) -> Response[RuleFile]:
    """Every rule, as the import takes them."""
    kept = await rules_of(services_of(request)).all()
    file = RuleFile(rules=[_body(rule_of(row)) for row in kept])
    headers = {"Content-Disposition": 'attachment; filename="clapas-rules.json"'}
    return Response(file, headers=headers)


@post(
    "/api/v1/rules/import",
    status_code=200,
    tags=["alarms"],
    opt=asks("write", "rule"),
    summary="Rules from a file",
)
async def import_rules(request: Call, data: JSONBody[ImportIn]) -> Listed[ImportLine]:
    """Create and change rules by id; those that cannot be are refused one by one."""
    if data.clapas_rules != FILE_VERSION:
        raise InvalidInput("this file is of another version", field="clapas_rules")
    kept = rules_of(services_of(request))
    known = {row.id: _body(rule_of(row)) for row in await kept.all()}
    lines = []
    for each in data.rules:
        name = str(each.get("id", ""))[:64]
        try:
            rule = read_rule(each)
        except ImpossibleRule as error:
            lines.append(ImportLine(id=name, result="refused", reason=str(error)))
            continue
        _permit(request, rule)
        body = _body(rule)
        result = "same" if known.get(name) == body else "changed" if name in known else "created"
        if not data.dry_run and result != "same":
            row = RuleRow(id=rule.id, revision=0, body=body, enabled=rule.enabled, owner=rule.owner)
            await kept.save(row, who=request.user.id)
        lines.append(ImportLine(id=name, result=result))
    return Listed(items=lines)


@post(
    "/api/v1/rules/replay",
    status_code=200,
    tags=["alarms"],
    opt=asks("read", "rule"),
    summary="Replay a rule on the last thirty days",
)
async def replay_rule(request: Call, data: JSONBody[Saving]) -> Replayed:
    """What it would have raised; nothing is kept."""
    rule = read_rule(data.rule)
    services = services_of(request)
    rows = rows_of(request, "observation")
    now = await replay(services.store, rule, rows=rows)
    try:
        before = rule_of(await rules_of(services).get(rule.id))
    except NotFound:
        return Replayed(replay=now, difference=None)
    former = await replay(services.store, before, rows=rows)
    return Replayed(replay=now, difference=difference(former, now))


@get("/api/v1/rules/{id:str}", tags=["alarms"], opt=asks("read", "rule"), summary="A rule")
async def rule(request: Call, id: FromPath[str]) -> dict[str, Any]:  # noqa: A002
    """One rule."""
    found: dict[str, Any] = msgspec.to_builtins(
        rule_of(await rules_of(services_of(request)).get(id))
    )
    return found


@get(
    "/api/v1/rules/{id:str}/revisions",
    tags=["alarms"],
    opt=asks("read", "rule"),
    summary="Revisions of a rule",
)
async def revisions(request: Call, id: FromPath[str]) -> Listed[dict[str, Any]]:  # noqa: A002
    """All that a rule ever was, newest first."""
    found = await rules_of(services_of(request)).revisions(id)
    names = await Notices(services_of(request).store.postgres).names({e["who"] for e in found})
    return Listed(
        items=[
            {**each, "at": instant(each["at"]), "who_name": names.get(each["who"], each["who"])}
            for each in found
        ]
    )


@put("/api/v1/rules/{id:str}", tags=["alarms"], opt=asks("write", "rule"), summary="Keep a rule")
async def save(request: Call, id: FromPath[str], data: JSONBody[Saving]) -> Revision:  # noqa: A002
    """Create or change a rule; one that would raise more than fifty alarms a month asks first."""
    wanted = read_rule({"owner": request.user.id, **data.rule, "id": id})
    _permit(request, wanted)
    services = services_of(request)
    if wanted.enabled and not data.confirmed:
        found = await replay(services.store, wanted, rows=rows_of(request, "observation"))
        if found.per_day * 30 > NOISY:
            raise NoisyRule(alarms=found.alarms, per_day=found.per_day, accepted=NOISY)
    row = RuleRow(id=id, revision=0, body=_body(wanted), enabled=wanted.enabled, owner=wanted.owner)
    revision = await rules_of(services).save(row, who=request.user.id)
    return Revision(id=id, revision=revision)


@delete(
    "/api/v1/rules/{id:str}", tags=["alarms"], opt=asks("write", "rule"), summary="Remove a rule"
)
async def remove(request: Call, id: FromPath[str]) -> None:  # noqa: A002
    """Its alarms and its revisions stay; what it raised is cleared."""
    await rules_of(services_of(request)).remove(id)


HANDLERS = (rules, export, import_rules, replay_rule, rule, revisions, save, remove)
