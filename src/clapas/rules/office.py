"""From signals to alarms: masks, life, and the notices that go with them, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from clapas.notify.plan import Directory, Subject, notices
from clapas.rules.life import Action, Clear, Raise, Signal, act, follow, reopen
from clapas.rules.model import Rule, Silence
from clapas.store.notify import Notice, Notices
from clapas.store.rules_alarms import Alarms, Change, Pair
from clapas.store.rules_values import Aftermath, Alarm, AlarmEvent, Silencing, TrackRow

REFRESH_MS = 5_000
HOUR_MS = 3_600_000
GATEWAY = "gateway:"
GATEWAY_URN = "urn:ngsi-ld:Gateway:"


class Office:
    """Where alarms are kept; the engine, trades and people all come through here."""

    def __init__(self, alarms: Alarms, outbox: Notices, *, link: str = "/alarmes") -> None:
        self.alarms = alarms
        self._outbox = outbox
        self._link = link
        self.rules: Mapping[str, Rule] = {}
        self._directory = Directory()
        self._silences: list[Silencing] = []
        self._read = 0

    async def refresh(self, now: int, *, force: bool = False) -> None:
        """Read silences, contacts, chains and calendars again when they are older than five seconds."""
        if not force and now - self._read < REFRESH_MS:
            return
        self._silences = await self.alarms.silences(now=now)
        contacts = await self._outbox.contacts()
        self._directory = Directory.read(
            contacts,
            await self._outbox.plans("chain"),
            calendars=await self._outbox.plans("calendar"),
            recent=await self._outbox.recent(list(contacts), since=now - HOUR_MS),
        )
        self._read = now

    async def commit(
        self, signals: Sequence[Signal], *, tracks: Sequence[TrackRow] = (), now: int
    ) -> list[Alarm]:
        """Follow signals and keep tracks, all or nothing; gives the alarms that changed."""
        if not signals:
            return await self.alarms.commit((), lambda _: (), tracks=tracks)
        await self.refresh(now)
        ready = await self._masked(signals, now)
        pairs = list(dict.fromkeys((each.rule, each.entity) for each in ready))
        return await self.alarms.commit(
            pairs,
            lambda known: self._decide(known, ready, now=now),
            tracks=tracks,
            ended={(each.rule, each.entity): each.at for each in ready if isinstance(each, Clear)},
        )

    def _decide(
        self, known: Mapping[Pair, Alarm], signals: Sequence[Signal], *, now: int
    ) -> list[Change]:
        alarms: dict[Pair, Alarm | None] = dict(known)
        closed: list[Change] = []
        lines: dict[Pair, list[AlarmEvent]] = {}
        told: dict[Pair, str] = {}
        for signal in signals:
            pair = (signal.rule, signal.entity)
            before = alarms.get(pair)
            step = follow(before, signal)
            if step is None:
                continue
            if before is not None and before.closed is not None:
                closed.append(Change(before, lines.pop(pair, ())))
            alarms[pair] = step.alarm
            lines.setdefault(pair, []).extend(step.events)
            told[pair] = step.tell or told.get(pair, "")
        changed = [(alarm, told[pair]) for pair in lines if (alarm := alarms[pair]) is not None]
        planned = self._planned(changed, now)
        return closed + [
            Change(
                alarm, lines[alarm.rule, alarm.entity], planned.get((alarm.rule, alarm.entity), ())
            )
            for alarm, _ in changed
        ]

    def _planned(
        self, changed: Iterable[tuple[Alarm, str]], now: int
    ) -> dict[Pair, Sequence[Notice]]:
        """The notices of alarms that are to be told, by (rule, entity)."""
        subjects = [
            Subject(
                rule=alarm.rule,
                entity=alarm.entity,
                kind=tell,
                severity=alarm.severity,
                title=alarm.title,
                commune=alarm.commune,
                name=alarm.name,
                value=alarm.value,
                because=alarm.because,
                measured=alarm.measured or alarm.last,
                message=alarm.message,
                chain=rule.chain,
                link=self._link,
            )
            for alarm, tell in changed
            if tell and not alarm.masked and (rule := self.rules.get(alarm.rule)) and rule.chain
        ]
        return notices(subjects, self._directory, now=now)

    async def _masked(self, signals: Sequence[Signal], now: int) -> list[Signal]:
        """Raises with what keeps them quiet."""
        wanted = {
            name
            for each in signals
            if isinstance(each, Raise) and (rule := self.rules.get(each.rule))
            for name in rule.depends
        }
        above = await self.alarms.active_of(wanted) if wanted else []
        deaf = await self._deaf([each for each in signals if isinstance(each, Raise)], now)
        ready = [
            msgspec.structs.replace(each, masked=mask)
            if isinstance(each, Raise) and (mask := self._mask(each, above, now=now, deaf=deaf))
            else each
            for each in signals
        ]
        return ready + silent_gateways([each for each in ready if isinstance(each, Raise)])

    async def _deaf(self, signals: Sequence[Raise | Alarm], now: int) -> dict[str, str]:
        """The gateways that explain why entities are silent."""
        silent = {
            each.entity
            for each in signals
            if (rule := self.rules.get(each.rule)) and isinstance(rule.when, Silence)
        }
        return await self.alarms.deaf(silent, now=now) if silent else {}

    def _mask(
        self,
        signal: Raise | Alarm,
        above: Sequence[tuple[object, ...]],
        *,
        now: int,
        deaf: Mapping[str, str],
    ) -> str:
        for silence in self._silences:
            if silence.start <= now < silence.end and covers(silence, signal):
                return f"{silence.kind}:{silence.id}"
        rule = self.rules.get(signal.rule)
        depends = rule.depends if rule else ()
        for name, entity, commune, _ in above:
            near = entity in signal.parents or (commune and commune == signal.commune)
            if name in depends and near:
                return f"rule:{name}"
        gateway = deaf.get(signal.entity)
        return f"{GATEWAY}{gateway}" if gateway and rule and isinstance(rule.when, Silence) else ""

    async def unmask(self, now: int) -> list[Alarm]:
        """Tell what is still wrong once nothing keeps it quiet any more."""
        await self.refresh(now, force=True)
        masked = await self.alarms.masked()
        wanted = {n for each in masked if (r := self.rules.get(each.rule)) for n in r.depends}
        above = await self.alarms.active_of(wanted) if wanted else []
        deaf = await self._deaf(masked, now)
        free = {each.id for each in masked if not self._mask(each, above, now=now, deaf=deaf)}
        await self._gateways_back(set(deaf.values()), now)
        if not free:
            return []
        return await self.alarms.change(sorted(free), lambda alarm: self._unmasked(alarm, now))

    async def _gateways_back(self, deaf: Collection[str], now: int) -> None:
        """Clear the alarms of gateways that explain no silence any more."""
        known = await self.alarms.active_of(
            [each.id for each in self.rules.values() if isinstance(each.when, Silence)]
        )
        back = [
            Clear(rule=str(row[0]), entity=str(row[1]), measured=now, at=now)
            for row in known
            if str(row[1]).startswith(GATEWAY_URN)
            and str(row[1]).removeprefix(GATEWAY_URN) not in deaf
        ]
        if back:
            await self.commit(back, now=now)

    def _unmasked(self, alarm: Alarm, now: int) -> Change:
        changed = msgspec.structs.replace(alarm, masked="")
        planned = self._planned([(changed, "raised")], now)
        event = AlarmEvent(alarm=alarm.id, at=now, kind="unmasked", values={"was": alarm.masked})
        return Change(changed, (event,), planned.get((alarm.rule, alarm.entity), ()))

    async def retire(self, rules: Collection[str], *, now: int) -> None:
        """Clear the alarms of rules that are no longer in force."""
        gone = await self.alarms.active_besides(rules)
        await self.commit(
            [
                Clear(rule=rule, entity=entity, measured=now, at=now, reason="rule_removed")
                for rule, entity in gone
            ],
            now=now,
        )

    async def act(
        self, ids: Sequence[int], action: Action, *, who: str, now: int, value: str = ""
    ) -> list[Alarm]:
        """A person acts on alarms. Raises NotInThatState, OpenAnew, ReasonWanted: then none of them changes."""

        def reopened(alarm: Alarm, since: Aftermath | None) -> Change:
            step = reopen(alarm, since, who=who, at=now, reason=value)
            return Change(step.alarm, step.events)

        if action == "reopen":
            return await self.alarms.reopen(ids, reopened, now=now)

        def decide(alarm: Alarm) -> Change:
            step = act(alarm, action, who=who, at=now, value=value)
            return Change(step.alarm, step.events)

        return await self.alarms.change(ids, decide)


def silent_gateways(signals: Sequence[Raise]) -> list[Raise]:
    """One alarm on each gateway whose silence explains those of its devices: somebody is told once."""
    found: dict[Pair, Raise] = {}
    for each in signals:
        if each.masked.startswith(GATEWAY):
            gateway = each.masked.removeprefix(GATEWAY)
            entity = f"{GATEWAY_URN}{gateway}"
            found.setdefault(
                (each.rule, entity),
                msgspec.structs.replace(
                    each, entity=entity, masked="", series=None, value=None, parents=(), message={},
                    because={"kind": "gateway", "gateway": gateway},
                ),
            )  # fmt: skip
    return list(found.values())


def covers(silence: Silencing, signal: Raise | Alarm) -> bool:
    """Does a silence concern this alarm? An empty field matches everything."""
    return (
        silence.rule in ("", signal.rule)
        and silence.entity in ("", signal.entity, *signal.parents)
        and silence.commune in ("", signal.commune)
    )
