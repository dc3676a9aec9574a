"""Ids: entities are URNs, device ids are normalised, messages are named by their sender's identity."""

import re
from hashlib import blake2b

EUI = re.compile(r"^[0-9a-f]{16}$")
ENTITY = re.compile(r"^urn:ngsi-ld:[A-Za-z][A-Za-z0-9_]{0,63}:[^\s<>\"'=;()\x00-\x1f]{1,256}$")
DEVICE = re.compile(r"^[^\s.*>/+#\x00-\x1f]{1,128}$")
"""MQTT and NATS give a meaning to space . * > / + # : a device's id never holds them."""


def normalise_device(text: str) -> str:
    """Give a device's external id its one form: an EUI-64 in lower case without separators.

    ``70-B3-D5-7E-D0-00-00-01`` and ``70B3D57ED0000001`` are the same device; other ids are kept.
    """
    text = text.strip()
    bare = text.replace("-", "").replace(":", "").lower()
    return bare if EUI.match(bare) else text


def device_entity(device: str) -> str:
    """The URN of the Device entity that every device is, bound or not."""
    return f"urn:ngsi-ld:Device:{device}"


def entity_type(entity: str) -> str:
    """The type in an entity's URN ('' when the id is another URI)."""
    parts = entity.split(":", 3)
    return parts[2] if len(parts) == 4 and parts[:2] == ["urn", "ngsi-ld"] else ""


def message_digest(*parts: str) -> bytes:
    """16 bytes that stand for a message's identity (BLAKE2b of its parts, unambiguous)."""
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.digest()
