"""Settings of alarms."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the rules treat what arrives."""

    history_hours: int = 48
    """A reading that arrives later than that after it was measured is history: rules learn from it, raise nothing."""
