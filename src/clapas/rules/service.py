"""The rules room, running: the engine on the stream, its clock, rules that are asked, messages out."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from clapas.bus import Bus
from clapas.domain.errors import ClapasError, OperatorError
from clapas.domain.message import ObservationBatch
from clapas.notify.channels import channels
from clapas.notify.dispatch import Dispatcher
from clapas.notify.settings import Settings as NotifySettings
from clapas.rules.book import Book
from clapas.rules.civil import opening
from clapas.rules.engine import Engine, now_ms
from clapas.rules.files import rule_of
from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.model import Rule, Sql
from clapas.rules.moved import Moved
from clapas.rules.office import Office
from clapas.rules.settings import Settings
from clapas.store import Store
from clapas.store.notify import Notices
from clapas.store.rules import RulesStore
from clapas.store.rules_alarms import Alarms

logger = logging.getLogger(__name__)
TICK_S = 0.5
CONSUMER = "rules"
UNMASK_S = 30
MOVED_S = 2


class RulesService:
    """Everything of this room that runs; made once in the role that evaluates rules."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        *,
        zone: ZoneInfo,
        notify: NotifySettings,
        settings: Settings,
    ) -> None:
        self._bus = bus
        self.rules = RulesStore(store.postgres, store.clickhouse)
        self.outbox = Notices(store.postgres)
        self.office = Office(Alarms(store.postgres), self.outbox)
        self.engine = Engine(self.rules, self.office, book=Book(zone), settings=settings)
        self._moved = Moved(store, self.rules, engine=self.engine)
        self._dispatcher = Dispatcher(self.outbox, channels(notify), settings=notify)
        self._asked: dict[str, int] = {}

    async def prepare(self) -> None:
        """Before anybody may speak: what is observed from here on will be evaluated."""
        await self._bus.enlist(CONSUMER)

    async def run(self) -> None:
        """Until cancelled."""
        await self.reload()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_changes())
            group.create_task(self._moved.follow())
            group.create_task(_every(MOVED_S, self._moved.settle))
            group.create_task(self._bus.consume(CONSUMER, self._patiently))
            group.create_task(_every(TICK_S, self.engine.tick))
            group.create_task(_every(UNMASK_S, self._unmask))
            group.create_task(_every(5, self._ask_due))
            group.create_task(self._dispatcher.run())

    async def reload(self) -> None:
        """Take the rules as they are kept now; one that cannot be read is left out, loudly."""
        rules = []
        for row in await self.rules.all():
            try:
                rules.append(rule_of(row))
            except msgspec.ValidationError as error:
                logger.error("rule %s cannot be read: %s", row.id, error)
        self.office.rules = {each.id: each for each in rules}
        await self.engine.start(rules)

    async def _follow_changes(self) -> None:
        async for _ in self.rules.changes():
            await self.reload()

    async def _patiently(self, batch: ObservationBatch) -> None:
        """An engine that is down is waited for: the batch is not acknowledged meanwhile."""
        wait = 0.2
        while True:
            try:
                return await self.engine.handle(batch)
            except OperatorError as error:
                logger.warning("rules wait: %s", error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10)

    async def _unmask(self) -> None:
        await self.office.unmask(now_ms())

    async def _ask_due(self) -> None:
        """Ask the rules that are questions, those whose time has come."""
        now = now_ms()
        for rule in list(self.engine.book.rules.values()):
            when = rule.when
            if not isinstance(when, Sql) or now - self._asked.get(rule.id, 0) < when.every_s * 1000:
                continue
            self._asked[rule.id] = now
            open_now = not rule.schedule or opening(rule.schedule, self.engine.book.zone)(now)
            try:
                rows = await self.rules.ask(when.query, at=now) if open_now else []
            except ClapasError as error:
                logger.warning("rule %s cannot be asked: %s", rule.id, error)
                continue
            known = [str(row[1]) for row in await self.office.alarms.active_of([rule.id])]
            await self.office.commit(asked(rule, rows, known=known, now=now), now=now)


def asked(
    rule: Rule, rows: Sequence[tuple[str, float | None]], *, known: Sequence[str], now: int
) -> list[Signal]:
    """What the answer of a question changes: new entities are raised, those gone are cleared."""
    found = dict(rows)
    signals: list[Signal] = [
        Clear(rule=rule.id, entity=entity, measured=now, at=now)
        for entity in known
        if entity not in found
    ]
    signals += [
        Raise(
            rule=rule.id,
            entity=entity,
            measured=now,
            at=now,
            severity=rule.severity,
            title=rule.title,
            trade=rule.trade,
            value=value,
            message=rule.message,
            public=rule.public,
            because={"kind": "sql"},
        )
        for entity, value in found.items()
        if entity not in known
    ]
    return signals


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Again and again, on time; what fails is logged and tried again next time."""
    while True:
        began = time.monotonic()
        try:
            await work()
        except ClapasError as error:
            logger.warning("rules: %s", error)
        await asyncio.sleep(max(0.05, seconds - (time.monotonic() - began)))
