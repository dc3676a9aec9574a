"""What can be wrong with a message at a door.

InvalidInput
├── Malformed         not the form that the connector reads
├── Incomplete        a field without which nothing can be kept is missing
├── BadDeviceId       a device id that MQTT or the log cannot carry
├── BadTime           a time that cannot be read or cannot be true
│   └── FutureDated   measured more than a day after it was received
├── Foreign           another's message: not for this door, or not this device's to send
└── Oversized         more bytes or more values than a door takes
OperatorError
└── SourceUnavailable a remote source does not answer or refuses
"""

from typing import ClassVar

from clapas.domain.errors import InvalidInput, OperatorError


class Malformed(InvalidInput):
    """This is not the form that the connector reads."""

    code = "malformed"


class Incomplete(InvalidInput):
    """A field without which nothing can be kept is missing."""

    code = "incomplete"


class BadDeviceId(InvalidInput):
    """A device id has 1 to 128 characters, without spaces and . * > / + #"""

    code = "bad_device_id"


class BadTime(InvalidInput):
    """The time cannot be read, or cannot be true."""

    code = "bad_time"


class FutureDated(BadTime):
    """The message says that it was measured more than a day after it was received."""

    code = "future_dated"


class Foreign(InvalidInput):
    """The message is not for this door, or not this device's to send."""

    code = "foreign"


class Oversized(InvalidInput):
    """The message is larger than a door takes."""

    code = "oversized"
    status: ClassVar[int] = 413


class SourceUnavailable(OperatorError):
    """A remote source does not answer, or refuses."""

    code = "source_unavailable"
