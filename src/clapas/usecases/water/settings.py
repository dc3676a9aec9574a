"""Settings of the water trade: the table ``[usecases.water]``."""

from typing import Literal

import msgspec

Sensitivity = Literal["every", "eager", "early", "sure"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long a home's indexes are kept; meters of sectors and simulated ones are nobody's."""

    hours_days: int = 10
    """Days for which hours are kept without consent: the leak detector and late frames need them. 0: not dropped here."""
    agreed_days: int = 730
    """Days for which hours are kept when the subscriber agreed to the purpose 'hourly'."""
    days_days: int = 1095
    """Days for which daily consumption is kept: the three years of the legal reference."""
    bursts: Sensitivity = "every"
    """How soon a burst is told: 'every' (any two hours above 195 L/h: the subscriber is asked, an agent called when it lasts or is strange), 'eager', 'early', 'sure' (after four hours)."""
    leak_purpose: str = "fuite"
    """The purpose, in the record of the meters, that the nightly search for leaks serves: who objects, or did not consent where it is asked, is not searched."""
