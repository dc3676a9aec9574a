"""Send wire messages to a platform's real doors, and count what the doors took responsibility for."""

import asyncio
import contextlib
import ssl
from collections import Counter
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from clapas.domain.errors import BadSetting, EngineUnavailable, InvalidInput
from clapas.ops.simulate.mqtt_publisher import MqttPublisher
from clapas.sources.wire_message import WireMessage

TOGETHER = 32
"""HTTP requests under way at a time."""
ATTEMPTS = 5


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """Where a platform listens, and with which keys one may enter."""

    http: str = ""
    """Such as http://127.0.0.1:8080."""
    key: str = ""
    """A service key for HTTP."""
    mqtt: str = ""
    """mqtt://user:password@host:port"""
    ca_file: str = ""
    window: int = 1000


class Count(msgspec.Struct):
    """``sent`` messages over the wire; ``accepted``: messages that the log then had.

    One HTTP body may become several logged messages (a feed: one per thing): ``accepted`` counts these.
    """

    sent: int = 0
    accepted: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)


class Sender:
    """Both doors of a platform. Use it as an asynchronous context; ``close`` waits for all answers."""

    def __init__(self, doors: Doors, *, client_id: str = "clapas-feed") -> None:
        self.count = Count()
        self._doors = doors
        self._client_id = client_id
        self._mqtt: MqttPublisher | None = None
        self._room = asyncio.Semaphore(TOGETHER)
        self._under_way: set[asyncio.Task[None]] = set()
        verify = ssl.create_default_context(cafile=doors.ca_file) if doors.ca_file else True
        self._http = httpx.AsyncClient(
            base_url=doors.http,
            verify=verify,
            timeout=120.0,
            trust_env=False,
            headers={"Authorization": f"Bearer {doors.key}"} if doors.key else {},
        )
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._http)
        return self

    async def __aexit__(  # noqa: PLR0917 - Python calls it so
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self.finish()
        finally:
            for task in self._under_way:
                task.cancel()
            await self._stack.aclose()

    async def send(self, message: WireMessage) -> None:
        """Send one message; waits while the doors are behind."""
        self.count.sent += 1
        if message.door == "mqtt":
            publisher = await self._publisher()
            await publisher.publish(message.address, message.body)
            return
        await self._room.acquire()
        for failed in [each for each in self._under_way if each.done()]:
            failed.result()
        task = asyncio.create_task(self._post(message))
        self._under_way.add(task)
        task.add_done_callback(self._posted)

    async def finish(self) -> None:
        """Wait for every answer; raises what a door answered that is not about one message."""
        if self._under_way:
            await asyncio.gather(*tuple(self._under_way))
        if self._mqtt is not None:
            await self._mqtt.drain()

    def _acknowledged(self, _: int) -> None:
        self.count.accepted += 1

    def _posted(self, task: asyncio.Task[None]) -> None:
        self._room.release()
        if task.cancelled() or task.exception() is None:
            self._under_way.discard(task)

    async def _publisher(self) -> MqttPublisher:
        if self._mqtt is None:
            parts = urlsplit(self._doors.mqtt)
            if parts.scheme != "mqtt" or not parts.hostname:
                raise BadSetting("the MQTT door is mqtt://user:password@host:port", key="mqtt")
            publisher = MqttPublisher(
                parts.hostname,
                parts.port or 1883,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                client_id=self._client_id,
                window=self._doors.window,
                on_acknowledged=self._acknowledged,
            )
            self._mqtt = await self._stack.enter_async_context(publisher)
        return self._mqtt

    async def _post(self, message: WireMessage) -> None:
        """POST until the door answers: a failed promise is asked for again, with the same key."""
        headers = {"Content-Type": "application/json"}
        if message.key:
            headers["Idempotency-Key"] = message.key
        reason = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = await self._http.post(
                    message.address, content=message.body, headers=headers
                )
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return self._answered(answer)
                reason = f"HTTP {answer.status_code}"
            await asyncio.sleep(0.2 * 2**attempt)
        raise EngineUnavailable(f"the HTTP door does not answer: {reason}", reason=reason)

    def _answered(self, answer: httpx.Response) -> None:
        if answer.is_success:
            self.count.accepted += int(answer.json().get("accepted", 1))
            return
        if answer.status_code in (401, 403, 404):
            raise InvalidInput(f"the door refuses: HTTP {answer.status_code} {answer.text[:200]}")
        self.count.refused[str(answer.status_code)] += 1
