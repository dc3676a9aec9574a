"""Notifications over MQTT (clause 7.2): the endpoint's address says broker, user, password and topic."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt

from clapas.domain.errors import OperatorError
from clapas.store.context import json_bytes

PORTS = {"mqtt": 1883, "mqtts": 8883}


class MqttRefused(OperatorError):
    """The MQTT broker of an endpoint did not take a notification."""

    code = "mqtt_refused"


async def send_mqtt(endpoint: str, headers: Mapping[str, Any], *, body: Any) -> None:
    """Publish one notification. Raises MqttRefused."""
    parts = urlsplit(endpoint)
    notifier = headers.get("notifier", {})
    version = notifier.get("MQTT-Version", "mqtt5.0")
    protocol = (
        aiomqtt.ProtocolVersion.V311 if version == "mqtt3.1.1" else aiomqtt.ProtocolVersion.V5
    )
    message = {"metadata": headers["http"], "body": body}
    try:
        async with aiomqtt.Client(
            parts.hostname or "",
            parts.port or PORTS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            protocol=protocol,
            tls_params=aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None,
        ) as client:
            topic = parts.path.lstrip("/")
            await client.publish(topic, json_bytes(message), qos=_qos(notifier))
    except aiomqtt.MqttError as error:
        raise MqttRefused(str(error)) from error


def _qos(notifier: Mapping[str, Any]) -> int:
    try:
        return min(2, max(0, int(notifier.get("MQTT-QoS", 0))))
    except ValueError:
        return 0
