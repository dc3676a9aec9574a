"""The delivery ledger: what is chosen is sent again, and the ledger says so."""

import asyncio
import json

import httpx
import msgspec
from tests.integration.context.receiver import Receiver

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE
from clapas.store import Store


async def test_a_delivery_is_sent_again(api: httpx.AsyncClient, urn: str) -> None:
    """A notification that was received is sent again when asked, with the same body."""
    told: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        told.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    name = urn.replace("Thing", "Subscription")
    path = f"/subscriptions/{name}/deliveries"
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        body = {
            "id": name,
            "type": "Subscription",
            "entities": [{"id": urn, "type": "Van"}],
            "notification": {"endpoint": {"uri": uri}},
        }
        assert (await api.post("/subscriptions", json=body)).status_code == 201
        entity = {"id": urn, "type": "Van", "speed": {"type": "Property", "value": 1}}
        assert (await api.post("/entities", json=entity)).status_code == 201
        first = await asyncio.wait_for(told.get(), 20)
        async with asyncio.timeout(20):
            while not (ledger := (await api.get(path)).json())[0]["doneAt"]:
                await asyncio.sleep(0.05)
        answer = await api.post(path, json={"ids": [ledger[0]["id"]]})
        assert answer.status_code == 204
        assert await asyncio.wait_for(told.get(), 20) == first
    wrongs: tuple[object, ...] = ({}, {"ids": []}, {"ids": ["x"]}, {"ids": [True]}, [])
    for wrong in wrongs:
        assert (await api.post(path, json=wrong)).status_code == 400


async def test_a_private_address_is_told_nothing_and_the_ledger_says_why(
    store: Store, receiver: Receiver, urn: str
) -> None:
    """Without ``private_addresses`` a subscription reaches no machine behind the broker (OWASP SSRF)."""
    closed = msgspec.structs.replace(CONFORMANCE, private_addresses=False, attempts=1)
    name = urn.replace("Thing", "Subscription")
    body = {
        "id": name,
        "type": "Subscription",
        "entities": [{"id": urn, "type": "Van"}],
        "notification": {"endpoint": {"uri": receiver.uri}},
    }
    async with open_door(store, None, charter=Charter.standard(), settings=closed) as door:
        transport = httpx.ASGITransport(app=door)
        url = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as api:
            assert (await api.post("/subscriptions", json=body)).status_code == 201
            entity = {"id": urn, "type": "Van", "speed": {"type": "Property", "value": 1}}
            assert (await api.post("/entities", json=entity)).status_code == 201
            said: list[str] = []
            async with asyncio.timeout(30):
                while not said:
                    await asyncio.sleep(0.05)
                    ledger = (await api.get(f"/subscriptions/{name}/deliveries")).json()
                    said = [each["result"] for each in ledger if each["result"]]
            await api.delete(f"/subscriptions/{name}")
    assert ["private" in each for each in said] == [True]
    assert receiver.told.empty()
