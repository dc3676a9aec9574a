"""What a rule may name on this platform: groups of devices, chains, other rules."""

from collections.abc import Mapping, Sequence

import msgspec

from clapas.rules.book import saved_group
from clapas.rules.errors import ImpossibleRule
from clapas.rules.model import Rule
from clapas.store import Store
from clapas.store.notify import Notices


class Named(msgspec.Struct, frozen=True):
    """The names that exist, and which rules each rule depends on."""

    groups: frozenset[str]
    chains: frozenset[str]
    depends: Mapping[str, Sequence[str]]

    @classmethod
    async def read(cls, store: Store, rules: Sequence[Rule]) -> "Named":
        """The names of now; ``rules`` are those that are or will be kept."""
        return cls(
            groups=frozenset(each.name for each in await store.fleet.groups()),
            chains=frozenset(await Notices(store.postgres).plans("chain")),
            depends={each.id: each.depends for each in rules},
        )

    def check(self, rule: Rule) -> None:
        """Raises ImpossibleRule when the rule names what does not exist, or waits for itself."""
        group = saved_group(rule)
        if group and group not in self.groups:
            raise ImpossibleRule(
                "no saved group has this name; a tag is written key=value, an entity urn:…",
                field="target.group",
                rule=rule.id,
            )
        if rule.chain and rule.chain not in self.chains:
            raise ImpossibleRule("no chain has this name", field="chain", rule=rule.id)
        if rule.id in self._above(rule):
            raise ImpossibleRule("these rules keep each other quiet", field="depends", rule=rule.id)

    def _above(self, rule: Rule) -> set[str]:
        """The rules that keep this one quiet, directly or not."""
        found: set[str] = set()
        waiting = list(rule.depends)
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.depends.get(each, ())
        return found
