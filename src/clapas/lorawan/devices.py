"""What the network server asks of the register of devices, and a memory twin that ships."""

from typing import Literal, Protocol

import msgspec

MacVersion = Literal["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.1.0"]
DeviceClass = Literal["A", "B", "C"]


class Personal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session that is typed in (ABP). ``nwk_s_key`` is FNwkSIntKey in 1.1, which has two more network keys."""

    dev_addr: int
    nwk_s_key: bytes
    app_s_key: bytes
    s_nwk_s_int_key: bytes = b""
    nwk_s_enc_key: bytes = b""
    f_cnt_up: int = 0
    """The next counter expected: that of a device which has spoken to another server."""
    f_cnt_down: int = 0

    def __repr__(self) -> str:
        return f"Personal({self.dev_addr:08x})"


class LorawanDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the network needs it. Keys are 16 bytes; in 1.0.x the root key is ``app_key``."""

    dev_eui: str
    join_eui: str = "0000000000000000"
    app_key: bytes = b""
    nwk_key: bytes = b""
    gen_app_key: bytes = b""
    version: MacVersion = "1.0.3"
    device_class: DeviceClass = "A"
    name: str = ""
    model: str = ""
    """Our model's id, told in the events as the device profile."""
    adr_margin_db: float | None = None
    """Margin of the model; None: the network's."""
    adr: bool = True
    counter_reset: bool = False
    """ABP devices that restart at zero: accept it (weakens the protection against replay)."""
    any_dev_nonce: bool = False
    """Devices that draw DevNonce badly: accept one that was used before (same warning)."""
    clock_sync: bool = False
    """The device speaks the clock package (TS003): its AppTimeReq is answered."""
    enabled: bool = True
    personal: Personal | None = None
    """Its session, when it never joins (ABP)."""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def root_key(self) -> bytes:
        """The key that signs join-requests: NwkKey in 1.1, AppKey before."""
        return self.nwk_key if self.version == "1.1.0" else self.app_key

    @property
    def package_key(self) -> bytes:
        """The key of the application packages: GenAppKey where 1.0.x has one, else AppKey."""
        return self.app_key if self.version == "1.1.0" else self.gen_app_key or self.app_key

    def __repr__(self) -> str:
        return f"LorawanDevice({self.dev_eui}, {self.version}, class {self.device_class})"


class Devices(Protocol):
    """Looks devices up; called at joins and when a session is loaded, never for each frame."""

    async def device(self, dev_eui: str) -> LorawanDevice | None: ...


class MemoryDevices:
    """A register in memory, for tests, the simulator and a village without a database."""

    def __init__(self, devices: tuple[LorawanDevice, ...] = ()) -> None:
        self._devices = {device.dev_eui: device for device in devices}

    def add(self, device: LorawanDevice) -> None:
        self._devices[device.dev_eui] = device

    async def device(self, dev_eui: str) -> LorawanDevice | None:
        return self._devices.get(dev_eui)
