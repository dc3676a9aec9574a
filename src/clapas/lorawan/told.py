"""What is told of gateways, devices and downlinks to whoever may ask: rows without any key."""

from typing import Any, Final, Literal

import msgspec

from clapas.lorawan.adr import packet_loss
from clapas.lorawan.gateways import ONLINE_S, Gateway, GatewayFacts
from clapas.lorawan.network import Network
from clapas.lorawan.session import GROUP, DeviceState, QueueItem, Session
from clapas.lorawan.settings import Settings

_GATEWAY: Final = (*GatewayFacts.__struct_fields__, "forwarded_share", "gps")
_SESSION: Final = (
    "id", "version", "f_cnt_up", "f_cnt_down", "dr", "tx_power", "nb_trans", "rx_delay", "rx2_dr", "rx2_frequency",
    "device_class", "last_seen", "last_gateways", "activated", "joined", "mac_errors",
)  # fmt: skip


class DownlinkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A downlink with the device, or the multicast group, that it is for."""

    device: str
    item: QueueItem


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What must be typed into a gateway so that it speaks to this server; a port is None where the door is closed."""

    region: str
    host: str
    """The address that the doors listen on."""
    reach: Literal["machine", "network", "address"]
    """This machine alone, all of its addresses, or the one address of ``host``."""
    udp_port: int | None
    station_port: int | None
    station_tls: bool
    station_proof: Literal["nothing", "token", "certificate"]
    """What a Basics Station must show; tokens are never told."""
    unknown_gateways: bool
    channels: list[int]
    """Frequencies (Hz) that devices of this network send on."""


def doors_of(network: Network, *, udp_port: int | None, station_port: int | None) -> Doors:
    """The doors of a running server."""
    settings = network.settings
    chosen = settings.enabled_channels
    fixed = [each.frequency for each in network.region.channels]
    return Doors(
        region=network.region.name,
        host=settings.host,
        reach=_reach(settings.host),
        udp_port=udp_port,
        station_port=station_port,
        station_tls=bool(settings.station_certificate),
        station_proof=_proof(settings),
        unknown_gateways=settings.unknown_gateways,
        channels=[fixed[each] for each in chosen] if chosen else [*fixed, *network.extra],
    )


def _reach(host: str) -> Literal["machine", "network", "address"]:
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - recognised, never bound
        return "network"
    return "machine" if host.startswith("127.") or host in ("::1", "localhost") else "address"


def _proof(settings: Settings) -> Literal["nothing", "token", "certificate"]:
    if settings.station_client_ca:
        return "certificate"
    return "token" if settings.station_tokens else "nothing"


def gateway_row(network: Network, gateway: Gateway, *, now: float) -> dict[str, Any]:
    """A gateway as the page shows it; ``duty_cycle`` is the share of each band's hour that is spent."""
    row: dict[str, Any] = {name: getattr(gateway, name) for name in _GATEWAY}
    row["online"] = now - gateway.heard_at < ONLINE_S
    row["duty_cycle"] = {
        str(band): round(share, 4)
        for band, share in network.gateways.duty_cycle(gateway.id, now).items()
    }
    return row


def device_row(state: DeviceState) -> dict[str, Any]:
    """A device's state without its keys."""
    row: dict[str, Any] = {
        "dev_eui": state.dev_eui,
        "join_nonce": state.join_nonce,
        "dev_nonces": len(state.dev_nonces),
    }
    if state.session is not None:
        row["session"] = session_row(state.session)
    return row


def session_row(session: Session) -> dict[str, Any]:
    """A session without its keys; ``loss`` is in percent over the last twenty uplinks."""
    heard = session.heard()
    row: dict[str, Any] = {name: getattr(session, name) for name in _SESSION}
    row["dev_addr"] = f"{session.dev_addr:08x}"
    row["snr"] = [each.snr for each in heard]
    row["loss"] = packet_loss([each.f_cnt for each in heard])
    return row


def downlink_rows(network: Network, most: int) -> list[DownlinkRow]:
    """Downlinks of every device: those that wait or fly, then the last ones that ended, newest first."""
    open_ones = [
        DownlinkRow(device=state.dev_eui, item=item)
        for state in network.state.devices()
        if state.queue
        for item in state.queue
    ]
    open_ones.sort(key=lambda row: -row.item.changed)
    ended = [DownlinkRow(device=owner, item=item) for owner, item in reversed(network.finished)]
    return [*open_ones[:most], *ended[:most]]


def group_row(state: DeviceState) -> dict[str, Any]:
    """A multicast group without its key."""
    session = state.session
    row: dict[str, Any] = {
        "name": state.dev_eui.removeprefix(GROUP),
        "members": list(state.members),
        "waiting": len(state.queue),
    }
    if session is not None:
        row |= {
            "mc_addr": f"{session.dev_addr:08x}",
            "class": session.device_class,
            "frequency": session.rx2_frequency,
            "dr": session.rx2_dr,
            "f_cnt_down": session.f_cnt_down,
        }
    return row
