"""Settings of alarms."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the rules treat what arrives."""

    history_hours: int = 48
    """A reading that arrives later than that after it was measured is history: rules learn from it, raise nothing."""
    noisy: int = 50
    """A rule that would have raised more alarms than that in thirty days asks first."""
    alert_radius_km: float = 0.5
    """Radius of the zone that is prepared for the public around a place, without a zone of its own."""
