"""Settings of identity: table ``[identity]`` of the configuration. Durations are in seconds."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long sessions and links live, and what a device may publish."""

    session_idle_s: int = 8 * 3600
    """A session ends when it was not used for so long."""
    session_absolute_s: int = 7 * 86400
    """A session ends so long after the sign-in, whatever its use."""
    one_time_s: int = 24 * 3600
    """A one-time link works for so long."""
    key_longest_s: int = 366 * 86400
    """A service key never lives longer."""
    key_rotation_s: int = 7 * 86400
    """The replaced key stays alive for so long, so that both work during a rotation."""
    password_shortest: int = 12
    """Characters that a password has at least (CNIL 2022: length rather than classes)."""
    lock_step_s: float = 15.0
    """The first lock-out; each further failure doubles it."""
    lock_longest_s: float = 900.0
    """The longest lock-out."""
    device_publish: tuple[str, ...] = ("up/{device}", "up/{device}/#")
    """MQTT filters that a device may publish to; {device} is its key."""
    device_subscribe: tuple[str, ...] = ("down/{device}", "down/{device}/#")
    """MQTT filters that a device may subscribe to."""
    device_authorities: str = ""
    """Certificates (PEM) of makers whose devices may let themselves in; empty: no certificate does."""
