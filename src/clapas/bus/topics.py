"""MQTT topics and NATS subjects: the mapping of the NATS MQTT listener, both ways.

Source: NATS documentation, "MQTT topics to NATS subjects" (checked against nats-server 2.15).
``/`` separates levels in MQTT and ``.`` in NATS; a ``.`` inside a level becomes ``//``; an empty level
becomes ``/``. A space or a control character never gets here: the listener drops the client.
"""

MQTT_PREFIX = "$MQTT.msgs."


def subject_of(topic: str) -> str:
    """The NATS subject of an MQTT topic or topic filter (``+`` and ``#`` become ``*`` and ``>``)."""
    levels = topic.split("/")
    last = len(levels) - 1
    return ".".join(_token(level, first=i == 0, last=i == last) for i, level in enumerate(levels))


def _token(level: str, *, first: bool, last: bool) -> str:
    if level == "+":
        return "*"
    if level == "#":
        return ">"
    if not level:
        return "" if last and not first else "/"
    return level.replace(".", "//")


def topic_of(subject: str) -> str:
    """The MQTT topic that a NATS subject came from (the inverse of :func:`subject_of`)."""
    return "/".join(_level(part) for part in subject.split("."))


def _level(part: str) -> str:
    if part == "/":
        return ""
    return part.replace("//", ".").removeprefix("/").removesuffix("/")
