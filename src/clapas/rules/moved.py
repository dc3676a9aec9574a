"""What the registry changed since the engine last looked: devices, entities, or who knows what.

Changes come in bursts (an import, a group saved): they are gathered and looked at together, and not
before what waited in the log at the start had time to be read.
"""

from clapas.rules.engine import SETTLE_MS, Engine, now_ms
from clapas.store import Store
from clapas.store.rules import RulesStore

REGROUP_MS = 60_000
"""Who is in a saved group may change with time alone (silent devices): it is asked again that often."""

WHOLE_MS = 30_000
"""Between two looks at everything: an import of a whole fleet says it again and again."""


class Moved:
    """Gathers changes; :meth:`settle` hands them to the engine."""

    def __init__(self, store: Store, rules: RulesStore, *, engine: Engine) -> None:
        self._rules = rules
        self._engine = engine
        self._since = self._regrouped = now_ms()
        self._whole = 0
        self._forget()
        store.registry.watch(self._device)

    def _forget(self) -> None:
        self._devices: set[str] = set()
        self._entities: set[str] = set()
        self._any = False

    def _device(self, key: str) -> None:
        self._any = self._any or not key
        self._devices.add(key)

    async def follow(self) -> None:
        """Hear what becomes of entities. Endless."""
        async for told in self._rules.moves():
            self._any = self._any or told is None
            self._entities |= told or set()

    async def settle(self) -> None:
        """Let the engine look again at what changed."""
        now = now_ms()
        if now - self._since < SETTLE_MS or (self._any and now - self._whole < WHOLE_MS):
            return
        devices, entities, whatever = self._devices, self._entities, self._any
        self._forget()
        if whatever:
            self._whole = now
            await self._engine.look_again(None)
        elif devices or entities:
            await self._engine.look_again(await self._rules.fed_by(devices, entities))
        elif self._engine.book.saved_groups and now - self._regrouped >= REGROUP_MS:
            await self._engine.look_again(())
        else:
            return
        self._regrouped = now
