"""Listen to a broker that is not ours, acknowledging nothing that our log does not have.

QoS 1 and a session that the broker keeps: what is published while we are away waits there, and what we
had not acknowledged when we fell comes again. Acknowledgements are therefore manual, after the log.
"""

import ssl
import time
from collections.abc import Callable

import aiomqtt
from paho.mqtt.client import Client as PahoClient

from clapas.domain.errors import BadSetting
from clapas.domain.message import RawMessage
from clapas.sources.broker import BrokerSettings
from clapas.sources.contract import Connector, Publish
from clapas.sources.errors import SourceUnavailable

WAITING = 10_000
"""Messages that may wait here; a broker sends far fewer before it wants acknowledgements."""
WINDOW = 200
"""Messages taken together to the log."""


async def listen(
    connector: Connector,
    settings: BrokerSettings,
    *,
    publish: Publish,
    ca_file: str = "",
    heard: Callable[[int], None],
) -> None:
    """Take messages until the connection falls; raises ``SourceUnavailable``, ``BadSetting``."""
    if not settings.host:
        raise BadSetting("a broker to listen to has a host", key="host")
    try:
        async with _client(settings, ca_file) as client:
            for topic in settings.topics or connector.topics:
                await client.subscribe(topic, qos=1)
            heard(0)
            await _take(connector, client, publish=publish, heard=heard)
    except aiomqtt.MqttError as error:
        raise SourceUnavailable(
            f"{settings.host}:{settings.port}: {error}", host=settings.host
        ) from error


def _client(settings: BrokerSettings, ca_file: str) -> aiomqtt.Client:
    client = aiomqtt.Client(
        settings.host,
        settings.port,
        username=settings.user or None,
        password=settings.password or None,
        identifier=settings.client_id,
        clean_session=False,
        tls_context=ssl.create_default_context(cafile=ca_file or None) if settings.tls else None,
        max_queued_incoming_messages=WAITING,
    )
    _paho(client).manual_ack_set(on=True)
    return client


def _paho(client: aiomqtt.Client) -> PahoClient:
    """The client under aiomqtt, which has no manual acknowledgement of its own (version 2)."""
    return client._client


async def _take(
    connector: Connector, client: aiomqtt.Client, *, publish: Publish, heard: Callable[[int], None]
) -> None:
    stream = aiter(client.messages)
    while True:
        batch = [await anext(stream)]
        while len(batch) < WINDOW and len(client.messages):
            batch.append(await anext(stream))
        now = time.time_ns() // 1_000_000
        await publish([_raw(connector, each, now=now) for each in batch])
        for each in batch:
            _paho(client).ack(each.mid, each.qos)
        heard(len(batch))


def _raw(connector: Connector, message: aiomqtt.Message, *, now: int) -> RawMessage:
    payload = message.payload
    body = payload if isinstance(payload, bytes) else str(payload or "").encode()
    return RawMessage(connector.name, str(message.topic), now, body)
