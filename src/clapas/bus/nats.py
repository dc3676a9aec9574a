"""The bus on NATS JetStream.

Two raw logs: our stream ``UPLINK`` (work queue: a message leaves it when the pipeline acknowledged it)
and the listener's own ``$MQTT_msgs`` (interest: an MQTT PUBACK waits for that store and for no other,
which is why the pipeline consumes it directly). Both are created here, bounded, refusing new messages
when full rather than dropping old ones, and their consumers exist before any device may connect.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    PubAck,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from clapas.bus.port import Delivery, Handler, Inbox, LogState
from clapas.bus.settings import Settings
from clapas.bus.topics import MQTT_PREFIX, subject_of, topic_of
from clapas.domain.errors import DiskFull, EngineUnavailable
from clapas.domain.keys import LOG_MQTT, LOG_UPLINK, MQTT_STREAM, OBSERVATION_STREAM, UPLINK_STREAM
from clapas.domain.message import ObservationBatch, RawMessage
from clapas.engines import NatsAddress

ACK_WAIT_S = 10
"""How long after the death of a consumer of observations its batch comes again."""

PUBLISH_S = 15
"""How long the log may take to acknowledge."""
PIPELINE = "pipeline"
MAX_PUBLISH = 900_000
"""Bytes of one observation message; below the usual 1 MB limit of an external server."""

_encode = msgspec.msgpack.Encoder().encode
_decode_raw = msgspec.msgpack.Decoder(RawMessage).decode
_decode_batch = msgspec.msgpack.Decoder(ObservationBatch).decode


def mqtt_message(message: Msg) -> RawMessage:
    """A message of the MQTT listener as a raw message; received = when the log stored it."""
    topic = topic_of(message.subject[len(MQTT_PREFIX) :])
    return RawMessage(LOG_MQTT, topic, _stored_ms(message.reply), message.data)


def uplink_message(message: Msg) -> RawMessage:
    """A message of our own stream, as the door wrote it."""
    return _decode_raw(message.data)


def _stored_ms(reply: str) -> int:
    return int(reply.rsplit(".", 2)[1]) // 1_000_000


def _sequence(reply: str) -> int:
    return int(reply.split(".")[5])


class NatsInbox:
    """Buffers what the two push consumers deliver; the server bounds how much may be unacknowledged."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._buffer: deque[Delivery] = deque()
        self._arrived = asyncio.Event()

    def receiver(
        self, log: str, convert: Callable[[Msg], RawMessage]
    ) -> Callable[[Msg], Awaitable[None]]:
        """The callback of one log's subscription."""

        async def receive(message: Msg) -> None:
            try:
                raw = convert(message)
            except msgspec.DecodeError:
                # Not written by a door of ours: kept as it is, so that it becomes a visible reject.
                raw = RawMessage(
                    "unknown", message.subject, _stored_ms(message.reply), message.data
                )
            self._buffer.append(Delivery(log, _sequence(message.reply), raw, message.reply))
            self._arrived.set()

        return receive

    async def take(self, limit: int, *, linger: float) -> list[Delivery]:
        """See :class:`clapas.bus.port.Inbox`."""
        await self._arrived.wait()
        if len(self._buffer) < limit:
            await asyncio.sleep(linger)
        taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        if not self._buffer:
            self._arrived.clear()
        return taken

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """See :class:`clapas.bus.port.Inbox`."""
        for delivery in deliveries:
            await self._client.publish(delivery.token)
        await self._client.flush()


