"""The settings of the store: how long things are kept."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The TOML table ``[store]``; days of 0 mean for ever."""

    raw_days: int = 400
    """Raw messages are kept so many days; what is older cannot be replayed."""
    observation_days: int = 0
    """Single values are kept so many days; hours and days stay."""
    claim_hours: int = 48
    """Message identities are remembered so many hours."""
    rejects_kept: int = 200_000
    """So many rejects are listed; their messages stay in the raw history."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more")
        if self.claim_hours < 1:
            raise ValueError("claim_hours is 1 or more")
