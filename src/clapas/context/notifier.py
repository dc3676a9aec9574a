"""The notifier: takes events, keeps deliveries in the ledger, sends them; one process at a time, nothing lost.

An event is removed in the transaction that keeps its deliveries, and a delivery is done only once its
endpoint answered: killed at any moment, what was promised is sent after the next start.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from clapas.context.broker import Broker
from clapas.context.errors import NgsiError
from clapas.context.model import now_text
from clapas.context.mqtt import send_mqtt
from clapas.context.notify import Subscriber, concerned, delivery, ready, shown, told
from clapas.context.periods import Periods
from clapas.context.post import Poster
from clapas.context.query import q as language
from clapas.context.search import predicate
from clapas.domain.errors import ClapasError, EngineUnavailable
from clapas.notify.hosts import is_private
from clapas.store.context import as_json
from clapas.store.postgres import listen

log = logging.getLogger(__name__)
BATCH = 500
KEPT_TOGETHER = 25
"""Results written in one statement; after a crash in between, so many may be sent again."""
BACKOFF = (2.0, 10.0, 60.0, 300.0)


class Notifier:
    """Works while its broker is open."""

    def __init__(self, broker: Broker, poster: Poster) -> None:
        self._broker = broker
        self._poster = poster
        self._store = broker.store
        self._awake = asyncio.Event()
        self.stopped = False
        self._stale = True
        self._subscribers: dict[str, list[Subscriber]] = {}
        self._periods = Periods(broker)
        self._sent: dict[tuple[str, str], float] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}

    def stop(self) -> None:
        """No further round is begun: a cancellation may be lost inside a library, this is not."""
        self.stopped = True
        self._awake.set()

    def wake(self) -> None:
        """Something was written."""
        self._awake.set()

    def forget(self) -> None:
        """Subscriptions changed."""
        self._stale = True
        self._awake.set()

    async def run(self) -> None:
        """Until cancelled."""
        listening = asyncio.create_task(
            listen(
                self._store.dsn,
                "clapas_context",
                told=lambda payload: self.forget() if payload == "s" else self.wake(),
                lost=self.forget,
            )
        )
        try:
            while not self.stopped:
                try:
                    async with self._store.leading() as lead:
                        if lead:
                            await self._lead()
                    if not self.stopped:
                        await asyncio.sleep(2)
                except ClapasError as error:
                    log.warning("notifications wait: %s", error)
                    await asyncio.sleep(1)
                except Exception:
                    log.exception("notifications wait: a defect")
                    await asyncio.sleep(5)
        finally:
            listening.cancel()
            for task in self._busy.values():
                task.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _lead(self) -> None:
        ticking = asyncio.create_task(self._periods.run())
        try:
            while not self.stopped:
                self._awake.clear()
                await self._load()
                while await self._digest():
                    pass
                await self._dispatch()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await self._awake.wait()
        finally:
            ticking.cancel()

    async def _load(self) -> None:
        if not self._stale:
            return
        self._stale = False
        found: dict[str, list[Subscriber]] = defaultdict(list)
        for tenant, body, state in await self._store.rows("all_subscriptions", kind="e"):
            try:
                found[tenant].append(await ready(self._broker, tenant, body=body, state=state))
            except NgsiError as error:
                log.warning("the subscription %s cannot be used: %s", body.get("id"), error)
        self._subscribers = found
        self._periods.subscribers = [
            each for held in found.values() for each in held if "timeInterval" in each.body
        ]
        following = await self._store.rows("all_subscriptions", kind="c")
        self._periods.following = [each for each in following if "timeInterval" in each[1]]

    async def _digest(self) -> bool:
        """Events into deliveries, in one transaction; false when there were none."""
        async with self._store.change("") as change:
            rows = await change.run("take_events", limit=BATCH)
            if not rows:
                return False
            await self._load()
            chosen = await self._chosen(rows)
            deliveries: list[dict[str, Any]] = []
            for subscriber, event, fired in chosen:
                if self._throttled(subscriber):
                    continue
                deliveries += await self._told(subscriber, event, fired=fired)
            if deliveries:
                await change.run("add_deliveries", rows=as_json(deliveries))
            await change.run("events_done", seqs=[row[0] for row in rows])
        return len(rows) == BATCH

    async def _told(
        self, subscriber: Subscriber, event: Any, *, fired: Any
    ) -> list[dict[str, Any]]:
        """The delivery of an event to one subscriber; one that cannot be made delays nobody else.

        Raises EngineUnavailable: the event stays, and is told once the database is back.
        """
        try:
            entity = told(subscriber, event, fired=fired)
            data = await shown(self._broker, subscriber, entities=[entity])
            made = delivery(subscriber, data)
            as_json(made)
        except EngineUnavailable:
            raise
        except Exception:
            log.exception("a notification of %s cannot be made", subscriber.id)
            return []
        return [made]

    async def _chosen(self, rows: list[Any]) -> list[tuple[Subscriber, Any, Any]]:
        """Which events concern whom; ``q`` is asked of the database, for all at once."""
        chosen: list[tuple[Subscriber, Any, Any]] = []
        pairs: list[dict[str, Any]] = []
        for place, (_, tenant, event) in enumerate(rows):
            for subscriber in self._subscribers.get(tenant, ()):
                if "timeInterval" in subscriber.body:
                    continue
                fired = concerned(subscriber, event)
                geo = subscriber.geo
                if fired is None or (
                    geo is not None and not geo.holds(event["doc"].get(geo.attribute, []))
                ):
                    continue
                if subscriber.path:
                    path = await self._path(subscriber)
                    pairs.append({"place": len(chosen), "document": place, "path": path})
                chosen.append((subscriber, event, fired))
        if not pairs:
            return chosen
        docs = as_json([event["doc"] for _, _, event in rows])
        answers = await self._store.rows("matches", pairs=as_json(pairs), docs=docs)
        refused = {place for place, holds in answers if not holds}
        return [each for place, each in enumerate(chosen) if place not in refused]

    async def _path(self, subscriber: Subscriber) -> str:
        if not subscriber.deep:
            return subscriber.path
        body, terms = subscriber.body, subscriber.context.terms
        expanded = body.get("expandValues", ())
        tree = language.parse(body["q"], encoded=True)
        return await predicate(
            self._broker, subscriber.tenant, tree=tree, terms=terms, expanded=expanded
        )

    def _throttled(self, subscriber: Subscriber) -> bool:
        key = (subscriber.tenant, subscriber.id)
        now = time.monotonic()
        wait = subscriber.body.get("throttling", 0)
        if wait and now - self._sent.get(key, -1e9) < wait:
            return True
        self._sent[key] = now
        return False

    async def _dispatch(self) -> None:
        """Hand due deliveries to one worker for each endpoint, so that a dead one delays no other."""
        now = time.monotonic()
        resting = [each for each, until in self._resting.items() if until > now]
        busy = [*self._busy, *resting]
        rows = await self._store.rows("due_deliveries", busy=busy, limit=BATCH * 4)
        by_endpoint: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_endpoint[row[4]].append(row)
        for endpoint, held in by_endpoint.items():
            task = asyncio.create_task(self._serve(endpoint, held))
            self._busy[endpoint] = task

    async def _serve(self, endpoint: str, rows: list[Any]) -> None:
        results: list[dict[str, Any]] = []
        try:
            for number, _, _, _, _, headers, body, attempts in rows:
                problem = await self._try(endpoint, headers, body=body)
                if not problem or attempts + 1 >= self._broker.settings.attempts:
                    result = {"ok": not problem, "result": problem or "ok", "at": now_text()}
                    results.append({"id": number, **result})
                else:
                    wait = BACKOFF[min(attempts, len(BACKOFF) - 1)]
                    await self._store.run("postponed", id=number, seconds=wait, result=problem)
                if problem:
                    self._rest(endpoint, headers)
                    break
                if len(results) == KEPT_TOGETHER:
                    await self._store.run("delivered", rows=as_json(results))
                    results = []
            if results:
                await self._store.run("delivered", rows=as_json(results))
        except ClapasError as error:
            log.warning("deliveries to %s wait: %s", endpoint, error)
        finally:
            self._busy.pop(endpoint, None)
            self._awake.set()

    def _rest(self, endpoint: str, headers: Mapping[str, Any]) -> None:
        cooldown = headers.get("cooldown")
        if cooldown:
            self._resting[endpoint] = time.monotonic() + cooldown / 1000

    async def _try(self, endpoint: str, headers: Mapping[str, Any], *, body: Any) -> str:
        """Send one notification; gives what went wrong, '' when nothing."""
        settings = self._broker.settings
        timeout = (headers.get("timeout") or settings.notify_timeout * 1000) / 1000
        host = urlsplit(endpoint).hostname or ""
        if not settings.private_addresses and await is_private(host):
            return "this address is private"
        send = send_mqtt if endpoint.startswith("mqtt") else self._poster.send
        try:
            async with asyncio.timeout(timeout):
                await send(endpoint, headers, body=body)
        except TimeoutError:
            return "no answer in time"
        except (OSError, ClapasError) as error:
            return f"{type(error).__name__}: {error}"[:300]
        except Exception as error:  # a defect, or a header that no client would send: tried later, as any other failure
            log.exception("a notification to %s could not be sent", endpoint)
            return f"{type(error).__name__}: {error}"[:300]
        return ""
