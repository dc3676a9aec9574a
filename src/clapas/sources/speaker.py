"""Speaking to a broker that is not ours: commands go where the network server listens for them.

One connection a batch of commands, under a name of its own: the session that listens stays undisturbed.
QoS 1, so that a command that was taken is a command that the broker has.
"""

import ssl
from collections.abc import Mapping

import aiomqtt

from clapas.sources.broker import BrokerSettings
from clapas.sources.errors import SourceUnavailable
from clapas.sources.runner import remote_settings
from clapas.sources.settings import Settings

TIMEOUT_S = 10.0


class Speaker:
    """Publishes to the brokers of the settings, by connector name."""

    def __init__(self, settings: Settings) -> None:
        self._ca_file = settings.ca_file
        self._brokers: Mapping[str, BrokerSettings] = {
            connector.name: own
            for connector, own in remote_settings(settings)
            if isinstance(own, BrokerSettings) and own.host
        }

    def reaches(self, connector: str) -> bool:
        """Does a broker of the settings carry this connector's messages?"""
        return connector in self._brokers

    async def publish(self, connector: str, topic: str, *, body: bytes) -> None:
        """Publish one message; it is taken when this returns. Raises SourceUnavailable."""
        broker = self._brokers[connector]
        tls = ssl.create_default_context(cafile=self._ca_file or None) if broker.tls else None
        try:
            async with aiomqtt.Client(
                broker.host,
                broker.port,
                username=broker.user or None,
                password=broker.password or None,
                identifier=f"{broker.client_id}-commands",
                timeout=TIMEOUT_S,
                tls_context=tls,
            ) as client:
                await client.publish(topic, body, qos=1)
        except aiomqtt.MqttError as error:
            raise SourceUnavailable(
                f"{broker.host}:{broker.port}: {error}", host=broker.host
            ) from error
