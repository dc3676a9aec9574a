"""Settings of the network server: the table ``[lorawan]``."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that an operator may choose. The doors are closed until ``enabled``."""

    enabled: bool = False
    """Open the gateways' doors."""
    host: str = "127.0.0.1"
    """Address that the gateways' doors listen on; loopback unless told otherwise."""
    udp_port: int = 1700
    """Semtech UDP port; 0 lets the system choose, -1 closes the door."""
    station_port: int = -1
    """Basics Station (WebSocket) port; -1 closes the door."""
    station_certificate: str = ""
    """PEM file of the TLS certificate; empty: plain WebSocket."""
    station_key: str = ""
    """PEM file of the certificate's private key."""
    station_client_ca: str = ""
    """PEM file of the authority that signs gateways' certificates; empty: no client certificate asked."""
    station_tokens: dict[str, str] = {}
    """Gateway EUI → the token it sends in ``Authorization``; '*' is for every gateway."""
    region: str = "EU868"
    """Regional parameters that the network follows."""
    net_id: str = "000000"
    """Hexadecimal; 000000 and 000001 are for private networks."""
    extra_channels: tuple[int, ...] | None = None
    """Frequencies in Hz added to the region's own; None: those that networks usually add."""
    enabled_channels: tuple[int, ...] | None = None
    """US915 and AU915: the numbers of the channels that the gateways listen to, such as 8 to 15 and 65."""
    dwell_400ms: bool = False
    """AS923 and AU915: devices and gateways keep each frame under 400 ms."""
    rx1_delay: int = 1
    """Seconds between an uplink and RX1, given at join; 5 suits gateways behind a slow link."""
    rx2_data_rate: int | None = None
    """None: the region's advised one, faster than its default."""
    dedup_window_ms: int = 200
    """Longest wait for copies from other gateways; the wait shrinks to what copies need."""
    late_copies_ms: int = 5000
    """How long a copy still counts as the same transmission."""
    downlink_lead_ms: int = 120
    """A window that opens sooner than this is given up: the gateway could not make it."""
    adr: bool = True
    """Let the network choose data rate and power of devices that ask for it."""
    adr_margin_db: float = 10.0
    """Installation margin of models that do not say theirs."""
    device_status_hours: int = 24
    """How often a device is asked for battery and margin; 0: never."""
    confirmed_attempts: int = 3
    """How often a confirmed downlink is sent before it is given up."""
    queue_limit: int = 32
    """Downlinks that may wait for one device."""
    counter_block: int = 32
    """Downlink counters reserved at once in the journal."""
    f_opts_erratum: bool = True
    """1.1: encrypt FOpts as corrected in 2018."""
    unknown_gateways: bool = True
    """Accept gateways that are not declared (their frames are authenticated by the devices' keys)."""
    gateways: tuple[str, ...] = ()
    """EUIs of the declared gateways, when unknown ones are refused."""
    gateway_takeover_s: float = 30.0
    """Silence after which another address may speak for a gateway's EUI."""
    in_flight: int = 20_000
    """Uplinks accepted and not yet in the durable log; above it new ones are refused as overload."""
    journal_bytes: int = 64 * 1024 * 1024
    """Size at which the journal is folded into a new snapshot."""
