"""Both registries know the same devices, in both directions, once somebody agreed."""

from uuid import uuid4

import pytest
from chirpstack_api import api
from tests.integration.fleet.chirpstack_double import TOKEN, serve

from clapas.domain.device import Device
from clapas.domain.errors import BadSetting
from clapas.fleet.chirpstack import connect
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings
from clapas.jobs import Worker, discover
from clapas.store import Store

KEY = bytes(range(16))
OURS = "70b3d57ed0000001"
THEIRS = "70b3d57ed0000002"


async def test_a_dry_run_then_both_ways(store: Store) -> None:
    sealer = Sealer(b"s" * 32)
    tags = {"application": "eau"}
    await store.registry.save_devices(
        [
            Device(id=uuid4(), key=OURS, source="chirpstack_v4", model="water", name="A", tags=tags),
            Device(id=uuid4(), key="70b3d57ed0000003", source="chirpstack_v4", model="other", tags=tags),
        ]
    )  # fmt: skip
    sealed = {"key": OURS, "kind": "app_key", "sealed": sealer.seal(OURS, "app_key", key=KEY)}
    await store.fleet.save_sealed([sealed])
    async with serve() as (address, registry):
        registry.devices[THEIRS] = api.Device(
            dev_eui=THEIRS, name="B", application_id="a1", device_profile_id="p2"
        )
        registry.keys[THEIRS] = api.DeviceKeys(
            dev_eui=THEIRS, app_key=KEY.hex(), nwk_key=KEY[::-1].hex()
        )
        settings = Settings(
            chirpstack=address, chirpstack_token=TOKEN, chirpstack_tls=False, chirpstack_rate=1000
        )
        worker = Worker(store, discover(), tools={Sealer: sealer, Settings: settings})

        dry = await store.jobs.add("fleet.chirpstack", {"dry": True}, actor="anne")
        await worker.step()
        told = (await store.jobs.get(dry.id)).result
        assert (told["to_us"], told["to_network"], told["impossible"]) == (1, 1, 1)
        assert set(registry.devices) == {THEIRS}

        job = await store.jobs.add("fleet.chirpstack", {"dry": False}, actor="anne")
        await worker.step()
        done = await store.jobs.get(job.id)
        assert (done.state, done.result["received"], done.result["sent"]) == ("done", 1, 1)

    assert registry.devices[OURS].device_profile_id == "p1"
    assert (registry.keys[OURS].nwk_key, registry.keys[OURS].app_key) == (KEY.hex(), "")
    theirs = (await store.registry.device(THEIRS)).device
    assert (theirs.lifecycle, theirs.model, theirs.name) == ("proposed", "air", "B")
    keys = await store.fleet.sealed_keys(THEIRS)
    assert sealer.open(THEIRS, "nwk_key", sealed=keys["nwk_key"]) == KEY[::-1]
    assert [each.ok for each in (await store.jobs.items(job.id)).items] == [True]


async def test_without_a_chirpstack_the_settings_to_fill_are_named() -> None:
    with pytest.raises(BadSetting, match=r"fleet\.chirpstack, .*fleet\.chirpstack_token"):
        async with connect(Settings()):
            pass


@pytest.mark.parametrize("token", ["wrong"])
async def test_a_wrong_api_key_is_said(store: Store, token: str) -> None:
    async with serve() as (address, _):
        settings = Settings(chirpstack=address, chirpstack_token=token, chirpstack_tls=False)
        worker = Worker(store, discover(), tools={Sealer: Sealer(b"s" * 32), Settings: settings})
        job = await store.jobs.add("fleet.chirpstack", {}, actor="anne")
        await worker.step()
        failed = await store.jobs.get(job.id)
    assert (failed.state, failed.result["code"]) == ("failed", BadSetting.code)
    assert failed.result["values"] == {"key": "chirpstack_token"}
