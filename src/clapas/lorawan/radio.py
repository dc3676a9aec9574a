"""What passes between the gateways' doors and the network: receptions, emissions and their outcomes."""

from typing import Any, Literal, Protocol

import msgspec

SEND_ERRORS = (
    "TOO_LATE",
    "TOO_EARLY",
    "COLLISION_PACKET",
    "COLLISION_BEACON",
    "TX_FREQ",
    "TX_POWER",
    "GPS_UNLOCKED",
    "QUEUE_FULL",
    "DUTY_CYCLE",
    "INTERNAL_ERROR",
    "NO_GATEWAY",
    "NO_ANSWER",
)
"""Why a gateway did not send, in Semtech's words where it has one."""


class Reception(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One gateway heard a frame. ``arrived`` is our monotonic clock in seconds when it came to us."""

    gateway: str
    phy: bytes
    frequency: int
    data_rate: str
    """'SF7BW125', or a bit rate in bit/s for FSK."""
    rssi: float
    snr: float
    arrived: float
    received: int
    """Our wall clock, milliseconds since 1970 UTC."""
    door: "Door"
    counter: int | None = None
    """The concentrator's own µs clock at the end of the frame (32 bits)."""
    context: Any = None
    """Whatever the door needs to answer this reception."""
    channel: int = 0
    rf_chain: int = 0
    antenna: int = 0
    time: str | None = None
    """The gateway's UTC time of the frame, if it has one."""
    gps_ms: int | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One way of sending: frequency in Hz, data rate number, EIRP in dBm, seconds after the uplink."""

    frequency: int
    dr: int
    power: float
    delay: int = 0
    window: int = 1
    """1 or 2: which receive window it is."""


class Emission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a gateway is asked to send.

    ``answers`` is the reception whose clock the delay counts from (class A); without it the frame goes at
    ``gps_ms``, or at once. ``second`` is the next window, for doors that take both.
    """

    id: int
    gateway: str
    dev_eui: str
    phy: bytes
    slot: Slot
    data_rate: Any
    """The region's DataRate of the slot."""
    second: Slot | None = None
    second_rate: Any = None
    answers: Reception | None = None
    gps_ms: int | None = None
    uplink_dr: int = 0
    priority: int = 0


class Door(Protocol):
    """A gateways' door: a protocol that they speak."""

    name: str
    both_windows: bool
    """Whether one emission may carry RX1 and RX2, the gateway choosing."""
    reports: Literal["always", "success"]
    """Whether a refusal is told, or only a success."""

    def reaches(self, gateway: str) -> bool:
        """Whether a downlink to that gateway has somewhere to go."""
        ...

    async def emit(self, emission: Emission) -> None:
        """Hand the emission to its gateway; the outcome is told later to the network."""
        ...
