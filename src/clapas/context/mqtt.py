"""Notifications over MQTT (clause 7.2): the endpoint's address says broker, user, password and topic."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt

from clapas.context.errors import BadRequestData
from clapas.domain.errors import OperatorError
from clapas.store.context import json_bytes

PORTS = {"mqtt": 1883, "mqtts": 8883}
ACCEPTS = ("application/json", "application/ld+json")
CHOICES = {"MQTT-Version": ("mqtt3.1.1", "mqtt5.0"), "MQTT-QoS": ("0", "1", "2")}
"""What notifierInfo may say of MQTT (clause 7.2)."""


class MqttRefused(OperatorError):
    """The MQTT broker of an endpoint did not take a notification."""

    code = "mqtt_refused"


def check_mqtt(endpoint: Mapping[str, Any]) -> None:
    """Whether an endpoint of MQTT can be told (clause 7.2): else it would only be found out with the first message.

    Raises BadRequestData."""
    topic = urlsplit(endpoint["uri"]).path.lstrip("/")
    if not topic or set(topic) & set("+#\0"):
        raise BadRequestData("the address of MQTT ends with a topic, without wildcards")
    if endpoint.get("accept", ACCEPTS[0]) not in ACCEPTS:
        raise BadRequestData(f"over MQTT, accept is one of {', '.join(ACCEPTS)}")
    for pair in endpoint.get("notifierInfo", []):
        allowed = CHOICES.get(pair["key"])
        if allowed and pair["value"] not in allowed:
            raise BadRequestData(f"{pair['key']} is one of {', '.join(allowed)}")


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
