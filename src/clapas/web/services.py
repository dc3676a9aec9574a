"""What the application is given by whoever composes the platform."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request

from clapas.api_gateway import Quotas
from clapas.api_gateway.settings import Settings as GatewaySettings
from clapas.bus import Bus
from clapas.charter import PURPOSE, AuditTrail, Charter, CharterKeeper, Exit
from clapas.codecs import CodecPool
from clapas.domain.access import Principal, RowFilter
from clapas.domain.errors import EngineUnavailable
from clapas.fleet.sealing import Sealer
from clapas.governance.vault import Vault
from clapas.identity import Identity
from clapas.store import Store
from clapas.store.identity import OpenSession
from clapas.web.keyless import Keyless
from clapas.web.live import LiveHub
from clapas.web.settings import Settings
from clapas.web.usage import Usage

Call = Request[Principal, OpenSession | None, Any]
"""A request: ``user`` is the principal, ``auth`` the session when there is one."""


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is, as the home page shows it."""

    name: str
    mode: str
    ok: bool
    detail: str = ""
    since: datetime | None = None


class SourceSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a connector besides its messages: switched on, its error, its settings."""

    name: str
    enabled: bool = True
    error: str = ""
    settings: dict[str, Any] = {}


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something else that a person should look at; the home page words ``wrong.<kind>`` with the values."""

    kind: str
    severity: str
    values: dict[str, Any] = {}
    link: str = ""
    since: datetime | None = None


async def no_notices() -> Sequence[Notice]:
    """Nothing else."""
    return ()


async def none_refused() -> int:
    """No publish was refused."""
    return 0


def unlimited() -> bool:
    """Nobody watches the disk."""
    return True


async def no_radio(_request: bytes) -> bytes:
    """No LoRaWAN network server runs here."""
    raise EngineUnavailable("no LoRaWAN network server runs here", engine="lorawan")


async def no_engines() -> Sequence[EngineState]:
    """The engines when nobody watches them."""
    return ()


async def no_sources() -> Sequence[SourceSetup]:
    """The connectors' set-up when no runner tells it."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The rooms below, started, and the few facts that only the composer knows."""

    store: Store
    bus: Bus
    charter: Charter
    identity: Identity
    live: LiveHub
    codecs: CodecPool
    settings: Settings
    version: str
    started: datetime
    simulated: bool = False
    directory: Path | None = None
    """The node's data directory, where added trades lie."""
    mounts: Mapping[str, Any] = field(default_factory=dict)
    """ASGI applications of other rooms by the path they answer under, which authenticate by themselves."""
    engines: Callable[[], Awaitable[Sequence[EngineState]]] = no_engines
    sources: Callable[[], Awaitable[Sequence[SourceSetup]]] = no_sources
    notices: Callable[[], Awaitable[Sequence[Notice]]] = no_notices
    has_room: Callable[[], bool] = unlimited
    """Is there room on the disk for new messages?"""
    refused: Callable[[], Awaitable[int]] = none_refused
    """Publishes that rights forbade since the start: outside the ledger."""
    radio: Callable[[bytes], Awaitable[bytes]] = no_radio
    """Asks the embedded LoRaWAN network server: a request and its answer, in JSON."""
    networks: Mapping[str, bool] = field(default_factory=dict)
    """The network servers whose registries can be compared with ours: are they set?"""
    sealer: Sealer | None = None
    """Seals devices' root keys that somebody types in."""
    audit: AuditTrail | None = None
    keeper: CharterKeeper | None = None
    quotas: Quotas | None = None
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    keyless: Keyless = field(default_factory=lambda: Keyless(seconds=0, megabytes=0))
    vault: Vault | None = None
    usage: Usage = field(default_factory=Usage)
    ways: tuple[str, ...] = ()
    """The channels by which people may be told, besides the page's inbox."""


def services_of(request: Call) -> Services:
    """The services of the application that answers this request."""
    services: Services = request.app.state.services
    return services


def exit_of(request: Call, action: str = "read") -> Exit:
    """The way out for this caller: rows, values and history as the charter gives them.

    The purpose is the one that the call declares in ``X-Clapas-Purpose``.
    """
    services = services_of(request)
    return Exit(
        charter=services.charter,
        principal=request.user,
        action=action,
        purpose=request.headers.get(PURPOSE, "")[:60],
        audit=services.audit,
    )


def rows_of(request: Call, kind: str, *, action: str = "read") -> RowFilter:
    """Which rows of ``kind`` this caller may see."""
    return exit_of(request, action).rows(kind)
