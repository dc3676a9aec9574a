"""The registry of The Things Stack and ours know the same devices, once somebody agreed."""

from uuid import uuid4

import httpx
import pytest
from tests.integration.fleet.things_stack_double import TOKEN, ThingsStackDouble

from clapas.domain.device import Device, Model
from clapas.domain.errors import BadSetting, EngineUnavailable
from clapas.fleet import sync
from clapas.fleet.sealing import Sealer
from clapas.fleet.settings import Settings
from clapas.fleet.things_stack import ThingsStack, connect
from clapas.store import Store
from clapas.store.jobs import JobItem

KEY = bytes(range(16))
OURS, THEIRS = "70b3d57ed0000001", "70b3d57ed0000002"
SETTINGS = Settings(
    things_stack="https://eu1.example",
    things_stack_token=TOKEN,
    things_stack_applications=("eau",),
    things_stack_rate=1000,
)


def stack(double: ThingsStackDouble, token: str = TOKEN) -> ThingsStack:
    client = httpx.AsyncClient(
        base_url="https://eu1.example",
        transport=double.transport(),
        headers={"Authorization": f"Bearer {token}"},
    )
    return ThingsStack(client, SETTINGS)


async def a_registry_on_each_side(store: Store, double: ThingsStackDouble) -> Sealer:
    sealer = Sealer(b"s" * 32)
    await store.models.save(
        [Model(id="meter", label="Compteur", settings={"radio": {"mac_version": "1.0.2"}})]
    )
    device = Device(
        id=uuid4(), key=OURS, source="the_things_stack", model="meter", name="A",
        tags={"application": "eau@ttn", "device_id": "meter-a"},
    )  # fmt: skip
    stray = Device(id=uuid4(), key="70b3d57ed0000003", source="the_things_stack")
    await store.registry.save_devices([device, stray])
    await store.fleet.save_files([(OURS, {"join_eui": "0000000000000009"})])
    sealed = {"key": OURS, "kind": "app_key", "sealed": sealer.seal(OURS, "app_key", key=KEY)}
    await store.fleet.save_sealed([sealed])
    double.registries[""]["b"] = {
        "ids": {"device_id": "b", "dev_eui": THEIRS.upper()},
        "name": "B",
        "version_ids": {"brand_id": "acme", "model_id": "probe"},
    }
    double.registries["/js"]["b"] = {
        "ids": {"device_id": "b"},
        "root_keys": {"app_key": {"key": KEY[::-1].hex().upper()}},
    }
    return sealer


async def test_a_dry_run_then_both_ways(store: Store) -> None:
    double = ThingsStackDouble()
    sealer = await a_registry_on_each_side(store, double)
    network = stack(double)
    remote = await network.read()
    wanted = await sync.plan(store, network, remote=remote)
    assert (len(wanted.to_us), len(wanted.to_network)) == (1, 1)
    assert wanted.impossible == {"70b3d57ed0000003": "no_such_application"}
    assert all(call.startswith("GET") for call in double.calls), "a dry run writes nothing"

    noted: list[JobItem] = []

    async def note(items: list[JobItem]) -> None:
        noted.extend(items)

    assert await sync.receive(store, network, remote=remote, wanted=wanted, sealer=sealer) == 1
    assert (
        await sync.send(store, network, remote=remote, wanted=wanted, sealer=sealer, note=note) == 1
    )
    theirs = (await store.registry.device(THEIRS)).device
    assert (theirs.lifecycle, theirs.name) == ("proposed", "B")
    assert theirs.tags == {"application": "eau@ttn", "device_id": "b", "profile": "acme-probe"}
    keys = await store.fleet.sealed_keys(THEIRS)
    assert sealer.open(THEIRS, "app_key", sealed=keys["app_key"]) == KEY[::-1]

    assert [call for call in double.calls if not call.startswith("GET")] == [
        "POST /api/v3/applications/eau/devices",
        "PUT /api/v3/js/applications/eau/devices/meter-a",
        "PUT /api/v3/ns/applications/eau/devices/meter-a",
        "PUT /api/v3/as/applications/eau/devices/meter-a",
    ]
    created = double.registries[""]["meter-a"]
    assert created["ids"]["join_eui"] == "0000000000000009"
    assert created["network_server_address"] == "eu1.example"
    assert double.registries["/js"]["meter-a"]["root_keys"] == {
        "app_key": {"key": KEY.hex().upper()}
    }
    radio = double.registries["/ns"]["meter-a"]
    assert (radio["lorawan_version"], radio["lorawan_phy_version"]) == (
        "MAC_V1_0_2",
        "PHY_V1_0_2_REV_B",
    )
    again = await sync.plan(store, network, remote=await network.read())
    assert (again.to_us, again.to_network, again.both) == ([], [], 2)


async def test_a_device_that_one_registry_refuses_leaves_no_half(store: Store) -> None:
    double = ThingsStackDouble()
    sealer = await a_registry_on_each_side(store, double)
    double.refusing = "/ns"
    network = stack(double)
    remote = await network.read()
    wanted = await sync.plan(store, network, remote=remote)
    noted: list[JobItem] = []

    async def note(items: list[JobItem]) -> None:
        noted.extend(items)

    assert (
        await sync.send(store, network, remote=remote, wanted=wanted, sealer=sealer, note=note) == 0
    )
    assert [(each.key, each.ok) for each in noted] == [(OURS, False)]
    assert "validation failed" in noted[0].detail
    assert "meter-a" not in double.registries[""]


async def test_a_long_list_is_read_page_by_page() -> None:
    double = ThingsStackDouble(page=2)
    for number in range(5):
        ids = {"device_id": f"d{number}", "dev_eui": f"70B3D57ED000010{number}"}
        double.registries[""][f"d{number}"] = {"ids": ids}
    remote = await stack(double).read()
    assert len(remote.devices) == 5
    assert len(double.calls) == 3


async def test_a_wrong_key_and_a_server_that_is_away_are_said() -> None:
    with pytest.raises(BadSetting):
        await stack(ThingsStackDouble(), token="wrong").read()
    with pytest.raises(BadSetting, match=r"fleet\.things_stack_token.*things_stack_applications"):
        async with connect(Settings()):
            pass

    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    client = httpx.AsyncClient(base_url="https://x", transport=httpx.MockTransport(nobody))
    with pytest.raises(EngineUnavailable):
        await ThingsStack(client, SETTINGS).read()
