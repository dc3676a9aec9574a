"""The HTTP door: what is promised with 202 is in the log; what is refused says to whom it belongs."""

from collections.abc import Sequence

import httpx
import pytest

from clapas.domain.access import Principal
from clapas.domain.errors import EngineUnavailable, Unauthenticated
from clapas.domain.message import RawMessage
from clapas.sources import understand
from clapas.sources.doors import Scope, in_door
from clapas.sources.errors import Oversized


class Log:
    """A log that counts, and that may be unavailable."""

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []
        self.down = False

    async def publish(self, messages: Sequence[RawMessage]) -> Sequence[int]:
        if self.down:
            raise EngineUnavailable("the log does not answer")
        first = len(self.messages)
        self.messages.extend(messages)
        return range(first + 1, len(self.messages) + 1)


async def authenticate(scope: Scope, connector: str) -> Principal:
    headers = dict(scope["headers"])
    if headers.get(b"authorization") != b"Bearer secret":
        raise Unauthenticated
    return Principal(kind="device", id="meter-1")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def client(log: Log) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=in_door(log.publish, authenticate, limit=2000))
    headers = {"Authorization": "Bearer secret"}
    return httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers)


async def test_accepted_message_is_in_the_log_untouched(
    client: httpx.AsyncClient, log: Log
) -> None:
    body = b'{"device":"meter-1","values":{"index":1}}'
    answer = await client.post("/in/http_push?x=1", content=body, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "sequence": 1}
    (message,) = log.messages
    assert (message.source, message.topic, message.payload) == (
        "http_push",
        "/in/http_push?x=1",
        body,
    )
    assert (message.idempotency, message.sender) == ("k1", "device:meter-1")
    assert understand(message)[0].message_id == "k1#0"


async def test_feed_is_logged_one_thing_at_a_time(client: httpx.AsyncClient, log: Log) -> None:
    body = b'\n{"id":"a","type":"T","x":1}\n{"id":"b","x":2}\nnot json\n'
    answer = await client.post("/in/ngsi_v2/ecocounter", content=body)
    assert answer.json()["accepted"] == 3
    assert [each.payload for each in log.messages][2] == b"not json"


async def test_malformed_body_is_logged_and_not_lost(client: httpx.AsyncClient, log: Log) -> None:
    assert (await client.post("/in/helium", content=b"{")).status_code == 202
    assert log.messages[0].payload == b"{"


async def test_oversized_body_is_refused_and_counted(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.post("/in/http_push", content=b"x" * 5000)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "oversized"
    assert answer.json()["actor"] == "owner"
    (kept,) = log.messages
    assert len(kept.payload) == 1024
    with pytest.raises(Oversized):
        understand(kept)


async def test_stranger_leaves_nothing(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.post("/in/http_push", content=b"{}", headers={"Authorization": "no"})
    assert (answer.status_code, log.messages) == (401, [])


async def test_no_promise_when_the_log_does_not_answer(client: httpx.AsyncClient, log: Log) -> None:
    log.down = True
    answer = await client.post("/in/http_push", content=b"{}")
    assert (answer.status_code, answer.json()["actor"]) == (503, "operator")


@pytest.mark.parametrize("path", ["/in/nothing", "/in/mqtt_device", "/in/"])
async def test_unknown_door_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path, content=b"{}")).status_code == 404


async def test_door_takes_post_only(client: httpx.AsyncClient) -> None:
    assert (await client.get("/in/http_push")).status_code == 404


async def test_sender_cannot_pretend_that_a_body_was_cut(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.post("/in/http_push?cut=9&a=1", content=b"{}")
    assert log.messages[0].topic == "/in/http_push?a=1"
