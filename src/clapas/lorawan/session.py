"""What is remembered of a device: its session with counters, its nonces, its queue.

A frame is counted by ``next expected``; the 64 counters before it are a bitmap, so that a frame that took a
slower road is still delivered once and none is delivered twice (the anti-replay window of RFC 4303).
"""

import secrets
from struct import Struct as Packer
from typing import Any, Final, Literal

import msgspec

from clapas.lorawan.adr import HISTORY, Heard
from clapas.lorawan.keys import SessionKeys

WINDOW: Final = 64
COUNTERS: Final = 1 << 32
_HEARD = Packer("<IhB")

GROUP: Final = "multicast/"
"""Multicast groups are kept beside the devices under names that no EUI has."""

ItemState = Literal["queued", "sent", "acknowledged", "failed", "expired"]
Verdict = Literal["new", "late", "repeated", "replayed"]


class QueueItem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A downlink that somebody asked for. Times are milliseconds since 1970 UTC."""

    id: str
    f_port: int
    data: bytes
    confirmed: bool = False
    priority: int = 0
    """Higher goes first; equal ones in order of arrival."""
    expires: int = 0
    """0: never."""
    state: ItemState = "queued"
    reason: str = ""
    attempts: int = 0
    f_cnt: int | None = None
    created: int = 0
    changed: int = 0


class Channels(msgspec.Struct, omit_defaults=True):
    """The uplink channels that the device uses: extra frequencies by index, and those switched on."""

    extra: dict[int, int] = {}
    enabled: tuple[int, ...] = (0, 1, 2)


class Session(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A session. Counters have 32 bits; ``f_cnt_up`` is the next expected one."""

    id: str
    dev_eui: str
    dev_addr: int
    keys: SessionKeys
    version: str = "1.0.3"
    f_cnt_up: int = 0
    seen: int = 0
    """Bitmap of the counters before ``f_cnt_up``: bit 0 is the one just before."""
    f_cnt_down: int = 0
    """Next NFCntDown (the only downlink counter in 1.0.x)."""
    a_f_cnt_down: int = 0
    """Next AFCntDown (1.1)."""
    reserved: int = 0
    """Downlink counters below this number may be used: the journal holds it."""
    a_reserved: int = 0
    confirmed_up: int | None = None
    """Counter of the last confirmed uplink, to be acknowledged."""
    confirmed_down: int = 0
    rx_delay: int = 1
    rx1_dr_offset: int = 0
    rx2_dr: int = 0
    rx2_frequency: int = 0
    channels: Channels = msgspec.field(default_factory=Channels)
    dwell: bool = False
    """The device agreed to the 400 ms dwell time (TxParamSetup)."""
    dr: int = 0
    tx_power: int = 0
    nb_trans: int = 1
    history: bytes = b""
    device_class: str = "A"
    ping_periodicity: int = 7
    ping_dr: int | None = None
    ping_frequency: int = 0
    mac_errors: dict[str, int] = {}
    pending: dict[str, Any] = {}
    """MAC requests sent and not answered yet."""
    status_asked: int = 0
    last_seen: int = 0
    last_dr: int = 0
    last_gateways: tuple[str, ...] = ()
    activated: int = 0
    joined: bool = True
    rekeyed: bool = False

    @property
    def newer(self) -> bool:
        """Whether the session speaks 1.1."""
        return self.version == "1.1.0"

    def judge(self, counter: int) -> Verdict:
        """What a counter whose MIC is right means."""
        behind = self.f_cnt_up - counter
        if behind <= 0:
            return "new"
        if behind == 1:
            return "repeated" if self.seen & 1 else "late"
        if behind > WINDOW:
            return "replayed"
        return "replayed" if self.seen >> (behind - 1) & 1 else "late"

    def count(self, counter: int) -> None:
        """Remember that this counter was accepted."""
        ahead = counter - self.f_cnt_up
        if ahead >= 0:
            self.seen = (self.seen << ahead + 1 | 1) & ((1 << WINDOW) - 1)
            self.f_cnt_up = counter + 1
        else:
            self.seen |= 1 << (-ahead - 1)

    def candidates(self, low: int) -> tuple[int, ...]:
        """The 32-bit counters that 16 bits on air may stand for, the likeliest first."""
        forward = self.f_cnt_up + ((low - self.f_cnt_up) & 0xFFFF)
        backward = forward - 0x10000
        found = (forward, backward) if forward - self.f_cnt_up < 0x8000 else (backward, forward)
        return tuple(counter for counter in found if 0 <= counter < COUNTERS)

    def hear(self, counter: int, snr: float) -> None:
        """Add an uplink to the history that ADR reads."""
        packed = _HEARD.pack(counter, max(min(round(snr * 10), 32767), -32768), self.tx_power)
        self.history = (self.history + packed)[-HISTORY * _HEARD.size :]

    def heard(self) -> list[Heard]:
        """The history, oldest first."""
        return [
            Heard(counter, snr / 10, power)
            for counter, snr, power in _HEARD.iter_unpack(self.history)
        ]


class DeviceState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What outlives a session: nonces, the queue, and the session waiting for its first uplink (1.1)."""

    dev_eui: str
    join_nonce: int = 0
    """Last one used."""
    dev_nonces: tuple[int, ...] = ()
    """1.0.0 to 1.0.3: those used; 1.0.4 and 1.1: only the last one."""
    rejoin_0: int = -1
    rejoin_1: int = -1
    session: Session | None = None
    next_session: Session | None = None
    """Keys given by a join-accept that the device has not used yet; the older ones stay valid till then."""
    queue: list[QueueItem] = []
    members: tuple[str, ...] = ()
    """EUIs of a multicast group's devices."""
    removed: bool = False
    """A group that was taken away: only its counter is kept."""


def new_session_id() -> str:
    """A session's name, the first part of its messages' identity."""
    return secrets.token_hex(8)
