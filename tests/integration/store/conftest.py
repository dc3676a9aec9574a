"""A migrated store on fresh databases."""

from collections.abc import AsyncIterator

import pytest

from clapas.engines import EngineAddresses
from clapas.store import Store, migrate


@pytest.fixture
async def store(fresh_database: EngineAddresses) -> AsyncIterator[Store]:
    """An open store whose databases hold nothing but their tables."""
    await migrate(fresh_database)
    async with Store.open(fresh_database) as opened:
        yield opened
