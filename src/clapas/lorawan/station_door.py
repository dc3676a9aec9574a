"""The door for LoRa Basics Station gateways: WebSocket, TLS, token or certificate, no remote shell."""

import hmac
import ssl
import time
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from clapas.domain.errors import BadSetting
from clapas.lorawan import station
from clapas.lorawan.conversation import gps_now
from clapas.lorawan.errors import FrameError
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.radio import Emission, Reception
from clapas.lorawan.rejections import Rejection
from clapas.lorawan.scheduler import Scheduler
from clapas.lorawan.settings import Settings
from clapas.lorawan.udp import note_noise

MAX_MESSAGE: Final = 16_384
_DISCOVERY: Final = "/router-info"
_TRAFFIC: Final = "/router/"
_encode = msgspec.json.Encoder().encode


class StationDoor:
    """Implements :class:`clapas.lorawan.radio.Door` over WebSocket connections."""

    name = "station"
    both_windows = True
    reports: Literal["always", "success"] = "success"

    def __init__(self, network: Network, scheduler: Scheduler) -> None:
        self._network = network
        self._scheduler = scheduler
        self._connections: dict[str, ServerConnection] = {}
        self._server: Server | None = None
        self._secure = False

    @property
    def port(self) -> int:
        """The port that the socket really has."""
        return int(next(iter(self._server.sockets)).getsockname()[1]) if self._server else 0

    async def open(self, settings: Settings) -> None:
        """Listen where the settings say."""
        context = tls_context(settings)
        self._secure = context is not None
        self._server = await serve(
            self._serve,
            settings.host,
            settings.station_port,
            ssl=context,
            process_request=self._admit,
            max_size=MAX_MESSAGE,
            max_queue=64,
            open_timeout=10,
            server_header=None,
        )
        self._network.doors[self.name] = self

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Default deny: a known path, and the token or certificate of that gateway where one is asked."""
        if request.path == _DISCOVERY:
            return None
        if not request.path.startswith(_TRAFFIC):
            return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
        try:
            eui = station.read_eui(request.path.removeprefix(_TRAFFIC))
        except FrameError:
            return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
        settings = self._network.settings
        if not settings.unknown_gateways and eui not in settings.gateways:
            self._reject("unknown_gateway", eui)
            return connection.respond(HTTPStatus.FORBIDDEN, "unknown gateway\n")
        if not _token_fits(settings, eui, request=request) or not _certificate_fits(
            settings, eui, connection=connection
        ):
            self._reject("unauthorised", eui)
            return connection.respond(HTTPStatus.UNAUTHORIZED, "token or certificate needed\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        try:
            if path == _DISCOVERY:
                await self._discover(connection)
            else:
                await self._traffic(connection, station.read_eui(path.removeprefix(_TRAFFIC)))
        except ConnectionClosed:
            return

    async def _discover(self, connection: ServerConnection) -> None:
        """Tell a router where its traffic goes."""
        text = await connection.recv()
        try:
            asked = msgspec.json.decode(text, type=dict[str, Any])
            eui = station.read_eui(asked.get("router", ""))
        except (msgspec.MsgspecError, FrameError):
            await connection.send('{"error":"a discovery names its router"}')
            return
        host = (
            connection.request.headers.get("Host", "localhost")
            if connection.request
            else "localhost"
        )
        scheme = "wss" if self._secure else "ws"
        answer = {
            "router": station.id6(eui),
            "muxs": "::0",
            "uri": f"{scheme}://{host}{_TRAFFIC}{eui}",
        }
        await connection.send(_encode(answer).decode())

    async def _traffic(self, connection: ServerConnection, eui: str) -> None:
        before = self._connections.get(eui)
        if before is not None:
            await before.close(1001, "the gateway opened another connection")
        self._connections[eui] = connection
        try:
            async for text in connection:
                if isinstance(text, bytes):
                    self._reject("remote_shell", eui)
                    continue
                await self._message(connection, eui, text=text)
        finally:
            if self._connections.get(eui) is connection:
                del self._connections[eui]

    async def _message(self, connection: ServerConnection, eui: str, *, text: str) -> None:
        try:
            message = station.read(text)
        except FrameError as wrong:
            self._reject("malformed_packet", eui, detail=str(wrong))
            return
        gateway = self._network.gateways.touch(
            eui, door=self.name, now=time.monotonic(), wall=wall_ms()
        )
        gateway.address = str(connection.remote_address[0]) if connection.remote_address else ""
        if message.msgtype in {"jreq", "updf"}:
            self._heard(message, eui)
        elif message.msgtype == "version":
            config = station.router_config(
                self._network.region, self._network.extra, mux_time=time.time()
            )
            await connection.send(_encode(config).decode())
        elif message.msgtype == "dntxed":
            self._scheduler.report(message.diid, None)
        elif message.msgtype == "timesync":
            answer = {
                "msgtype": "timesync",
                "txtime": message.txtime,
                "gpstime": gps_now(wall_ms()) * 1000,
            }
            await connection.send(_encode(answer | {"MuxTime": time.time()}).decode())
        elif message.msgtype in {"rmtsh", "runcmd"}:
            self._reject("remote_shell", eui)

    def _heard(self, message: station.Message, eui: str) -> None:
        info = message.upinfo or station.UpInfo()
        try:
            phy = station.phy_payload(message)
            rate = self._network.region.data_rate(message.DR)
        except FrameError as wrong:
            self._reject("malformed_packet", eui, detail=str(wrong))
            return
        gateway = self._network.gateways.get(eui)
        if gateway is not None:
            gateway.uplinks += 1
            note_noise(gateway, info.rssi, snr=info.snr)
        self._network.receive(
            Reception(
                gateway=eui,
                phy=phy,
                frequency=message.Freq,
                data_rate=rate.text,
                rssi=info.rssi,
                snr=info.snr,
                arrived=time.monotonic(),
                received=wall_ms(),
                door=self,
                context=(info.rctx, info.xtime),
                gps_ms=info.gpstime // 1000 if info.gpstime > 0 else None,
            )
        )

    def _reject(self, reason: str, eui: str, *, detail: str = "") -> None:
        self._network.rejections.add(Rejection(reason, wall_ms(), eui, "", detail[:120]))

    def reaches(self, gateway: str) -> bool:
        return gateway in self._connections

    async def emit(self, emission: Emission) -> None:
        connection = self._connections.get(emission.gateway)
        if connection is None:
            self._scheduler.report(emission.id, "NO_GATEWAY")
            return
        message = station.downlink_message(emission, mux_time=time.time())
        try:
            await connection.send(_encode(message).decode())
        except ConnectionClosed:
            self._scheduler.report(emission.id, "NO_GATEWAY")


def _token_fits(settings: Settings, eui: str, *, request: Request) -> bool:
    if not settings.station_tokens:
        return True
    wanted = settings.station_tokens.get(eui) or settings.station_tokens.get("*", "")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return bool(wanted) and hmac.compare_digest(wanted.encode(), given.encode())


def _certificate_fits(settings: Settings, eui: str, *, connection: ServerConnection) -> bool:
    """The client certificate's common name must be the gateway's EUI."""
    if not settings.station_client_ca:
        return True
    found = connection.transport.get_extra_info("peercert") or {}
    names = [
        value for part in found.get("subject", ()) for name, value in part if name == "commonName"
    ]
    return any(name.replace("-", "").replace(":", "").lower() == eui for name in names)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS side of the settings; None for plain WebSocket."""
    if not settings.station_certificate:
        if settings.station_client_ca:
            raise BadSetting(
                "client certificates need TLS", key="lorawan.station_certificate", value=""
            )
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.station_certificate, settings.station_key or None)
        if settings.station_client_ca:
            context.load_verify_locations(settings.station_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as wrong:
        raise BadSetting(
            f"the certificate of the Basics Station door cannot be read: {wrong}",
            key="lorawan.station_certificate",
            value=settings.station_certificate,
        ) from wrong
    return context
