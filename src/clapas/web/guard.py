"""The one guard: every route says what it does to which kind of thing, and the charter is asked.

A handler declares ``opt=asks("read", "entity")``; one that declares nothing stops the application from
starting. Rows are filtered, or a single thing is asked for again, once it is known.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Request
from litestar.enums import ScopeType
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import ASGIRoute, BaseRoute, HTTPRoute, WebSocketRoute

from clapas.charter import ACTIONS, AuditTrail, Charter, collection, event_of
from clapas.domain.access import Decision, Principal, Resource
from clapas.domain.errors import ClapasError, Forbidden, Unauthenticated
from clapas.web.authentication import headers_of
from clapas.web.errors import answer_error

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

    from clapas.web.services import Services

PURPOSE = b"x-clapas-purpose"
OPTIONS = ("read", "entrance")
QUIET = frozenset({"read", "subscribe", "publish"})


def asks(action: str, kind: str, **more: Any) -> dict[str, Any]:
    """The declaration of a route: the action and the kind of thing that the charter is asked about."""
    return {"action": action, "kind": kind, **more}


def declared(handler: BaseRouteHandler) -> tuple[str, str] | None:
    """What a handler declares; the framework's own OPTIONS answers belong to the entrance."""
    if isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}:
        return OPTIONS
    action, kind = handler.opt.get("action"), handler.opt.get("kind")
    return (action, kind) if action in ACTIONS and kind else None


class Guard:
    """Middleware after the gateway: nothing reaches a handler but what the charter permits."""

    def __init__(self, app: "ASGIApp", services: "Services") -> None:
        self._app = app
        self._services = services
        self._asked: dict[BaseRouteHandler, tuple[str, str] | None] = {}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Ask, then pass on; a refusal goes out through the gateway, as every answer does."""
        handler = scope["route_handler"]
        asked = self._asked.get(handler)
        if asked is None:
            asked = self._asked[handler] = declared(handler)
        try:
            guard(self._services, scope, asked=asked)
        except ClapasError as error:
            if scope["type"] != ScopeType.HTTP:
                raise
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            answer = answer_error(request, error).to_asgi_response(app=None, request=request)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def guard(services: "Services", scope: "Scope", *, asked: tuple[str, str] | None) -> None:
    """Ask the charter. Raises Unauthenticated or Forbidden."""
    if asked is None:
        raise Forbidden("this route does not say what it does")
    user: Principal = scope["user"]
    action, resource = asked[0], collection(asked[1])
    purpose = headers_of(scope).get(PURPOSE)
    context = {"purpose": purpose.decode("latin-1")[:60]} if purpose else None
    decision = services.charter.decide(user, action, resource=resource, context=context)
    loud = action not in QUIET or not decision.allow
    if loud and services.audit is not None and user.kind != "anonymous":
        _note(services.audit, scope, action=action, said=decision)
    permitted(services.charter, user, action=action, resource=resource, decision=decision)


def _note(trail: AuditTrail, scope: "Scope", *, action: str, said: Decision) -> None:
    """Changes, administration and refusals are audited; what anonymous readers ask is not."""
    names = scope["path_params"]
    resource = Resource(
        kind=str(scope["route_handler"].opt.get("kind", "")),
        id=str(next(iter(names.values()), ""))[:200] if names else "",
    )
    event = event_of(
        scope["user"],
        action,
        resource=resource,
        allowed=said.allow,
        articles=said.articles,
        scope={"method": scope.get("method", ""), "path": scope["path"][:200]},
    )
    trail.note(event)


def require(
    charter: Charter,
    principal: Principal,
    *,
    action: str,
    resource: Resource,
    context: Mapping[str, Any] | None = None,
) -> Decision:
    """The charter's permission, or the error that quotes the article and whom to ask."""
    decision = charter.decide(principal, action, resource=resource, context=context)
    return permitted(charter, principal, action=action, resource=resource, decision=decision)


def permitted(
    charter: Charter, principal: Principal, *, action: str, resource: Resource, decision: Decision
) -> Decision:
    """The decision when it allows; else the error that quotes the article and whom to ask."""
    if decision.allow:
        return decision
    if principal.kind == "anonymous":
        raise Unauthenticated
    raise charter.refused(decision, action=action, kind=resource.kind)


def handlers_of(route: BaseRoute) -> list[BaseRouteHandler]:
    """The handlers of a route: one per method, or the mounted application."""
    if isinstance(route, HTTPRoute):
        return list(route.route_handlers)
    return [route.route_handler] if isinstance(route, ASGIRoute | WebSocketRoute) else []


def check_all_declare(app: Litestar) -> None:
    """Refuse to start when a route forgot to say what it asks."""
    for route in app.routes:
        for handler in handlers_of(route):
            if declared(handler) is None:
                message = f"{route.path}: {handler.handler_name} does not declare what it asks"
                raise ImproperlyConfiguredException(message)
