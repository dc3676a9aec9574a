"""The ways out against real receivers: a broker of MQTT, and a service that Apprise calls."""

import asyncio
import socket

import aiomqtt
import msgspec
import pytest

from clapas.notify.channels import Gateway, Mqtt, channels
from clapas.notify.errors import NotDelivered
from clapas.notify.settings import Settings
from clapas.store.notify import Notice

# Apprise looks at a module that Python 3.13 leaves out.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOTICE = Notice(
    id=7, alarm=3, person="ana", channel="mqtt", address="alarmes/eau", subject="[Majeure] Fuite à Grabels",
    body="Débit élevé", link="/alarmes?alarm=3", created=1_700_000_000_000, due=0,
)  # fmt: skip


async def test_a_subscriber_receives_the_alarm_over_mqtt(broker: int) -> None:
    settings = Settings(mqtt_url=f"mqtt://127.0.0.1:{broker}")
    async with aiomqtt.Client("127.0.0.1", broker) as listener:
        await listener.subscribe("alarmes/#", qos=1)
        await channels(settings)["mqtt"].send(NOTICE)
        async with asyncio.timeout(20):
            message = await anext(aiter(listener.messages))
    assert str(message.topic) == "alarmes/eau"
    assert message.qos == 1
    assert isinstance(message.payload, bytes)
    body = msgspec.json.decode(message.payload)
    assert (body["alarm"], body["subject"]) == (3, "[Majeure] Fuite à Grabels")


async def test_a_broker_that_is_down_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with pytest.raises(NotDelivered):
        await Mqtt(Settings(mqtt_url=f"mqtt://127.0.0.1:{port}", timeout_s=2)).send(NOTICE)


async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: list[str], status: str) -> None:  # fmt: skip
    """An operator's gateway: reads one request, answers with a status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        int(line.split(":")[1])
        for line in head.splitlines()
        if line.lower().startswith("content-length")
    )
    said += [head.splitlines()[0], (await reader.readexactly(length)).decode()]
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(("status", "delivered"), [("200 OK", True), ("503 Busy", False)])
async def test_a_gateway_that_apprise_knows_takes_the_message_or_is_told(
    status: str, *, delivered: bool
) -> None:
    said: list[str] = []
    server = await asyncio.start_server(
        lambda reader, writer: service(reader, writer, said, status), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    gateway = Gateway(f"json://127.0.0.1:{port}/sms/{{address}}")
    sms = msgspec.structs.replace(NOTICE, channel="sms", address="+33 6 12/34")
    if delivered:
        await gateway.send(sms)
    else:
        with pytest.raises(NotDelivered):
            await gateway.send(sms)
    server.close()
    await server.wait_closed()
    assert said[0].startswith("POST /sms/")
    assert "/34" not in said[0], "an address cannot leave its place in the URL"
    body = msgspec.json.decode(said[1])
    assert (body["title"], body["message"]) == (NOTICE.subject, NOTICE.body)


async def test_an_address_that_apprise_does_not_know_is_told() -> None:
    with pytest.raises(NotDelivered):
        await Gateway("nothing-like-it://{address}").send(NOTICE)
