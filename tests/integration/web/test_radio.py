"""The radio pages' API over a real network server: gateways, frames, joins, downlinks, keys, coverage."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from tests.integration.web.conftest import PASSWORD, Visitor, _signed_in
from tests.integration.web.test_served import serving
from tests.unit.lorawan.parts import Bench, bench, registered

from clapas.domain.device import Device as Registered
from clapas.domain.device import Gateway
from clapas.domain.window import milliseconds
from clapas.fleet.sealing import Sealer
from clapas.lorawan import control
from clapas.lorawan.devices import LorawanDevice
from clapas.ops.simulate_lorawan.device import Device
from clapas.ops.simulate_lorawan.device_frames import Granted
from clapas.roles.lorawan import RegistryDevices, exchange_gateways
from clapas.store import RawRow, Seen
from clapas.web.services import Services, no_radio
from clapas.web.settings import Settings

ONE = Device(1, "web", place=(0, 0))
EUI = ONE.eui.hex()
LIVE = "/api/v1/radio/live"


@pytest.fixture
async def air(services: Services, tmp_path: Path) -> AsyncIterator[tuple[Services, Bench]]:
    """The services of an installation whose network server runs, with one device of the registry."""
    ONE.rate, ONE.granted = 5, None
    await services.store.registry.save_devices(
        [
            Registered(
                id=uuid4(),
                key=EUI,
                name="Cave 3",
                source="lorawan",
                longitude=3.9,
                latitude=43.6,
                commune="34172",
            )
        ]
    )
    async with bench(tmp_path / "radio", registered(ONE, adr=False)) as it:

        async def ask(request: bytes) -> bytes:
            return await control.answer(it.server, request)

        yield replace(services, radio=ask, sealer=Sealer(b"k" * 32)), it


@pytest.fixture
async def person(air: tuple[Services, Bench], page: Path) -> AsyncIterator[Visitor]:
    async with _signed_in(air[0], page, "operatrice") as client:
        yield client


async def reported(it: Bench) -> None:
    """The device has joined and reported once."""
    await it.join(ONE)
    it.door.hear(ONE.uplink()[0])
    await it.settle()


async def test_a_gateway_is_seen_named_and_placed(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    services, it = air
    await reported(it)
    key = "0016c001ff10a235"
    it.door.hear(ONE.uplink()[0], gateway=key)
    await it.settle()
    answer = await person.call("GET", "/api/v1/gateways")
    rows = {row["id"]: row for row in answer.json()["items"]}
    assert (rows[key]["state"], rows[key]["ours"]) == ("online", 1)
    assert "869400000" in rows[key]["duty_cycle"]
    place = {"name": "Clocher", "longitude": 3.88, "latitude": 43.61}
    answer = await person.call("PUT", f"/api/v1/gateways/{key}", json=place)
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "Clocher"
    await exchange_gateways(services.store, it.server, told={})
    known = {each.id: each for each in await services.store.models.gateways()}
    assert known[key].last_seen is not None
    gateway = it.server.network.gateways.get(key)
    assert gateway is not None
    assert (gateway.longitude, gateway.latitude) == (3.88, 43.61)
    assert (await person.call("PUT", "/api/v1/gateways/x", json=place)).status_code == 400
    one = (await person.call("GET", f"/api/v1/gateways/{key}")).json()
    assert one["longitude"] == 3.88
    assert (await person.call("GET", "/api/v1/gateways/ffffffffffffffff")).status_code == 404


async def test_a_gateway_of_another_network_was_heard_when_it_carried_a_device(
    services: Services, operator: Visitor
) -> None:
    store, key = services.store, "0016c001ff10ffff"
    await store.models.save_gateways([Gateway(id=key, name="Mairie")])
    await store.registry.save_devices([Registered(id=uuid4(), key="sonde-9")])
    heard = datetime.now(UTC)
    await store.registry.touch({"sonde-9": Seen(milliseconds(heard), gateway=key)})
    one = (await operator.call("GET", f"/api/v1/gateways/{key}")).json()
    assert (one["state"], one["name"]) == ("online", "Mairie")
    assert datetime.fromisoformat(one["last_seen"]) - heard < timedelta(seconds=1)


async def test_only_frames_of_devices_that_may_be_seen_are_shown(
    air: tuple[Services, Bench], person: Visitor, page: Path
) -> None:
    services, it = air
    await reported(it)
    rows = (await person.call("GET", f"/api/v1/radio/frames?device={EUI}")).json()["items"]
    assert [(row["direction"], row["kind"]) for row in rows] == [
        ("up", "data"),
        ("down", "join_accept"),
        ("up", "join_request"),
    ]
    await services.identity.accounts.add(
        login="voisine", roles=("reader",), communes=("34057",), password=PASSWORD
    )
    async with _signed_in(services, page, "voisine") as neighbour:
        rows = (await neighbour.call("GET", f"/api/v1/radio/frames?device={EUI}")).json()["items"]
        assert rows == []
        assert (await neighbour.call("GET", f"/api/v1/devices/{EUI}/radio")).status_code == 404
        it.door.hear(bytes.fromhex("40010203040000000105aabb01020304"))
        await it.settle()
        rows = (await neighbour.call("GET", "/api/v1/radio/frames")).json()["items"]
        assert [row["outcome"] for row in rows] == ["foreign_network"]
    figures = (await person.call("GET", "/api/v1/radio")).json()
    assert figures["running"]
    assert figures["counts"]["joins"] == 1


async def test_what_to_type_into_a_gateway(person: Visitor) -> None:
    """The region, the ports that are open, the frequencies: nothing must be guessed."""
    told = (await person.call("GET", "/api/v1/radio")).json()["doors"]
    assert (told["region"], told["reach"], told["udp_port"]) == ("EU868", "machine", None)
    assert told["channels"][:3] == [868_100_000, 868_300_000, 868_500_000]


async def test_a_sensor_is_registered_by_its_label_and_waits_in_the_assistant(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    """Proposed with its key the radio answers it; without a key, or without anybody's word, it does not."""
    services, _ = air
    assert services.sealer is not None
    told = RegistryDevices(services.store, services.sealer)
    key = "70b3d57ed00000aa"
    body = {"key": "70-B3-D5-7E-D0-00-00-AA", "source": "lorawan", "lifecycle": "proposed"}
    assert (await person.call("POST", "/api/v1/devices", json=body)).json()["key"] == key
    assert (await person.call("POST", "/api/v1/devices", json=body)).status_code == 409
    second = body | {"key": "70b3d57ed00000ab"}
    assert (await person.call("POST", "/api/v1/devices", json=second)).status_code == 201
    found = await told.device(key)
    assert found is not None
    assert not found.enabled
    keys = {"app_key": "00112233445566778899aabbccddeeff"}
    assert (await person.call("PUT", f"/api/v1/devices/{key}/keys", json=keys)).status_code == 200
    found = await told.device(key)
    assert found is not None
    assert (found.enabled, found.app_key.hex()) == (True, keys["app_key"])
    waiting = (await person.call("GET", "/api/v1/assistant/waiting?source=lorawan")).json()["items"]
    found_keys = [(each["device"]["key"], each["frame"]) for each in waiting]
    assert found_keys == [(key, None), (second["key"], None)]