class NatsBus:
    """The bus of production; see :class:`clapas.bus.port.Bus` for the promises."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._js = client.jetstream(timeout=10, publish_async_max_pending=20_000)

    @property
    def client(self) -> Client:
        """The connection, for the authority that answers the server's authentication callouts."""
        return self._client

    @staticmethod
    @asynccontextmanager
    async def open(
        address: NatsAddress, settings: Settings | None = None
    ) -> "AsyncIterator[NatsBus]":
        """Connect, retry for as long as it takes afterwards, and leave without losing a publish."""
        try:
            client = await nats.connect(
                address.url,
                user=address.user or None,
                password=address.password or None,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,
                pending_size=64 * 1024 * 1024,
                connect_timeout=10,
                error_cb=_ignore,
            )
        except (NatsError, OSError) as error:
            raise EngineUnavailable("NATS does not answer", engine="nats") from error
        try:
            yield NatsBus(client, settings or Settings())
        finally:
            with contextlib.suppress(NatsError, asyncio.TimeoutError):
                await asyncio.wait_for(client.flush(), 5)
            await client.close()

    async def prepare(self) -> None:
        """Create the three streams and the pipeline's consumers, idempotent; before any device."""
        keep = self._settings
        await self._stream(
            StreamConfig(
                name=UPLINK_STREAM,
                subjects=["uplink.>"],
                retention=RetentionPolicy.WORK_QUEUE,
                discard=DiscardPolicy.NEW,
                max_bytes=keep.max_bytes,
            )
        )
        await self._stream(
            StreamConfig(
                name=MQTT_STREAM,
                subjects=[f"{MQTT_PREFIX}>"],
                retention=RetentionPolicy.INTEREST,
                discard=DiscardPolicy.NEW,
                max_bytes=keep.max_bytes,
            )
        )
        await self._stream(
            StreamConfig(
                name=OBSERVATION_STREAM,
                subjects=["observation"],
                max_age=keep.observation_hours * 3600,
                max_bytes=keep.max_bytes,
            )
        )
        for stream, subject in ((UPLINK_STREAM, "uplink.>"), (MQTT_STREAM, f"{MQTT_PREFIX}>")):
            await self._consumer(
                stream,
                PIPELINE,
                deliver_policy=DeliverPolicy.ALL,
                ack_wait=keep.redeliver_s,
                max_ack_pending=keep.in_flight,
                filter_subject=subject,
            )

    async def _stream(self, config: StreamConfig) -> None:
        config.storage = StorageType.FILE
        config.num_replicas = self._settings.replicas
        try:
            await self._js.stream_info(config.name or "")
        except NotFoundError:
            await self._js.add_stream(config)

    async def _consumer(self, stream: str, name: str, **how: object) -> str:
        """A durable push consumer shared by all that use its name; the subject that it delivers to."""
        subject = f"clapas.deliver.{name}.{stream.strip('$')}"
        config = ConsumerConfig(
            durable_name=name,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_subject=subject,
            deliver_group=name,
        ).evolve(**how)
        try:
            known = (await self._js.consumer_info(stream, name)).config
        except NotFoundError:
            await self._js.add_consumer(stream, config)
        else:
            if known.max_ack_pending != config.max_ack_pending or known.ack_wait != config.ack_wait:
                await self._js.add_consumer(stream, config)
        return subject

    async def publish_uplink(self, message: RawMessage) -> int:
        """See :class:`clapas.bus.port.Bus`."""
        return (await self.publish_uplinks([message]))[0]

    async def publish_uplinks(self, messages: Sequence[RawMessage]) -> list[int]:
        """See :class:`clapas.bus.port.Bus`."""
        sent = await self._publish([(f"uplink.{each.source}", _encode(each)) for each in messages])
        return [acknowledgement.seq for acknowledgement in sent]

    async def publish_observations(self, batch: ObservationBatch) -> None:
        """See :class:`clapas.bus.port.Bus`."""
        await self._publish([("observation", part) for part in _parts(batch)])

    async def _publish(self, messages: Sequence[tuple[str, bytes]]) -> list[PubAck]:
        """Log (subject, payload) of each. Raises DiskFull when the log refuses, EngineUnavailable when it is away.

        The library never ends the wait for a publish that the log answered with an error: time ends it.
        """
        try:
            pending = [await self._js.publish_async(*each) for each in messages]
            return await asyncio.wait_for(asyncio.gather(*pending), PUBLISH_S)
        except APIError as error:
            raise DiskFull("the durable log refuses new messages", detail=str(error)) from error
        except (NatsError, TimeoutError) as error:
            raise EngineUnavailable("the durable log does not answer", engine="nats") from error

    async def answer(self, topic: str, reply: Callable[[bytes], Awaitable[bytes]]) -> None:
        """Answer the requests of other processes of the platform on a topic, until cancelled."""
        subscription = await self._client.subscribe(subject_of(topic), queue="answer")
        try:
            async for message in subscription.messages:
                answer = await reply(message.data)
                if message.reply:
                    await message.respond(answer)
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def ask(self, topic: str, request: bytes, *, timeout_s: float = 5.0) -> bytes:
        """The answer of another process of the platform. Raises EngineUnavailable when nobody answers."""
        try:
            answer = await self._client.request(subject_of(topic), request, timeout=timeout_s)
        except (NatsError, TimeoutError) as error:
            raise EngineUnavailable("nobody answers", topic=topic) from error
        return answer.data

    async def hear(self, filters: Sequence[str], heard: Callable[[str, bytes], None]) -> None:
        """Give what clients publish on these MQTT topic filters to ``heard`` as it comes, from now on.

        Best effort, at any QoS, beside what the logs keep.
        """

        async def receive(message: Msg) -> None:
            heard(topic_of(message.subject), message.data)

        for each in filters:
            await self._client.subscribe(subject_of(each), cb=receive)

    async def tell(self, topic: str, payload: bytes) -> None:
        """Give a message to the MQTT clients that listen to a topic now; nothing is kept of it."""
        try:
            await self._client.publish(subject_of(topic), payload)
            await self._client.flush()
        except (NatsError, OSError) as error:
            raise EngineUnavailable("NATS does not answer", engine="nats") from error

    @asynccontextmanager
    async def inbox(self) -> AsyncIterator[Inbox]:
        """See :class:`clapas.bus.port.Bus`."""
        box = NatsInbox(self._client)
        logs = (
            (UPLINK_STREAM, LOG_UPLINK, uplink_message),
            (MQTT_STREAM, LOG_MQTT, mqtt_message),
        )
        subscriptions = [
            await self._client.subscribe(
                f"clapas.deliver.{PIPELINE}.{stream.strip('$')}",
                queue=PIPELINE,
                cb=box.receiver(log, convert),
                pending_msgs_limit=-1,
                pending_bytes_limit=-1,
            )
            for stream, log, convert in logs
        ]
        try:
            yield box
        finally:
            for subscription in subscriptions:
                with contextlib.suppress(NatsError):
                    await subscription.unsubscribe()

    async def relay_unacknowledged(self, filters: Sequence[str]) -> None:
        """Log what devices publish at QoS 0, which the listener's own log never holds.

        ``filters`` are MQTT topic filters. Such messages count from the moment they are logged.
        """

        async def relay(message: Msg) -> None:
            if (message.headers or {}).get("Nmqtt-Pub") == "0":
                now = time.time_ns() // 1_000_000
                raw = RawMessage(LOG_MQTT, topic_of(message.subject), now, message.data)
                await self.publish_uplink(raw)

        for each in filters:
            await self._client.subscribe(subject_of(each), queue="unacknowledged", cb=relay)

    async def log_states(self) -> tuple[LogState, ...]:
        """See :class:`clapas.bus.port.Bus`."""
        return (
            await self._log_state(UPLINK_STREAM, LOG_UPLINK),
            await self._log_state(MQTT_STREAM, LOG_MQTT),
        )

    async def _log_state(self, stream: str, name: str) -> LogState:
        try:
            info = await self._js.stream_info(stream)
            consumer = await self._js.consumer_info(stream, PIPELINE)
        except NatsError as error:
            raise EngineUnavailable("the durable log does not answer", engine="nats") from error
        return LogState(
            name=name,
            incarnation=info.created.isoformat() if info.created else "",
            first=1,
            last=info.state.last_seq,
            waiting=(consumer.num_pending or 0) + (consumer.num_ack_pending or 0),
            bytes=info.state.bytes,
        )

    async def enlist(self, durable: str) -> None:
        """See :class:`clapas.bus.port.Bus`."""
        await self._observer(durable)

    async def _observer(self, durable: str) -> str:
        """One batch at a time: what a killed consumer held comes again before what follows it."""
        return await self._consumer(
            OBSERVATION_STREAM,
            durable,
            deliver_policy=DeliverPolicy.NEW,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=1,
        )

    async def consume(self, durable: str, handler: Handler) -> None:
        """See :class:`clapas.bus.port.Bus`."""
        subject = await self._observer(durable)
        subscription = await self._client.subscribe(subject, queue=durable)
        try:
            async for message in subscription.messages:
                async with _at_work(message):
                    await handler(_decode_batch(message.data))
                await message.ack()
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def follow(self) -> AsyncIterator[ObservationBatch]:
        """See :class:`clapas.bus.port.Bus`."""
        subscription = await self._client.subscribe("observation", pending_msgs_limit=1000)
        try:
            async for message in subscription.messages:
                yield _decode_batch(message.data)
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()


@asynccontextmanager
async def _at_work(message: Msg) -> AsyncIterator[None]:
    """Tell the server, again and again, that a batch is being worked on."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_S / 3)
            await message.in_progress()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


def _parts(batch: ObservationBatch) -> list[bytes]:
    encoded = _encode(batch)
    if len(encoded) <= MAX_PUBLISH or len(batch.observations) < 2:
        return [encoded]
    middle = len(batch.observations) // 2
    halves = (batch.observations[:middle], batch.observations[middle:])
    return [
        part
        for half in halves
        for part in _parts(msgspec.structs.replace(batch, observations=half))
    ]


async def _ignore(_: Exception) -> None:
    """nats-py prints connection errors by itself otherwise; reconnecting is its own affair."""
