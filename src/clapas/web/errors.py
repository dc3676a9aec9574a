"""What can go wrong at the human door, and the one form in which it is told (RFC 9457).

OwnerError
├── CsrfRefused       a state-changing call lacks the session's CSRF value, or comes from another site
├── BodyTooLarge      the body exceeds the door's limit
├── BadRequest        the request cannot be read
├── Unprocessable     a value in the request is wrong
└── MethodNotAllowed  this address does not take that method
"""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from clapas.domain.errors import (
    ClapasError,
    EngineUnavailable,
    Forbidden,
    InternalError,
    InvalidInput,
    NotFound,
    OwnerError,
    TooMany,
    Unauthenticated,
)
from clapas.web.words import error_title, preferred_language

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"


class CsrfRefused(Forbidden):
    """This call must come from our own page."""

    code = "csrf_refused"


class BodyTooLarge(TooMany):
    """The body is too large."""

    code = "body_too_large"
    status = 413


class BadRequest(OwnerError):
    """The request cannot be read."""

    code = "bad_request"


class Unprocessable(InvalidInput):
    """A value in the request is wrong."""

    code = "unprocessable"
    status = 422


class MethodNotAllowed(OwnerError):
    """This address does not take that method."""

    code = "method_not_allowed"
    status = 405


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every error (RFC 9457, with our code, who must act, and the values)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    actor: str
    values: dict[str, Any] = {}


_BY_STATUS: dict[int, type[ClapasError]] = {
    400: Unprocessable,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    429: TooMany,
    503: EngineUnavailable,
}


def problem_of(error: ClapasError, *, language: str) -> Problem:
    """An error as it is told; the title is in the reader's language."""
    return Problem(
        type=f"urn:clapas:error:{error.code}",
        title=error_title(error, language),
        status=error.status,
        detail=str(error) if error.status < 500 or error.actor == "operator" else "",
        code=error.code,
        actor=error.actor,
        values=error.values,
    )


LONGEST = 300
"""Characters of what the framework says of a value."""


def translate(error: Exception) -> ClapasError:
    """Any exception as one of ours; what nobody foresaw is our defect, told without detail."""
    if isinstance(error, ClapasError):
        return error
    if isinstance(error, HTTPException) and error.status_code < 500:
        kind = _BY_STATUS.get(error.status_code, BadRequest)
        extra = error.extra if isinstance(error.extra, list) else []
        problems = {
            str(each.get("key", "")): str(each.get("message", ""))[:LONGEST]
            for each in extra
            if isinstance(each, dict)
        }
        detail = error.detail[:LONGEST] if kind is Unprocessable else None
        named = {"fields": list(problems), "problems": problems} if problems else {}
        return kind(detail, **named)
    return InternalError()


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The exception handler of the whole application."""
    known = translate(error)
    if known.status >= 500:
        name = request.scope.get("clapas_request_id", "")
        log.error("request %s failed: %s", name, type(error).__name__, exc_info=error)
    problem = problem_of(known, language=preferred_language(request.headers))
    headers = {"Cache-Control": "no-store"}
    if "retry_after" in known.values:
        headers["Retry-After"] = str(known.values["retry_after"])
    if known.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="clapas"'
    return Response(problem, status_code=known.status, media_type=PROBLEM, headers=headers)
