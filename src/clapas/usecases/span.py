"""How many days a page looks back when nobody says: as its trade wants, but not beyond what there is."""

from datetime import UTC, datetime, timedelta

from clapas.store import Store

CHOICES = (1, 7, 30, 90, 365)
"""Days that a page offers."""


def fitting(wanted: int, age: timedelta) -> int:
    """The longest choice that is at most ``wanted`` days and that the history covers; at least a day."""
    return max(
        (each for each in CHOICES if each <= wanted and age >= timedelta(days=each)), default=1
    )


async def age_of(store: Store) -> timedelta:
    """How long there has been a history; nothing without one."""
    began = await store.history.began()
    return datetime.now(UTC) - began if began else timedelta()
