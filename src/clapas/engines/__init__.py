"""The engines: PostgreSQL, ClickHouse and NATS, embedded by default or by address, with the same code.

addresses.py   where an engine answers            settings.py   the table [engines]
directory.py   the data directory and its lock    supervisor.py a child that is kept alive
postgres.py    clickhouse.py    nats.py           one engine each
opened.py      all of them, opened                clickhouse_server/  chDB behind the HTTP protocol
"""

from clapas.engines.addresses import (
    NATS_ACCOUNT,
    ClickHouseAddress,
    EngineAddresses,
    NatsAddress,
    PostgresAddress,
)
from clapas.engines.directory import DataDirectory
from clapas.engines.opened import EngineHealth, RunningEngines, open_engines
from clapas.engines.settings import Settings
from clapas.engines.supervisor import Child, Command

__all__ = [
    "NATS_ACCOUNT",
    "Child",
    "ClickHouseAddress",
    "Command",
    "DataDirectory",
    "EngineAddresses",
    "EngineHealth",
    "NatsAddress",
    "PostgresAddress",
    "RunningEngines",
    "Settings",
    "open_engines",
]
