"""Rules: written, replayed on the last thirty days, saved, exported and imported as files."""

from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from clapas.charter import collection
from clapas.domain.errors import NotFound
from clapas.domain.window import instant
from clapas.rules.errors import NoisyRule
from clapas.rules.files import (
    Line,
    RuleFile,
    body_of,
    checked,
    keep,
    read_rule,
    rule_of,
    written,
)
from clapas.rules.model import Rule, Sql
from clapas.rules.named import Named
from clapas.rules.replay import Difference, Replay, difference, replay
from clapas.store.notify import Notices
from clapas.store.rules_values import RuleRow, RuleScore
from clapas.web.answers import Listed, listing
from clapas.web.api.alarms import DAY_MS, now_ms, precision_of, rules_of
from clapas.web.guard import asks, require
from clapas.web.services import Call, Services, rows_of, services_of

NOISY = 50
"""A rule that would have raised more alarms than that in thirty days asks first."""


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


class ImportIn(RuleFile, frozen=True, kw_only=True):
    """A file to import; ``dry_run`` only says what would happen."""

    dry_run: bool = False


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a saved rule."""

    id: str
    revision: int


def _permit(request: Call, rule: Rule) -> None:
    """A question in SQL reads every row: who writes it must be allowed to administer rules."""
    if isinstance(rule.when, Sql):
        require(
            services_of(request).charter,
            request.user,
            action="administer",
            resource=collection("rule"),
        )


async def _check_names(services: Services, rule: Rule) -> None:
    present = [rule_of(row) for row in await rules_of(services).all()]
    (await Named.read(services.store, present)).check(rule)


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
async def export(request: Call) -> Response[bytes]:
    """Every rule, as the import takes them."""
    headers = {"Content-Disposition": 'attachment; filename="clapas-rules.json"'}
    body = await written(services_of(request).store)
    return Response(body, media_type="application/json", headers=headers)


@post(
    "/api/v1/rules/import",
    status_code=200,
    tags=["alarms"],
    opt=asks("write", "rule"),
    summary="Rules from a file",
)
async def import_rules(request: Call, data: JSONBody[ImportIn]) -> Listed[Line]:
    """Create and change rules by id; those that cannot be are refused one by one."""
    lines = await keep(
        services_of(request).store,
        checked(data),
        who=request.user.id,
        dry_run=data.dry_run,
        permit=lambda rule: _permit(request, rule),
    )
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
    await _check_names(services, rule)
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
    await _check_names(services, wanted)
    if wanted.enabled and not data.confirmed:
        found = await replay(services.store, wanted, rows=rows_of(request, "observation"))
        if found.per_day * 30 > NOISY:
            raise NoisyRule(alarms=found.alarms, per_day=found.per_day, accepted=NOISY)
    row = RuleRow(
        id=id, revision=0, body=body_of(wanted), enabled=wanted.enabled, owner=wanted.owner
    )
    revision = await rules_of(services).save(row, who=request.user.id)
    return Revision(id=id, revision=revision)


@delete(
    "/api/v1/rules/{id:str}", tags=["alarms"], opt=asks("write", "rule"), summary="Remove a rule"
)
async def remove(request: Call, id: FromPath[str]) -> None:  # noqa: A002
    """Its alarms and its revisions stay; what it raised is cleared."""
    await rules_of(services_of(request)).remove(id)


HANDLERS = (rules, export, import_rules, replay_rule, rule, revisions, save, remove)
