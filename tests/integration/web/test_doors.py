"""Keys, devices' tokens, the ingest doors, live events: what each credential may do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
import pytest

from clapas.domain.access import ANONYMOUS, Principal
from clapas.domain.device import Device, Entity, Model, SeriesKey
from clapas.domain.errors import TooMany
from clapas.domain.keys import LOG_UPLINK
from clapas.domain.message import Observation, ObservationBatch, Outcome, RawMessage
from clapas.fleet.health import sweep
from clapas.store import Proposal, RawRow, Reject, Seen
from clapas.web.api.live import Reader
from clapas.web.live import LiveHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.web.conftest import Visitor

    from clapas.bus import MemoryBus
    from clapas.web.services import Services


def logged(services: Services) -> list[RawMessage]:
    """What the durable log holds."""
    bus: MemoryBus = services.bus  # type: ignore[assignment]
    return list(bus.logs[LOG_UPLINK].values())


def bearer(secret: str) -> dict[str, str]:
    """The header of a key."""
    return {"Authorization": f"Bearer {secret}"}


async def make_key(operator: Visitor, *scopes: str) -> dict[str, str]:
    """A service key made through the API."""
    answer = await operator.call(
        "POST", "/api/v1/keys", json={"name": "Passerelle", "scopes": scopes}
    )
    assert answer.status_code == 201, answer.text
    key: dict[str, str] = answer.json()
    return key


async def test_a_key_does_what_its_scopes_say_until_it_is_revoked(
    operator: Visitor, stranger: Visitor
) -> None:
    key = await make_key(operator, "read:entity")
    mine = bearer(key["secret"])
    assert (await stranger.call("GET", "/api/v1/entities", headers=mine)).status_code == 200
    assert (await stranger.call("GET", "/api/v1/devices", headers=mine)).status_code == 403
    listed = (await operator.call("GET", "/api/v1/keys")).text
    assert key["id"] in listed
    assert key["secret"] not in listed
    gone = await operator.call("DELETE", f"/api/v1/keys/{key['id']}")
    assert gone.status_code == 204
    assert (await stranger.call("GET", "/api/v1/entities", headers=mine)).status_code == 401
    again = await operator.call("DELETE", f"/api/v1/keys/{key['id']}")
    assert again.status_code == 404


async def test_a_rotated_key_and_its_successor_are_both_alive(
    operator: Visitor, stranger: Visitor
) -> None:
    key = await make_key(operator, "read:entity")
    new = (await operator.call("POST", f"/api/v1/keys/{key['id']}/rotate")).json()
    assert new["replaces"] == key["id"]
    for secret in (key["secret"], new["secret"]):
        answer = await stranger.call("GET", "/api/v1/entities", headers=bearer(secret))
        assert answer.status_code == 200


async def test_of_a_key_that_is_rotated_again_two_are_alive_never_three(
    operator: Visitor, stranger: Visitor
) -> None:
    """The successor is rotated in its turn; then once more, since its new secret was lost."""
    keys = [await make_key(operator, "read:entity")]
    for rotated in (0, 1, 1):
        place = f"/api/v1/keys/{keys[rotated]['id']}/rotate"
        keys.append((await operator.call("POST", place)).json())
    alive = [
        (await stranger.call("GET", "/api/v1/entities", headers=bearer(each["secret"]))).status_code
        for each in keys
    ]
    assert alive == [401, 200, 401, 200]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": ["read"], "expires": "2099-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["read"], "expires": "2001-01-01T00:00:00Z"},
    ],
)
async def test_a_key_without_bounds_is_refused(operator: Visitor, body: object) -> None:
    answer = await operator.call("POST", "/api/v1/keys", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


async def test_a_device_pushes_by_its_token_and_does_nothing_else(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await services.store.registry.save_devices([Device(id=uuid4(), key="compteur-1")])
    made = (await operator.call("POST", "/api/v1/devices/compteur-1/token")).json()
    assert made["publish"] == ["up/compteur-1", "up/compteur-1/#"]
    mine = {**bearer(made["token"]), "Idempotency-Key": "a1"}
    body = {"device": "compteur-1", "values": {"index": 12}}
    pushed = await stranger.call("POST", "/api/v1/uplinks", json=body, headers=mine)
    assert (pushed.status_code, pushed.json()["accepted"]) == (202, 1)
    (message,) = logged(services)
    assert (message.source, message.sender) == ("http_push", "device:compteur-1")
    assert message.idempotency == "a1"
    refused = await stranger.call("GET", "/api/v1/devices", headers=mine)
    assert refused.status_code == 403


async def test_a_network_server_pushes_with_a_key_in_its_own_form(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    key = await make_key(operator, "publish:uplink")
    answer = await stranger.call(
        "POST", "/in/http_push", content=b"not json", headers={"X-API-Key": key["secret"]}
    )
    assert answer.status_code == 202
    assert logged(services)[0].payload == b"not json"
    unknown = await stranger.call(
        "POST", "/in/nothing", content=b"{}", headers={"X-API-Key": key["secret"]}
    )
    assert unknown.status_code == 404
    nobody = await stranger.call("POST", "/in/http_push", json={})
    assert nobody.status_code == 401
    assert len(logged(services)) == 1


async def test_the_broker_s_question_is_answered_by_right(
    services: Services, operator: Visitor
) -> None:
    identity = services.identity
    token = await identity.devices.issue("70-B3-D5-7E-D0-00-00-01")
    grant = await identity.authorize_mqtt("70B3D57ED0000001", token, client_id="c")
    assert grant is not None
    assert grant.publish == ("up/70b3d57ed0000001", "up/70b3d57ed0000001/#")
    assert await identity.authorize_mqtt("another", token, client_id="c") is None
    assert await identity.authorize_mqtt("", "", client_id="c") is None
    assert (
        await identity.authorize_mqtt("70b3d57ed0000001", "cld_" + "0" * 43, client_id="c") is None
    )
    second = await identity.devices.issue("70b3d57ed0000001")
    third = await identity.devices.issue("70b3d57ed0000001")
    assert await identity.authorize_mqtt("", token, client_id="c") is None
    assert await identity.authorize_mqtt("", second, client_id="c")
    assert await identity.devices.revoke("70b3d57ed0000001") == 2
    assert await identity.authorize_mqtt("", third, client_id="c") is None
    server = await make_key(operator, "publish:topic", "topic:application/#")
    granted = await identity.authorize_mqtt("chirpstack", server["secret"], client_id="c")
    assert granted is not None
    assert (granted.publish, granted.subscribe) == (("application/#",), ())


async def test_live_events_reach_those_who_may_see_them(
    services: Services, reader: Visitor
) -> None:
    await services.store.entities.upsert([Entity(id="urn:ngsi-ld:Bike:1", type="Bike")])
    key = SeriesKey("urn:ngsi-ld:Bike:1", "availableBikeNumber", "bikes_available")
    series = (await services.store.series.ensure([key]))[key].id
    account = await services.identity.accounts.sign_in(
        login="lecteur", password="la-mer-est-calme-42", address=""
    )
    from clapas.identity import principal_of

    seen = principal_of(account)
    local = msgspec.structs.replace(seen, id="local", communes=frozenset({"34057"}))
    batch = ObservationBatch(observations=[Observation(series, 1000, 7.0, 1000, 1, 1)])

    async def told(principal: object) -> list[object]:
        one = Reader(
            services=services,
            principal=principal,  # type: ignore[arg-type]
            topics=frozenset({"observations"}),
            entities=frozenset(),
            types=frozenset({"Bike"}),
        )
        return [event.data async for event in one.observations(batch)]

    (event,) = await told(seen)
    assert event["value"] == 7.0  # type: ignore[index]
    assert await told(local) == []
    refused = await reader.call("GET", "/api/v1/live?topics=secrets")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")


async def test_repairs_are_told_live_to_those_who_may_see_the_devices(services: Services) -> None:
    device = Device(id=uuid4(), key="silent-1", lifecycle="active", commune="34172")
    await services.store.registry.save_devices([device])
    await services.store.registry.touch({"silent-1": Seen(received=1)})
    await sweep(services.store)

    async def told(principal: Principal) -> list[Any]:
        topics, nothing = frozenset({"repairs"}), frozenset[str]()
        one = Reader(
            services=services, principal=principal, topics=topics, entities=nothing, types=nothing
        )
        return [event.data async for event in one.totals()]

    everywhere = Principal(kind="user", id="1", roles=frozenset({"reader"}))
    elsewhere = msgspec.structs.replace(everywhere, communes=frozenset({"34057"}))
    assert [each["device_silent"] for each in await told(everywhere)] == [1]
    assert all("device_silent" not in each for each in await told(elsewhere))
    assert await told(ANONYMOUS) == []


async def test_a_slow_reader_is_let_go_and_the_others_go_on() -> None:
    source: asyncio.Queue[ObservationBatch] = asyncio.Queue()

    async def follow() -> AsyncIterator[ObservationBatch]:
        while True:
            yield await source.get()

    async with LiveHub(follow, listeners=2, queue=2) as hub:
        with hub.listen() as quick, hub.listen() as slow:
            with pytest.raises(TooMany), hub.listen():
                pass
            for number in range(5):
                source.put_nowait(ObservationBatch(version=number))
                batch = await quick.next(5)
                assert batch is not None
                assert batch.version == number
            assert slow.behind
            assert not quick.behind
        assert hub.count == 0


async def test_the_home_page_adds_up(services: Services, reader: Visitor) -> None:
    home = (await reader.call("GET", "/api/v1/home")).json()
    assert home["ledger"]["balanced"] is True
    assert {"ledger", "engines", "sources", "freshness", "wrong", "rates"} <= home.keys()
    assert len(home["rates"]["messages_per_minute"]) == 60
    assert {each["state"] for each in home["sources"]} == {"waiting"}
    started = (await reader.call("GET", "/api/v1/platform")).json()["started"]
    assert datetime.fromisoformat(started).tzinfo == UTC


async def test_an_unknown_device_is_guessed_and_let_in(
    services: Services, operator: Visitor
) -> None:
    store = services.store
    body = b'{"device":"sonde-9","values":{"temperature":21.5,"humidity":44}}'
    log = await store.messages.log_id("uplink", "x")
    raw = RawRow(log=log, sequence=1, source="http_push", received=1000, payload=body,
                 topic="/in/http_push")  # fmt: skip
    await store.history.write(
        [raw], [], outcomes=[Outcome(log, 1, "http_push", "sonde-9", "rejected", "unknown_device")]
    )
    await store.rejects.keep(
        [Reject(log=log, sequence=1, source="http_push", reason="unknown_device",
                received=1000, device="sonde-9")]
    )  # fmt: skip
    await store.registry.propose([Proposal("sonde-9", "http_push")])
    (waiting,) = (await operator.call("GET", "/api/v1/assistant/waiting")).json()["items"]
    assert waiting["frame"]["raw_text"] == body.decode()
    asked = {"device": "sonde-9"}
    guessed = (await operator.call("POST", "/api/v1/assistant/guess", json=asked)).json()
    found = {each["channel"]: (each["quantity"], each["value"]) for each in guessed["readings"]}
    assert found["temperature"] == ("temperature", 21.5)
    assert found["humidity"][0] == "relative_humidity"
    wanted = {**asked, "type": "IndoorEnvironmentObserved", "longitude": 3.9, "latitude": 43.6}
    accepted = (await operator.call("POST", "/api/v1/assistant/accept", json=wanted)).json()
    assert accepted["entity"] == "urn:ngsi-ld:IndoorEnvironmentObserved:sonde-9"
    assert (accepted["device"]["lifecycle"], accepted["retried"]) == ("active", 1)
    assert [each.payload for each in logged(services)] == [body]
    sheet = (await operator.call("GET", f"/api/v1/entities/{accepted['entity']}")).json()
    assert {each["channel"] for each in sheet["devices"]} == {"temperature", "humidity"}


ODD = """function decodeUplink(input) {
  if (input.bytes[0] !== 0xc1) return {errors: ["foreign"]};
  return {data: {water_level: (input.bytes[1] * 256 + input.bytes[2]) / 1000, battery_voltage: 3.6}};
}"""


async def test_a_script_of_the_catalogue_is_recognised_by_its_bytes(
    services: Services, operator: Visitor
) -> None:
    codec = await services.store.models.save_script("odd-level", ODD)
    await services.store.models.save([Model(id="odd-level", label="Odd level", codec=codec)])
    asked = {"sample": "c1 04 d2 99 99 99 99 99 99 99 99"}
    guessed = (await operator.call("POST", "/api/v1/assistant/guess", json=asked)).json()
    assert guessed["model"] == "odd-level"
    values = {each["quantity"]: each["value"] for each in guessed["readings"]}
    assert values == {"water_level": 1.234, "battery_voltage": 3.6}


async def test_bytes_that_name_their_types_are_believed(operator: Visitor) -> None:
    """Cayenne's own bytes are not taken for those of a thermometer that has the same length."""
    asked = {"sample": "01 67 00 f2 02 68 9b 03 64 00 00 00 00"}
    guessed = (await operator.call("POST", "/api/v1/assistant/guess", json=asked)).json()
    assert guessed["model"] == "cayenne_lpp"
    values = {each["quantity"]: each["value"] for each in guessed["readings"] if each["quantity"]}
    assert values == pytest.approx({"temperature": 24.2, "relative_humidity": 0.775})