async def entered(client: httpx.AsyncClient, login: str) -> None:
    body = {"login": login, "password": PASSWORD}
    assert (await client.post("/api/v1/session", json=body)).status_code == 200


async def events_of(stream: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """The named events of a stream, as the page hears them."""
    name = ""
    async for line in stream.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def frames_of(heard: AsyncIterator[tuple[str, Any]], count: int) -> list[dict[str, Any]]:
    """The first frames of a stream: they come a second's worth at a time."""
    rows: list[dict[str, Any]] = []
    while len(rows) < count:
        name, more = await anext(heard)
        assert name == "frames"
        rows += more
    return rows


async def test_frames_come_live_to_those_who_may_see_the_device_until_their_account_is_closed(
    air: tuple[Services, Bench],
) -> None:
    services, it = air
    services = replace(services, settings=Settings(live_review_s=0.0))
    neighbour = await services.identity.accounts.add(
        login="voisine", roles=("reader",), communes=("34057",), password=PASSWORD
    )
    async with (
        serving(services) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as hers,
        httpx.AsyncClient(base_url=address, timeout=20) as mine,
    ):
        assert (await hers.get(LIVE)).status_code == 401
        await entered(hers, "voisine")
        await entered(mine, "operatrice")
        async with mine.stream("GET", LIVE) as seen, hers.stream("GET", LIVE) as her_share:
            assert seen.headers["content-type"].startswith("text/event-stream")
            await reported(it)
            it.door.hear(bytes.fromhex("40010203040000000105aabb01020304"))
            await it.settle()
            rows = await frames_of(events_of(seen), 4)
            assert [row["kind"] for row in rows if row.get("device") == EUI] == [
                *("join_request", "join_accept", "data")
            ]
            heard = events_of(her_share)
            (row,) = await frames_of(heard, 1)
            assert row["outcome"] == "foreign_network"
            closed = msgspec.structs.replace(neighbour, enabled=False)
            await services.identity.accounts.change(closed)
            assert await anext(heard) == ("ended", {"reason": "rights"})


async def test_a_live_filter_keeps_one_device_and_the_stream_says_when_the_server_is_gone(
    air: tuple[Services, Bench],
) -> None:
    services, it = air
    stopped = asyncio.Event()

    async def ask(request: bytes) -> bytes:
        return await (no_radio(request) if stopped.is_set() else services.radio(request))

    async with (
        serving(replace(services, radio=ask)) as address,
        httpx.AsyncClient(base_url=address, timeout=20) as client,
    ):
        await entered(client, "operatrice")
        path = f"{LIVE}?device={EUI.upper()}"
        async with client.stream("GET", path) as stream:
            it.door.hear(bytes.fromhex("40010203040000000105aabb01020304"))
            await reported(it)
            heard = events_of(stream)
            rows = await frames_of(heard, 3)
            assert {row["device"] for row in rows} == {EUI}
            stopped.set()
            assert await anext(heard) == ("problem", {"code": "engine_unavailable"})


async def test_dev_nonce_already_used_is_mended_in_one_click(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    _, it = air
    await it.join(ONE)
    ONE.nonce -= 1
    it.server.network.dedup.forget()
    it.door.hear(ONE.join())
    await it.settle()
    (failure,) = (await person.call("GET", "/api/v1/radio/joins")).json()["items"]
    assert (failure["device"], failure["reason"]) == (EUI, "dev_nonce_used")
    assert (failure["name"], failure["registered"]) == ("Cave 3", True)
    told = (await person.call("GET", f"/api/v1/devices/{EUI}/radio")).json()
    assert (told["join"]["reason"], told["dev_nonces"]) == ("dev_nonce_used", 1)
    answer = await person.call("POST", f"/api/v1/devices/{EUI}/forget-nonces")
    assert answer.status_code == 200, answer.text
    assert (await person.call("GET", "/api/v1/radio/joins")).json()["items"] == []
    log = (await person.call("GET", f"/api/v1/devices/{EUI}/events")).json()["items"]
    assert [each["kind"] for each in log] == ["nonces"]


async def test_downlinks_have_visible_states(air: tuple[Services, Bench], person: Visitor) -> None:
    _, it = air
    await reported(it)
    path = f"/api/v1/devices/{EUI}/downlinks"
    first = (await person.call("POST", path, json={"f_port": 7, "payload": "0102"})).json()
    second = (await person.call("POST", path, json={"f_port": 8, "payload": "03"})).json()
    assert (await person.call("DELETE", f"{path}/{second['id']}")).status_code == 204
    it.door.hear(ONE.uplink()[0])
    await it.settle()
    rows = (await person.call("GET", "/api/v1/radio/downlinks")).json()["items"]
    states = {
        row["id"]: (row["device"], row.get("state", "queued"), row.get("reason", ""))
        for row in rows
    }
    assert states == {first["id"]: (EUI, "sent", ""), second["id"]: (EUI, "failed", "cancelled")}
    assert (await person.call("DELETE", f"{path}/{first['id']}")).status_code == 400
    wrong = await person.call("POST", path, json={"f_port": 300, "payload": ""})
    assert wrong.status_code in {400, 422}
    nobody = await person.call(
        "POST", "/api/v1/devices/nobody/downlinks", json={"f_port": 1, "payload": ""}
    )
    assert nobody.status_code == 404


async def test_a_key_that_is_typed_in_is_sealed_and_serves_the_next_join(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    services, _ = air
    devices = RegistryDevices(services.store, services.sealer or Sealer(b""))
    bare = await devices.device(EUI)
    assert bare is not None
    assert bare.app_key == b""
    changed: list[str] = []
    services.store.registry.watch(changed.append)
    body = {"app_key": ONE.app_key.hex(), "join_eui": "70B3D57ED0000000"}
    answer = await person.call("PUT", f"/api/v1/devices/{EUI}/keys", json=body)
    assert answer.json() == {"keys": ["app_key"]}
    assert ONE.app_key.hex() not in answer.text
    found = await devices.device(EUI)
    assert isinstance(found, LorawanDevice)
    assert (found.app_key, found.join_eui) == (ONE.app_key, "70b3d57ed0000000")
    async with asyncio.timeout(10):
        while EUI not in changed:
            await asyncio.sleep(0.02)
    assert (
        await person.call("PUT", f"/api/v1/devices/{EUI}/keys", json={"app_key": "00"})
    ).status_code in {400, 422}


async def test_coverage_and_links_come_from_real_receptions(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    services, _ = air
    now = milliseconds(datetime.now(UTC)) - 60_000
    heard = [
        {"gateway": "gw1", "rssi": -90.0, "snr": 7.0},
        {"gateway": "gw2", "rssi": -110.0, "snr": -3.0},
    ]
    rows = [
        RawRow(log=1, sequence=n, source="lorawan", kind="up", device=EUI, received=now + n, payload=b"",
               f_cnt=n if n < 5 else 9, radio=json.dumps(heard), data_rate="SF7BW125" if n < 5 else "SF9BW125")
        for n in range(1, 6)
    ]  # fmt: skip
    await services.store.history.write(rows, [], outcomes=[])
    told = (await person.call("GET", f"/api/v1/devices/{EUI}/radio")).json()
    links = {
        each["gateway"]: (each["frames"], each["rssi"], each["snr"])
        for each in told["links"]["gateways"]
    }
    assert links == {"gw1": (5, -90.0, 7.0), "gw2": (5, -110.0, -3.0)}
    assert told["links"]["rates"] == {"SF7BW125": 4, "SF9BW125": 1}
    assert [(day["heard"], day["span"]) for day in told["links"]["days"]] == [(5, 9)]
    (cell,) = (await person.call("GET", "/api/v1/radio/coverage")).json()["items"]
    assert (cell["devices"], cell["gateways"], cell["snr"], cell["frames"]) == (1, 2, 7.0, 5)
    (weak,) = (await person.call("GET", "/api/v1/radio/coverage?gateway=gw2")).json()["items"]
    assert (weak["snr"], weak["gateways"]) == (-3.0, 1)
    assert (await person.call("GET", "/api/v1/radio/coverage?hours=0")).status_code == 400


async def test_without_a_network_server_the_registry_still_answers(operator: Visitor) -> None:
    assert (await operator.call("GET", "/api/v1/radio")).json()["running"] is False
    assert (await operator.call("GET", "/api/v1/gateways")).json()["items"] == []
    assert (await operator.call("GET", "/api/v1/radio/joins")).json()["items"] == []
    assert (await operator.call("GET", "/api/v1/radio/frames")).status_code == 503


async def test_a_firmware_campaign_is_started_followed_and_ended(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    _, it = air
    await it.join(ONE)
    body = {
        "name": "v2",
        "block": b64encode(bytes(200)).decode(),
        "devices": [EUI.upper()],
        "start_in_s": 600,
    }
    answer = await person.call("POST", "/api/v1/radio/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    assert (await person.call("POST", "/api/v1/radio/campaigns", json=body)).status_code == 409
    (row,) = (await person.call("GET", "/api/v1/radio/campaigns")).json()["items"]
    assert (row["stage"], row["members"]) == (
        "preparing",
        [{"device": EUI, "step": "invited", "reason": ""}],
    )
    assert "block" not in row
    (group,) = (await person.call("GET", "/api/v1/radio/groups")).json()["items"]
    assert (group["campaign"], group["members"]) == (True, [EUI])
    own = await person.call("DELETE", f"/api/v1/radio/groups/{group['name']}")
    assert own.status_code == 409, "a campaign's group is the campaign's"
    assert (await person.call("DELETE", "/api/v1/radio/campaigns/v2")).status_code == 204
    assert (await person.call("DELETE", "/api/v1/radio/campaigns/v2")).status_code == 404
    assert (await person.call("GET", "/api/v1/radio/groups")).json()["items"] == []
    wrong = await person.call("POST", "/api/v1/radio/campaigns", json=body | {"devices": []})
    assert wrong.status_code in {400, 422}


async def test_a_session_that_is_typed_in_needs_no_join(
    air: tuple[Services, Bench], person: Visitor
) -> None:
    services, it = air
    key = bytes(range(16))
    devices = RegistryDevices(services.store, services.sealer or Sealer(b""))
    it.devices.device = devices.device  # type: ignore[method-assign]
    body = {"dev_addr": "01020304", "nwk_s_key": key.hex(), "app_s_key": key.hex()}
    path = f"/api/v1/devices/{EUI}/session"
    assert (await person.call("PUT", path, json=body | {"dev_addr": "x"})).status_code in {400, 422}
    answer = await person.call("PUT", path, json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["dev_addr"], answer.json()["joined"]) == ("01020304", False)
    assert key.hex() not in answer.text
    ONE.granted = Granted(bytes(28), key, dev_nonce=0)
    ONE.granted.address, ONE.granted.net_key, ONE.granted.app_key = 0x01020304, key, key
    ONE.counter = 0
    it.door.hear(ONE.uplink()[0])
    await it.settle()
    (up,) = it.events("up")
    assert up["devAddr"] == "01020304"
    again = await person.call("PUT", path, json=body)
    assert again.json()["f_cnt_up"] == 1, "the same keys go on where they were"
    told = (await person.call("GET", f"/api/v1/devices/{EUI}/radio")).json()
    assert told["keys"] == ["session"]


async def test_a_group_is_made_spoken_to_and_taken_away(
    air: tuple[Services, Bench], person: Visitor, page: Path
) -> None:
    services, it = air
    await reported(it)
    it.server.network.doors["hand"] = it.door
    path = "/api/v1/radio/groups/lampes"
    body = {"mc_addr": "FF00FF00", "devices": [EUI.upper()], "dr": 3}
    assert (await person.call("PUT", path, json=body)).status_code == 400, "a group has its key"
    answer = await person.call("PUT", path, json=body | {"mc_key": "00" * 16, "invite": True})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["members"], answer.json()["invited"]) == ([EUI], 1)
    (invitation,) = it.server.device(EUI).queue
    assert invitation.f_port == 200
    sent = await person.call("POST", f"{path}/downlinks", json={"f_port": 5, "payload": "01"})
    assert sent.status_code == 201, sent.text
    await it.settle()
    assert it.door.emitted[-1].phy[1:5] == bytes.fromhex("00FF00FF")
    (row,) = (await person.call("GET", "/api/v1/radio/groups")).json()["items"]
    assert (row["name"], row["f_cnt_down"], row["class"]) == ("lampes", 1, "C")
    async with _signed_in(services, page, "lecteur") as reader:
        assert (await reader.call("DELETE", path)).status_code == 403
        told = (await reader.call("GET", "/api/v1/radio/groups")).text
        assert "00" * 16 not in told, "keys are never told"
    assert (await person.call("DELETE", path)).status_code == 204
    assert (await person.call("GET", "/api/v1/radio/groups")).json()["items"] == []
    assert (await person.call("DELETE", path)).status_code == 404
    again = await person.call("PUT", path, json=body | {"mc_key": "00" * 16})
    assert again.json()["f_cnt_down"] >= 1, "no counter comes twice under one key"
