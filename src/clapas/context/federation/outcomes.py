"""What became of each part of a distributed write, and the one answer made of them (6.3.3, table 5.2.17)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clapas.context.door.http import Answer
from clapas.context.errors import PREFIX, Clash, NgsiError
from clapas.context.federation.asking import LOOP, Reply
from clapas.context.federation.planning import UNSUPPORTED
from clapas.context.federation.shares import Share
from clapas.context.terms import Terms

KINDS = {400: "BadRequestData", 404: "ResourceNotFound", 409: "AlreadyExists"}
KINDS |= {422: "OperationNotSupported"}
MULTI = 207


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One part: done, or not and why; ``attributes`` it was about, as IRIs."""

    problem: dict[str, Any] | None = None
    registration: str = ""
    attributes: tuple[str, ...] = ()
    body: Any = None
    status: int = 204

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.problem is None


def of_error(error: NgsiError, attributes: Sequence[str] = ()) -> Outcome:
    """What did not work here."""
    problem = error.problem()
    return Outcome(problem=problem, status=problem["status"], attributes=tuple(attributes))


def of_refusal(share: Share, attributes: Sequence[str] = ()) -> Outcome:
    """What a source alone holds but does not let one do."""
    problem = Clash(f"{share.id}: {UNSUPPORTED}").problem()
    return Outcome(
        problem=problem,
        status=problem["status"],
        registration=share.id,
        attributes=tuple(attributes),
    )


def of_reply(reply: Reply, attributes: Sequence[str] = ()) -> Outcome:
    """What a source answered."""
    problem = None if reply.ok and reply.status != MULTI else problem_of(reply)
    return Outcome(
        problem=problem,
        registration=reply.share.id,
        attributes=tuple(attributes),
        body=reply.body,
        status=reply.status,
    )


def problem_of(reply: Reply) -> dict[str, Any]:
    """A source's failure as ProblemDetails."""
    status = reply.status if reply.status >= 300 or reply.status == MULTI else 502
    found: dict[str, Any] = {
        "type": PREFIX + KINDS.get(status, "InternalError"),
        "title": "Context source failed",
        "detail": f"{reply.share.id}: {reply.problem or f'status {reply.status}'}",
        "status": status,
    }
    if isinstance(reply.body, dict) and isinstance(reply.body.get("type"), str):
        found |= {k: reply.body[k] for k in ("type", "title", "detail") if k in reply.body}
    return found


def counted(replies: Sequence[Reply]) -> list[Reply]:
    """The replies that matter: a loop back to this broker through a source that only adds does not."""
    return [each for each in replies if each.status != LOOP or each.share.proxied]


def answer(
    name: str, outcomes: Sequence[Outcome], *, done: Answer, attributes_of: Terms | None = None
) -> Answer:
    """The answer: ``done`` when every part was, the error of an only part, else 207 and the list.

    With ``attributes_of`` the list is one of attributes; names that a source tells are read under it.
    """
    failed = [each for each in outcomes if each.problem is not None]
    if not failed:
        return done
    if len(outcomes) == 1 and failed[0].status != MULTI and failed[0].problem:
        return Answer(status=failed[0].status, body=failed[0].problem, data=False)
    if attributes_of is not None:
        return Answer(status=MULTI, body=_update_result(outcomes, attributes_of), data=False)
    succeeded = [name] if len(failed) < len(outcomes) else []
    errors = [error_of(name, each) for each in failed]
    return Answer(status=MULTI, body={"success": succeeded, "errors": errors}, data=False)


def error_of(name: str, outcome: Outcome) -> dict[str, Any]:
    """A BatchEntityError (5.2.17)."""
    found: dict[str, Any] = {"entityId": name, "error": outcome.problem}
    if outcome.registration:
        found["registrationId"] = outcome.registration
    return found


def _update_result(outcomes: Sequence[Outcome], terms: Terms) -> dict[str, Any]:
    """An UpdateResult (5.2.18) of what was done here and elsewhere, names as IRIs."""
    updated: list[str] = []
    refused: list[dict[str, Any]] = []
    for each in outcomes:
        body = each.body if isinstance(each.body, dict) else {}
        if each.problem is None:
            updated += [name for name in each.attributes if name not in updated]
        elif {"updated", "notUpdated"} & set(body):
            names = [terms.expand(str(name)) for name in body.get("updated") or []]
            updated += [name for name in names if name not in updated]
            refused += [_refused(entry, terms) for entry in body.get("notUpdated") or []]
        else:
            reason = str(each.problem["detail"])
            entry = {"registrationId": each.registration} if each.registration else {}
            refused += [
                {"attributeName": name, "reason": reason, **entry} for name in each.attributes
            ]
    return {"updated": updated, "notUpdated": refused}


def _refused(entry: Any, terms: Terms) -> dict[str, Any]:
    """A NotUpdatedDetails (5.2.19) with its name as an IRI, from what may be a bare name."""
    found = dict(entry) if isinstance(entry, Mapping) else {"attributeName": entry}
    return found | {"attributeName": terms.expand(str(found.get("attributeName", "")))}
