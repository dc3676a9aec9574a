"""The store: every part on one pool of each engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from clapas.engines import EngineAddresses
from clapas.store.api_gateway import ApiGatewayStore
from clapas.store.audit import AuditStore
from clapas.store.backup import Backup
from clapas.store.cache import KnownDevices
from clapas.store.charter import CharterStore
from clapas.store.clickhouse import ClickHouse
from clapas.store.dataset_groups import DatasetGroups
from clapas.store.entities import Entities
from clapas.store.entity_files import EntityFiles
from clapas.store.fleet import Fleet
from clapas.store.fleet_claims import Claims
from clapas.store.fleet_codecs import Rollouts
from clapas.store.fleet_commands import Commands
from clapas.store.fleet_health import FleetHealth
from clapas.store.fleet_imports import Imports
from clapas.store.fleet_shadow import Shadows
from clapas.store.governance import Governance
from clapas.store.history import History
from clapas.store.jobs import Jobs
from clapas.store.ledger import Ledger
from clapas.store.map import TerritoryMap
from clapas.store.messages import Messages
from clapas.store.models import Models
from clapas.store.postgres import Postgres, listen
from clapas.store.radio import RadioStore
from clapas.store.raw import Raw
from clapas.store.registry import Registry
from clapas.store.rejects import Rejects
from clapas.store.retention import Retention
from clapas.store.rollups import Rollups
from clapas.store.sensorthings import SensorThings
from clapas.store.series import SeriesStore
from clapas.store.settings import Settings
from clapas.store.state import State
from clapas.store.territory import Territory
from clapas.store.water import Water
from clapas.store.water_files import WaterFiles
from clapas.store.water_works import WaterWorks
from clapas.store.writes import Writes


class Store:
    """Registry, state and series in PostgreSQL, raw messages and history in ClickHouse.

    ``async with Store.open(addresses) as store``, on databases that :func:`migrate` brought up to
    date. ``store.postgres`` and ``store.clickhouse`` are for the store's own parts.
    """

    def __init__(
        self, postgres: Postgres, clickhouse: ClickHouse, *, cache: KnownDevices, settings: Settings
    ) -> None:
        self.postgres = postgres
        self.clickhouse = clickhouse
        self.messages = Messages(postgres)
        self.territory = Territory(postgres)
        self.registry = Registry(postgres, cache, territory=self.territory)
        self.models = Models(postgres)
        self.jobs = Jobs(postgres)
        self.fleet = Fleet(postgres)
        self.commands = Commands(postgres)
        self.imports = Imports(postgres)
        self.claims = Claims(postgres)
        self.shadows = Shadows(postgres, clickhouse)
        self.rollouts = Rollouts(postgres, clickhouse)
        self.health = FleetHealth(postgres, clickhouse)
        self.series = SeriesStore(postgres, clickhouse)
        self.state = State(postgres)
        self.entities = Entities(postgres, self.series, territory=self.territory)
        self.entity_files = EntityFiles(postgres)
        self.map = TerritoryMap(postgres)
        self.rejects = Rejects(postgres)
        self.history = History(postgres, clickhouse, series=self.series, territory=self.territory)
        self.raw = Raw(postgres, clickhouse)
        self.governance = Governance(postgres, clickhouse)
        self.radio = RadioStore(postgres, clickhouse)
        self.ledger = Ledger(clickhouse)
        self.rollups = Rollups(postgres, clickhouse, territory=self.territory, series=self.series)
        self.writes = Writes(postgres, clickhouse, messages=self.messages, history=self.history)
        self.retention = Retention(
            postgres,
            clickhouse,
            messages=self.messages,
            rejects=self.rejects,
            settings=settings,
        )
        self.backup = Backup(postgres, clickhouse)
        self.charter = CharterStore(postgres, clickhouse)
        self.audit = AuditStore(postgres)
        self.dataset_groups = DatasetGroups(postgres, self.series)
        self.api_gateway = ApiGatewayStore(postgres)
        self.sensorthings = SensorThings(postgres, clickhouse)
        self.water = Water(postgres)
        self.water_files = WaterFiles(postgres)
        self.water_works = WaterWorks(postgres)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, addresses: EngineAddresses, *, settings: Settings | None = None, pool: int = 8
    ) -> "AsyncIterator[Store]":
        """Open on migrated databases. Raises EngineUnavailable."""
        cache = KnownDevices()
        dsn = addresses.postgres.dsn
        async with (
            Postgres.open(dsn, size=pool) as postgres,
            ClickHouse.open(addresses.clickhouse, addresses.clickhouse_reader) as clickhouse,
        ):
            listening = asyncio.create_task(
                listen(dsn, "clapas_registry", told=cache.notice, lost=cache.distrust)
            )
            try:
                yield cls(postgres, clickhouse, cache=cache, settings=settings or Settings())
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
