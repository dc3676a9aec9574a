"""The rules in force, and for each series those that watch it, ready to step."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from clapas.rules.because import Moment, because
from clapas.rules.civil import opening
from clapas.rules.conditions import compared_with, ready
from clapas.rules.life import Raise
from clapas.rules.model import Group, Proposed, Rule, Silence, Sql, Threshold, Versus
from clapas.rules.references import ReferenceBook
from clapas.rules.references import Series as Name
from clapas.rules.track import Compiled, Memory, RuleState, Track, again, step
from clapas.store.rules_values import SeriesFacts

Members = Mapping[str, Collection[int]]
"""The series of each saved group of devices that some rule names."""


class Book:
    """Rules by id; what each series is watched by is computed once."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.rules: dict[str, Rule] = {}
        self.members: Members = {}
        self.references = ReferenceBook()
        self.ignored: set[int] = set()
        self._dependents: dict[Name, set[int]] = {}
        self._plain: dict[str, Compiled] = {}
        self._by_attribute: dict[str, list[Rule]] = {}

    def replace(self, rules: Iterable[Rule]) -> None:
        """Take these rules in force of all before."""
        self.rules = {each.id: each for each in rules if each.enabled}
        self.ignored.clear()
        self._dependents.clear()
        self._plain.clear()
        self._by_attribute = {}
        for each in self.rules.values():
            self._by_attribute.setdefault(each.target.attribute, []).append(each)

    @property
    def compared(self) -> set[str]:
        """Attributes that some rule compares with."""
        found = set()
        for rule in self.rules.values():
            for when in (rule.when, rule.clear):
                if isinstance(when, Threshold | Versus) and when.attribute:
                    found.add(when.attribute)
        return found

    @property
    def saved_groups(self) -> set[str]:
        """The saved groups of devices that some rule names."""
        return {name for rule in self.rules.values() if (name := saved_group(rule))}

    @property
    def silences(self) -> bool:
        """Does any rule watch silence?"""
        return any(isinstance(each.when, Silence) for each in self.rules.values())

    def watches_silence(self, facts: SeriesFacts) -> bool:
        """Does a rule about silence watch this series?"""
        return any(isinstance(each.when, Silence) for each in self._matching(facts))

    def grouped(self, facts: SeriesFacts) -> list[Rule]:
        """The rules over groups that count this series."""
        return [each for each in self._matching(facts) if isinstance(each.when, Group)]

    def dependents(self, changed: Collection[Name]) -> set[int]:
        """Series whose rules compare with these."""
        return {each for name in changed for each in self._dependents.get(name, ())}

    def _matching(self, facts: SeriesFacts) -> list[Rule]:
        candidates = self._by_attribute.get(facts.attribute, []) + self._by_attribute.get("", [])
        return [each for each in candidates if self.matches(each, facts)]

    def matches(self, rule: Rule, facts: SeriesFacts) -> bool:
        """Does the rule watch this series?"""
        target = rule.target
        return (
            (not target.attribute or target.attribute == facts.attribute)
            and (not target.type or target.type == facts.type)
            and (not target.types or facts.type in target.types)
            and (not target.group or self._in_group(target.group, facts))
            and (not target.model or target.model in facts.models)
            and (not target.entities or facts.entity in target.entities)
            and (not target.communes or facts.commune in target.communes)
            and (not target.datasets or not facts.dataset or facts.dataset in target.datasets)
            and not target.leaves(facts.name)
        )

    def _in_group(self, group: str, facts: SeriesFacts) -> bool:
        return (
            group in facts.tags
            or group in facts.relations.values()
            or facts.series in self.members.get(group, ())
        )

    def ready(self, facts: SeriesFacts) -> list[Compiled]:
        """The rules that watch this series, ready to step."""
        return [
            self._compiled(rule, facts)
            for rule in self._matching(facts)
            if not isinstance(rule.when, Group | Sql | Proposed)
        ]

    def _compiled(self, rule: Rule, facts: SeriesFacts) -> Compiled:
        """Rules that need nothing of the series are made ready once for all series."""
        names = [*compared_with(rule.when, facts)]
        if rule.clear is not None:
            names += compared_with(rule.clear, facts)
        for name in names:
            self._dependents.setdefault(name, set()).add(facts.series)
        own = bool(names) or (isinstance(rule.when, Silence) and rule.when.intervals > 0)
        if own:
            return self._make(rule, facts)
        found = self._plain.get(rule.id)
        if found is None:
            found = self._plain[rule.id] = self._make(rule, facts)
        return found

    def _make(self, rule: Rule, facts: SeriesFacts) -> Compiled:
        silent = 0
        if isinstance(rule.when, Silence):
            silent = (
                int(rule.when.for_s or rule.when.intervals * (facts.interval_s or 86_400)) * 1000
            )
        return Compiled(
            rule=rule.id,
            revision=rule.revision,
            truth=ready(rule.when, facts, references=self.references, zone=self.zone),
            clears=ready(rule.clear, facts, references=self.references, zone=self.zone)
            if rule.clear
            else None,
            hold=rule.hold_s * 1000,
            clear_hold=rule.clear_hold_s * 1000,
            n=rule.n,
            mask=(1 << rule.m) - 1,
            is_open=opening(rule.schedule, self.zone) if rule.schedule else None,
            silent_ms=silent,
        )

    def align(self, rules: Sequence[Compiled], track: Track) -> list[str]:
        """Make the track hold exactly these rules: kept, begun, or begun anew when they changed.

        A rule that begins reads the ring, so that what it is told first is what is true now; what it
        had told stays, so that an alarm of an earlier revision is cleared by the new one. Gives the
        rules that had an alarm here and are no longer among these.
        """
        known = {state.rule: state for state in track.states}
        states = []
        for rule in rules:
            state = known.get(rule.rule)
            if state is None or state.revision != rule.revision:
                state = _begun(rule, track, old=state)
            states.append(state)
        kept = {rule.rule for rule in rules}
        left = [each.rule for each in track.states if each.told_active and each.rule not in kept]
        track.states = states
        return left

    def again(self, rules: Sequence[Compiled], track: Track) -> None:
        """A reference changed: step the ring again."""
        again(rules, track)

    def raised(
        self,
        rule: str,
        facts: SeriesFacts,
        *,
        measured: int,
        at: int,
        moment: Moment,
    ) -> Raise:
        """The signal of a rule on a series."""
        found = self.rules[rule]
        parents = [facts.relations.get(each) for each in found.propagate]
        return Raise(
            rule=rule,
            entity=facts.entity,
            measured=measured,
            at=at,
            severity=found.severity,
            title=found.title,
            trade=found.trade,
            commune=facts.commune,
            name=facts.name,
            series=facts.series,
            value=moment.value if isinstance(moment.value, float) else None,
            message=found.message,
            because=because(found.when, facts, references=self.references, moment=moment),
            parents=tuple(each for each in parents if isinstance(each, str)),
            public=found.public,
        )


def saved_group(rule: Rule) -> str:
    """The saved group of devices that a rule names; '' when it names a tag or an entity, or none."""
    name = rule.target.group
    return "" if "=" in name or name.startswith("urn:") else name


def _begun(rule: Compiled, track: Track, *, old: RuleState | None) -> RuleState:
    state = RuleState(rule.rule, rule.revision, Memory(), Memory())
    if rule.silent_ms:
        state.now.since = track.heard
    else:
        for at, value in track.ring:
            step(rule, state.now, at=at, value=value)
    state.told_active = old is not None and old.told_active
    state.told_count = state.now.count
    if state.now.active and not state.told_active:
        state.told_count -= 1
    return state
