"""What can go wrong, and who must act.

    ClapasError
    ├── OwnerError        the owner of the device or of the request mends it
    │   ├── InvalidInput       a message, parameter or file that cannot be understood
    │   ├── NotFound           what is asked for does not exist (or may not be seen)
    │   ├── Conflict           what is asked for contradicts what exists
    │   ├── Forbidden          the charter refuses; the article says why
    │   ├── Unauthenticated    nobody is signed in
    │   └── TooMany            a quota or a size is exceeded
    ├── OperatorError     who runs the platform mends it
    │   ├── BadSetting         a setting is wrong: key, value, what is accepted
    │   ├── EngineUnavailable  an engine does not answer
    │   ├── DataDirectoryBusy  another process holds the data directory
    │   └── DiskFull           no space is left for the durable log
    └── InternalError     we mend it: a defect of Clapas

An error carries a stable ``code`` and ``values``; the sentence for people is made where it is shown,
in their language. ``str(error)`` is English, for logs and the command line.
"""

from typing import Any, ClassVar, Literal

Actor = Literal["owner", "operator", "us"]


class ClapasError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    actor: ClassVar[Actor] = "us"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, **values: Any) -> None:
        self.values = values
        super().__init__(message or type(self).__doc__ or self.code)


class OwnerError(ClapasError):
    """The request or the device's message must be changed by who sent it."""

    code = "owner_error"
    actor = "owner"
    status = 400


class InvalidInput(OwnerError):
    """The input cannot be understood."""

    code = "invalid_input"


class NotFound(OwnerError):
    """This does not exist, or may not be seen."""

    code = "not_found"
    status = 404


class Conflict(OwnerError):
    """This contradicts what exists already."""

    code = "conflict"
    status = 409


class Unauthenticated(OwnerError):
    """Sign in first."""

    code = "unauthenticated"
    status = 401


class Forbidden(OwnerError):
    """The charter refuses this."""

    code = "forbidden"
    status = 403


class TooMany(OwnerError):
    """Too many requests, or too large a body."""

    code = "too_many"
    status = 429


class OperatorError(ClapasError):
    """Who runs the platform must act."""

    code = "operator_error"
    actor = "operator"
    status = 503


class BadSetting(OperatorError):
    """A setting is wrong."""

    code = "bad_setting"


class EngineUnavailable(OperatorError):
    """An engine does not answer."""

    code = "engine_unavailable"


class DataDirectoryBusy(OperatorError):
    """Another process holds the data directory."""

    code = "data_directory_busy"


class DiskFull(OperatorError):
    """No space is left for the durable log."""

    code = "disk_full"
    status = 507


class InternalError(ClapasError):
    """A defect of Clapas: please report it."""

    code = "internal_error"
