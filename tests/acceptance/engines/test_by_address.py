"""The same platform on engines that somebody else runs: named by address, none is started, none is stopped."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from clapas.engines import DataDirectory, EngineAddresses, Settings, open_engines
from clapas.engines.ports import free_port
from clapas.ops.faults import LINK, Tree, service_key
from clapas.store import Store

REPLY_S = 30


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[EngineAddresses]:
    """Three engines that belong to another directory, as a territory's own servers would."""
    directory = DataDirectory.open(tmp_path / "elsewhere")
    settings = Settings(mqtt_port=free_port(), postgres_shared_buffers_mb=64)
    try:
        async with open_engines(settings, directory) as running:
            yield running.addresses
    finally:
        directory.close()


def settings_file(engines: EngineAddresses) -> str:
    """The table that an operator would write."""
    writer, reader = (
        f"clickhouse://{one.user}:{one.password}@{one.host}:{one.port}/{one.database}"
        for one in (engines.clickhouse, engines.clickhouse_reader)
    )
    nats = engines.nats
    login = f"nats://{nats.user}:{nats.password}@{nats.url.removeprefix('nats://')}"
    return f"""
        [engines]
        postgres = "{engines.postgres.dsn}"
        clickhouse = "{writer}"
        clickhouse_reader = "{reader}"
        nats = "{login}?mqtt={nats.mqtt_host}:{nats.mqtt_port}"
        nats_issuer_seed = "{nats.issuer_seed}"
    """


async def test_a_value_sent_to_it_is_kept_in_the_engines_named(
    tmp_path: Path, elsewhere: EngineAddresses
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "clapas.toml").write_text(settings_file(elsewhere))
    tree = Tree(data)
    try:
        await tree.start()
        key = await service_key(tree.link)
        found = LINK.search(tree.link)
        assert found is not None
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=found.group(1), headers=headers) as client:
            message = {"device": "well-1", "values": {"temperature": 12.5}}
            answer = await client.post("/api/v1/uplinks", json=message)
            assert answer.status_code == 202, answer.text
            await _counted(client)
        children = set(json.loads((data / "children.json").read_text()))
        assert "pipeline" in children
        assert not children & {"postgres", "clickhouse", "nats"}
    finally:
        await tree.stop()
    async with Store.open(elsewhere, pool=1) as store:
        assert len(await store.raw.by_sequences([(1, 1)])) == 1


async def _counted(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(REPLY_S):
        while True:
            ledger = (await client.get("/api/v1/ledger")).json()
            if ledger["received"] == 1 and not ledger["in_flight"]:
                assert ledger["balanced"], ledger
                return
            await asyncio.sleep(0.2)
