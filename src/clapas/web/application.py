"""The ASGI application: every route, the guard in front of it, one form of error."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from litestar import Litestar
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware

from clapas.web.api.page import STATIC
from clapas.web.authentication import Authentication
from clapas.web.cors import Cors
from clapas.web.discovery import handlers
from clapas.web.errors import answer_error
from clapas.web.files import Files, assets
from clapas.web.gateway import Counted, Gateway
from clapas.web.guard import Guard, check_all_declare
from clapas.web.headers import Headers
from clapas.web.mounts import Mounts
from clapas.web.packing import Packing
from clapas.web.segments import Names, Segments
from clapas.web.services import Services

if TYPE_CHECKING:
    from litestar.types import ASGIApp


def create_litestar(services: Services, *, static: Path = STATIC) -> Litestar:
    """The framework's application, which tests walk. Raises when a route declares nothing."""
    state = State({"services": services, "static": static, "source_name": "Clapas"})
    app = Litestar(
        route_handlers=handlers(),
        middleware=[
            Names,
            DefineMiddleware(Authentication, services=services),
            DefineMiddleware(Gateway, services=services),
            DefineMiddleware(Guard, services=services),
        ],
        exception_handlers={Exception: answer_error},
        openapi_config=None,
        request_max_body_size=services.settings.largest_body,
        state=state,
        debug=False,
    )
    check_all_declare(app)
    return app


def create_app(services: Services, *, static: Path = STATIC) -> "ASGIApp":
    """The whole application, as a server runs it."""
    app = cast("ASGIApp", create_litestar(services, static=static))
    inner: ASGIApp = Packing(Segments(app))
    if services.mounts:
        counted = {
            path: Counted(mounted, services, kind=path.strip("/").partition("/")[0])
            for path, mounted in services.mounts.items()
        }
        inner = Mounts(counted, inner)
    inner = Files(inner, assets(static))
    inner = Cors(inner, origins=services.gateway.origins)
    return Headers(inner, https=services.settings.https)
