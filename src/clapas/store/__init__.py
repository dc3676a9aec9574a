"""Registry, present state and series in PostgreSQL; raw messages and history in ClickHouse.

Only this room speaks SQL; the statements are in ``queries/``, the tables in ``migrations/``.
"""

from clapas.store.migrate import migrate
from clapas.store.settings import Settings
from clapas.store.store import Store
from clapas.store.territory import Place
from clapas.store.values import (
    Claim,
    Commune,
    DailyRow,
    DeviceRow,
    EntityRow,
    Frame,
    Known,
    Latest,
    LogCount,
    LogName,
    MapColumns,
    ObservationRow,
    Page,
    Proposal,
    RawRow,
    Reject,
    Seen,
    SeriesHistory,
    StateRow,
)

__all__ = [
    "Claim",
    "Commune",
    "DailyRow",
    "DeviceRow",
    "EntityRow",
    "Frame",
    "Known",
    "Latest",
    "LogCount",
    "LogName",
    "MapColumns",
    "ObservationRow",
    "Page",
    "Place",
    "Proposal",
    "RawRow",
    "Reject",
    "Seen",
    "SeriesHistory",
    "Settings",
    "StateRow",
    "Store",
    "migrate",
]
