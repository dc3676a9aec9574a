"""What can go wrong with the databases themselves.

OperatorError
├── MigrationChanged   a migration already applied was edited
├── DatabaseNewer      the database was written by a newer Clapas
├── RawExpired         replay asks for raw messages past their retention
└── NotEmpty           a restore needs empty databases
"""

from clapas.domain.errors import OperatorError


class MigrationChanged(OperatorError):
    """A migration that was applied already has another content now."""

    code = "migration_changed"


class DatabaseNewer(OperatorError):
    """The database was written by a newer version of Clapas; install that version."""

    code = "database_newer"


class RawExpired(OperatorError):
    """Raw messages of that period are past their retention: it cannot be replayed."""

    code = "raw_expired"
    status = 409


class NotEmpty(OperatorError):
    """A restore needs empty databases."""

    code = "not_empty"
    status = 409
