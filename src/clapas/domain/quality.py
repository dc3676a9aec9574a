"""Quality of one value, as a set of flags held in one byte.

0 is a plain measured value. Flags never remove a value: they are stored with it and shown.
"""

from enum import IntFlag


class Quality(IntFlag):
    """Why a value deserves less trust; the empty set is a good value."""

    GOOD = 0
    OUT_OF_RANGE = 1
    """Outside the plausible range of its quantity."""
    FUTURE = 2
    """Measured after it was received, beyond the tolerated clock drift."""
    LATE = 4
    """Received long after it was measured."""
    SUSPECT = 8
    """Spike, frozen or contradicted by another source."""
    ESTIMATED = 16
    """Reconstructed, not measured."""
    MANUAL = 32
    """Typed or corrected by a person."""
    DERIVED = 64
    """Computed from other observations."""
    RESET = 128
    """An index went back: replacement, reset or roll-over of the counter."""

    @property
    def usable(self) -> bool:
        """True when alarms and indicators may use the value as it stands."""
        return not self & (Quality.OUT_OF_RANGE | Quality.FUTURE | Quality.SUSPECT)
