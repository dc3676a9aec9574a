"""What can go wrong at the NGSI-LD door: the error types of GS CIM 009, table 5.5.2-1 and clause 6.3.2.

ClapasError
├── NgsiError                  any of them; ``kind`` is the last part of the type's URI
│   ├── BadRequestData         400  the data is not what the operation takes
│   ├── InvalidRequest         400  the request itself: JSON, a parameter, a header
│   ├── AlreadyExists          409
│   ├── Clash                  409  contradicts an exclusive registration
│   ├── ResourceNotFound       404
│   ├── NonexistentTenant      404
│   ├── OperationNotSupported  422
│   ├── TooComplexQuery        403
│   ├── TooManyResults         403
│   ├── LdContextNotAvailable  504 (503 until 1.8.1)
│   └── SourceFailed           502, 504 or 508: an exclusive or redirect source
└── BareRefusal                a status without a body, or with a plain one (405, 406, 411, 413, 415)
"""

from typing import Any, ClassVar

from clapas.domain.errors import ClapasError

PREFIX = "https://uri.etsi.org/ngsi-ld/errors/"


class NgsiError(ClapasError):
    """The request cannot be done."""

    code = "ngsi_ld"
    actor = "owner"
    status = 400
    kind: ClassVar[str] = "InternalError"
    title: ClassVar[str] = "Internal error"
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with the answer: warnings of what context sources did not give."""

    def problem(self) -> dict[str, Any]:
        """The ProblemDetails body (RFC 7807)."""
        return {
            "type": PREFIX + self.kind,
            "title": self.title,
            "detail": str(self),
            "status": self.status,
        }


class BadRequestData(NgsiError):
    """The request includes input data which does not meet the requirements of the operation."""

    code = "ngsi_ld_bad_request_data"
    kind = "BadRequestData"
    title = "Bad request data"


class InvalidRequest(NgsiError):
    """The request is syntactically invalid or has a wrong parameter."""

    code = "ngsi_ld_invalid_request"
    kind = "InvalidRequest"
    title = "Invalid request"


class AlreadyExists(NgsiError):
    """The referred element already exists."""

    code = "ngsi_ld_already_exists"
    status = 409
    kind = "AlreadyExists"
    title = "Already exists"


class Clash(NgsiError):
    """This contradicts an existing registration."""

    code = "ngsi_ld_conflict"
    status = 409
    kind = "Conflict"
    title = "Conflict"


class ResourceNotFound(NgsiError):
    """The referred resource has not been found."""

    code = "ngsi_ld_resource_not_found"
    status = 404
    kind = "ResourceNotFound"
    title = "Resource not found"


class NonexistentTenant(NgsiError):
    """The addressed tenant does not exist."""

    code = "ngsi_ld_nonexistent_tenant"
    status = 404
    kind = "NonexistentTenant"
    title = "Nonexistent tenant"


class OperationNotSupported(NgsiError):
    """The operation is not supported."""

    code = "ngsi_ld_operation_not_supported"
    status = 422
    kind = "OperationNotSupported"
    title = "Operation not supported"


class TooComplexQuery(NgsiError):
    """The query is too complex."""

    code = "ngsi_ld_too_complex_query"
    status = 403
    kind = "TooComplexQuery"
    title = "Too complex query"


class TooManyResults(NgsiError):
    """The query would give too many results."""

    code = "ngsi_ld_too_many_results"
    status = 403
    kind = "TooManyResults"
    title = "Too many results"


class LdContextNotAvailable(NgsiError):
    """A remote JSON-LD @context could not be retrieved."""

    code = "ngsi_ld_context_not_available"
    status = 504
    kind = "LdContextNotAvailable"
    title = "LD context not available"


class SourceFailed(NgsiError):
    """A context source that alone holds the data did not answer."""

    code = "ngsi_ld_source_failed"
    kind = "InternalError"
    title = "Context source failed"

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]


class BareRefusal(ClapasError):
    """The request is refused at the level of HTTP."""

    code = "ngsi_ld_http"
    actor = "owner"
    status = 400

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...] = (), *, body: Any = None):
        super().__init__(f"HTTP {status}")
        self.status = status  # type: ignore[misc]
        self.headers = headers
        self.body = body
