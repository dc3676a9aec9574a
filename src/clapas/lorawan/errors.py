"""What can go wrong on the radio side.

ClapasError
├── InvalidInput
│   ├── FrameError         bytes that are not a LoRaWAN frame, command or packet
│   └── QueueRefused       a downlink that cannot be queued (too long, no session, bad port)
├── NotFound
│   └── UnknownDevice      no device of that EUI, or it has no session yet
└── BadSetting
    └── UnknownRegion      a region name that is not in the tables
"""

from clapas.domain.errors import BadSetting, InvalidInput, NotFound


class FrameError(InvalidInput):
    """These bytes are not a well-formed LoRaWAN frame."""

    code = "lorawan_frame"


class QueueRefused(InvalidInput):
    """This downlink cannot be queued."""

    code = "lorawan_queue_refused"


class UnknownDevice(NotFound):
    """No LoRaWAN device of that EUI is known here."""

    code = "lorawan_unknown_device"


class UnknownRegion(BadSetting):
    """This LoRaWAN region is not known."""

    code = "lorawan_unknown_region"
