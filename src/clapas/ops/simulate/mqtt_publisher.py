"""A fast MQTT 3.1.1 publisher that knows exactly what was acknowledged.

QoS 1 with a window: at most ``window`` messages are unacknowledged. When the connection falls, it comes
back by itself and sends again, in order and marked as duplicates, what was not acknowledged. Source: OASIS
MQTT 3.1.1, clauses 3.1 (CONNECT), 3.3 (PUBLISH), 3.4 (PUBACK), 4.4 (delivery retry).
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterable
from typing import Self

from clapas.domain.errors import ClapasError, EngineUnavailable, Forbidden, InvalidInput

KEEP_ALIVE_S = 60
MAX_REMAINING = 268_435_455
FLUSH_BYTES = 1 << 16
REFUSED = {1: "protocol", 2: "client id", 3: "unavailable", 4: "user or password", 5: "not allowed"}


def length(size: int) -> bytes:
    """MQTT's variable length of what follows (clause 2.2.3)."""
    if size < 128:
        return bytes((size,))
    if size > MAX_REMAINING:
        raise InvalidInput("the message is larger than MQTT can carry", size=size)
    out = bytearray()
    while size:
        size, digit = divmod(size, 128)
        out.append(digit | (128 if size else 0))
    return bytes(out)


def text(value: str) -> bytes:
    """A text as MQTT writes it: its length on two bytes, then UTF-8."""
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def connect_packet(client_id: str, user: str, *, password: str) -> bytes:
    """CONNECT, clean session."""
    flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
    body = text("MQTT") + bytes((4, flags)) + struct.pack(">H", KEEP_ALIVE_S) + text(client_id)
    body += (text(user) if user else b"") + (text(password) if password else b"")
    return b"\x10" + length(len(body)) + body


def publish_packet(topic: bytes, payload: bytes, *, packet_id: int, again: bool = False) -> bytes:
    """PUBLISH at QoS 1."""
    size = len(topic) + len(payload) + 4
    head = b"\x3a" if again else b"\x32"
    return b"".join(
        (
            head,
            length(size),
            struct.pack(">H", len(topic)),
            topic,
            struct.pack(">H", packet_id),
            payload,
        )
    )


class MqttPublisher:
    """Publishes at QoS 1 and counts acknowledgements. Use it as an asynchronous context.

    ``acknowledged`` is exact; ``on_acknowledged(number)`` is called with the rank of each message.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str = "",
        password: str = "",
        client_id: str = "clapas-publisher",
        window: int = 2000,
        on_acknowledged: Callable[[int], None] | None = None,
    ) -> None:
        self._address = (host, port)
        self._connect = connect_packet(client_id, user, password=password)
        self._window = max(1, min(window, 60_000))
        self._tell = on_acknowledged
        self._waiting: dict[int, tuple[int, bytes, bytes]] = {}
        self._next = 1
        self._buffer = bytearray()
        self._writer: asyncio.StreamWriter | None = None
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.sent = 0
        self.acknowledged = 0
        self.connections = 0

    async def __aenter__(self) -> Self:
        reader = await self._open()
        self._tasks = [
            asyncio.create_task(self._live(reader), name="mqtt publisher"),
            asyncio.create_task(self._ping(), name="mqtt ping"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write(b"\xe0\x00")
                self._writer.close()
                await self._writer.wait_closed()

    async def publish(self, topic: str, payload: bytes) -> int:
        """Send one message; answers its rank. Waits while the window is full."""
        rank = await self._take(topic, payload)
        self._flush()
        return rank

    async def publish_many(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Send them all, many to a packet; answers how many."""
        before = self.sent
        for topic, payload in messages:
            await self._take(topic, payload)
            if len(self._buffer) > FLUSH_BYTES:
                self._flush()
        self._flush()
        return self.sent - before

    async def drain(self, timeout_s: float = 60.0) -> None:
        """Wait until everything sent is acknowledged; raises ``EngineUnavailable``."""
        self._flush()
        try:
            async with asyncio.timeout(timeout_s):
                while self._waiting:
                    await self._next_move()
        except TimeoutError:
            raise EngineUnavailable(
                f"{len(self._waiting)} messages are not acknowledged", waiting=len(self._waiting)
            ) from None

    async def _take(self, topic: str, payload: bytes) -> int:
        while len(self._waiting) >= self._window:
            self._flush()
            await self._next_move()
        packet_id = self._free_id()
        name = topic.encode()
        self.sent += 1
        self._waiting[packet_id] = (self.sent, name, payload)
        self._buffer += publish_packet(name, payload, packet_id=packet_id)
        return self.sent

    def _free_id(self) -> int:
        while self._next in self._waiting:
            self._next = self._next % 65_535 + 1
        packet_id, self._next = self._next, self._next % 65_535 + 1
        return packet_id

    def _flush(self) -> None:
        if self._buffer and self._writer is not None and not self._writer.is_closing():
            self._writer.write(bytes(self._buffer))
        self._buffer.clear()

    async def _next_move(self) -> None:
        self._moved.clear()
        if self._waiting:
            await self._moved.wait()

    async def _open(self) -> asyncio.StreamReader:
        """Connect; raises ``EngineUnavailable`` or ``Forbidden``."""
        try:
            reader, writer = await asyncio.open_connection(*self._address)
        except OSError as error:
            raise EngineUnavailable(f"MQTT {self._address}: {error}") from error
        try:
            writer.write(self._connect)
            answer = await reader.readexactly(4)
        except (OSError, asyncio.IncompleteReadError) as error:
            writer.close()
            raise EngineUnavailable(f"MQTT {self._address}: {error}") from error
        if answer[0] != 0x20 or answer[3] != 0:
            writer.close()
            reason = REFUSED.get(answer[3], "refused")
            raise Forbidden(f"MQTT refuses: {reason}", reason=reason)
        self._writer = writer
        self.connections += 1
        return reader

    async def _live(self, reader: asyncio.StreamReader) -> None:
        """Read acknowledgements for ever; come back when the connection falls."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._read(reader)
            reader = await self._again()

    async def _again(self) -> asyncio.StreamReader:
        if self._writer is not None:
            self._writer.close()
        self._writer, pause = None, 0.05
        while True:
            try:
                reader = await self._open()
            except ClapasError:  # also a refusal: who answers for devices may be starting again
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
                continue
            self._buffer.clear()
            for packet_id, (_, topic, payload) in sorted(
                self._waiting.items(), key=lambda item: item[1][0]
            ):
                self._buffer += publish_packet(topic, payload, packet_id=packet_id, again=True)
            self._flush()
            return reader

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await reader.read(1 << 16):
            rest = self._acknowledge(rest + chunk)

    def _acknowledge(self, data: bytes) -> bytes:
        """Take each PUBACK of the data; answers what is left of a packet that is not complete."""
        at = 0
        while len(data) - at >= 2 and len(data) - at >= 2 + data[at + 1]:
            if data[at] == 0x40:
                done = self._waiting.pop(data[at + 2] << 8 | data[at + 3], None)
                if done is not None:
                    self.acknowledged += 1
                    if self._tell is not None:
                        self._tell(done[0])
            at += 2 + data[at + 1]
        self._moved.set()
        return data[at:]

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S / 2)
            if self._writer is not None and not self._writer.is_closing():
                self._writer.write(b"\xc0\x00")
