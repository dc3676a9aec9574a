"""A migrated store with a territory of one square commune, and a worker that runs its jobs."""

from collections.abc import AsyncIterator

import pytest

from clapas.codecs import CodecPool
from clapas.domain.device import Model
from clapas.engines import EngineAddresses
from clapas.fleet.sealing import Sealer
from clapas.jobs import Worker, discover
from clapas.store import Commune, Place, Store, migrate

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[3.8, 43.5], [4.0, 43.5], [4.0, 43.7], [3.8, 43.7], [3.8, 43.5]]],
}


@pytest.fixture
async def store(fresh_database: EngineAddresses) -> AsyncIterator[Store]:
    """A store with a commune and two models."""
    await migrate(fresh_database)
    async with Store.open(fresh_database) as opened:
        await opened.territory.save(
            Place(name="Métropole", siren="", timezone="Europe/Paris"),
            [Commune(code="34172", name="Montpellier", contour=SQUARE)],
        )
        await opened.models.save(
            [
                Model(id="water", label="Compteur d’eau", interval_s=3600),
                Model(id="air", label="Sonde d’air", interval_s=600),
            ]
        )
        yield opened


@pytest.fixture
async def worker(store: Store) -> AsyncIterator[Worker]:
    """A worker with what it is lent."""
    async with CodecPool.open(1) as codecs:
        yield Worker(store, discover(), tools={Sealer: Sealer(b"s" * 32), CodecPool: codecs})
