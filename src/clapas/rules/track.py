"""The memory of one series: its last readings, and for each rule where it stands.

What a rule concludes depends on the readings and their measured times, never on their order of
arrival. The last ``RING`` readings are kept sorted; each rule has its memory *before* them and *now*.
A reading in order steps both (constant work); one that comes late, or corrects another inside the
ring, goes to its place and the ring is stepped again from *before*. A reading older than the ring is
too late: it is history, not an alarm.

Time alone changes no memory: a condition that must hold is *seen* as held once its deadline is past
(:func:`seen`), so that a reading which arrives afterwards, and says otherwise, takes it back.
"""

from collections.abc import Callable, Sequence

import msgspec

RING = 6
FILLED_IN_MS = 3_600_000
"""What a first message brings of the last hour is the present; what is older is the past of a new series."""
Value = float | list[float]
Truth = Callable[[list[float], int, Value], bool | None]
"""(memory of the condition, measured ms, value) → true, false or unknown."""


class Memory(msgspec.Struct, array_like=True, gc=False):
    """Where a rule stands on a series: active or not, since when it is about to change, how often."""

    active: bool = False
    since: int = 0
    clear_since: int = 0
    raised: int = 0
    count: int = 0
    bits: int = 0
    extra: list[float] = []

    def copy(self) -> "Memory":
        """A memory of its own."""
        return Memory(
            self.active,
            self.since,
            self.clear_since,
            self.raised,
            self.count,
            self.bits,
            self.extra.copy(),
        )


class RuleState(msgspec.Struct, array_like=True):
    """A rule on a series; ``told`` is what the alarms were told: (count, active)."""

    rule: str
    revision: int
    before: Memory
    now: Memory
    told_count: int = 0
    told_active: bool = False


class Track(msgspec.Struct, array_like=True):
    """The memory of a series; times in ms. ``lag`` is how long its last reading took to arrive."""

    ring: list[tuple[int, Value]] = []
    heard: int = 0
    lag: int = 0
    states: list[RuleState] = []
    too_late: int = 0
    floor: int = 0
    """Measured time of the last reading that left the ring."""
    begun: int = 0
    """When something was heard first (0: not known): what was measured long before is a past that was filled in."""

    def before_it_began(self, measured: int) -> bool:
        """Was this measured more than an hour before anything was heard?"""
        return measured < self.begun - FILLED_IN_MS


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A rule ready to step on one series. ``silent_ms`` is set for rules about silence."""

    rule: str
    revision: int
    truth: Truth
    clears: Truth | None = None
    hold: int = 0
    clear_hold: int = 0
    n: int = 1
    mask: int = 1
    is_open: Callable[[int], bool] | None = None
    silent_ms: int = 0


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What a memory amounts to at an instant: active, how often so far, since when."""

    active: bool
    count: int
    since: int


def seen(rule: Compiled, memory: Memory, *, clock: int) -> Seen:
    """The state at ``clock``: what was to hold until then has held, unless a reading says otherwise."""
    if rule.silent_ms:
        due = memory.since + rule.silent_ms
        if memory.since and due <= clock:
            return Seen(active=True, count=memory.count + 1, since=due)
        return Seen(active=False, count=memory.count, since=memory.since)
    if memory.active:
        due = memory.clear_since + rule.clear_hold
        if memory.clear_since and due <= clock:
            return Seen(active=False, count=memory.count, since=due)
        return Seen(active=True, count=memory.count, since=memory.raised)
    due = memory.since + rule.hold
    if memory.since and due <= clock:
        return Seen(active=True, count=memory.count + 1, since=due)
    return Seen(active=False, count=memory.count, since=memory.clear_since)


def deadline(rule: Compiled, memory: Memory) -> int:
    """When :func:`seen` will change by itself (0: never)."""
    if rule.silent_ms:
        return memory.since + rule.silent_ms if memory.since else 0
    if memory.active:
        return memory.clear_since + rule.clear_hold if memory.clear_since else 0
    return memory.since + rule.hold if memory.since else 0


def step(rule: Compiled, memory: Memory, *, at: int, value: Value) -> None:
    """One reading, in order: first what time has settled, then what the reading says."""
    if memory.since or memory.clear_since:
        _settle(rule, memory, at=at)
    true = rule.truth(memory.extra, at, value)
    if rule.is_open is not None and not rule.is_open(at):
        true = False
    if true is None:
        return
    if rule.mask > 1:
        memory.bits = (memory.bits << 1 | true) & rule.mask
        true = memory.bits.bit_count() >= rule.n
    if memory.active:
        _may_clear(rule, memory, at=at, clears=_clears(rule, memory, at=at, value=value, true=true))
    elif not true:
        memory.since = 0
    elif rule.hold:
        memory.since = memory.since or at
    else:
        _raise(memory, at)


def _settle(rule: Compiled, memory: Memory, *, at: int) -> None:
    if memory.active:
        if memory.clear_since and memory.clear_since + rule.clear_hold <= at:
            memory.active, memory.clear_since = False, 0
    elif memory.since and memory.since + rule.hold <= at:
        _raise(memory, memory.since + rule.hold)


def _clears(rule: Compiled, memory: Memory, *, at: int, value: Value, true: bool) -> bool:
    if rule.clears is None or (rule.is_open is not None and not rule.is_open(at)):
        return not true
    return bool(rule.clears(memory.extra, at, value))


def _may_clear(rule: Compiled, memory: Memory, *, at: int, clears: bool) -> None:
    if not clears:
        memory.clear_since = 0
    elif rule.clear_hold:
        memory.clear_since = memory.clear_since or at
    else:
        memory.active, memory.clear_since = False, 0


def _raise(memory: Memory, at: int) -> None:
    memory.active, memory.raised, memory.since, memory.clear_since = True, at, 0, 0
    memory.count += 1


def hear(rules: Sequence[Compiled], track: Track, *, received: int) -> None:
    """Something arrived, whatever it says: the end of any silence."""
    if received <= track.heard:
        return
    track.begun = track.begun or (0 if track.heard else received)
    track.heard = received
    for rule, state in zip(rules, track.states, strict=True):
        if not rule.silent_ms:
            continue
        memory = state.now
        if memory.since and memory.since + rule.silent_ms <= received:
            memory.count += 1
        memory.since = received


def take(rules: Sequence[Compiled], track: Track, *, at: int, value: Value) -> bool:
    """One usable reading; False when it changes nothing (a duplicate, or too late)."""
    ring = track.ring
    if not ring or at > ring[-1][0]:
        for rule, state in zip(rules, track.states, strict=True):
            if not rule.silent_ms:
                step(rule, state.now, at=at, value=value)
        ring.append((at, value))
        if len(ring) > RING:
            _forget(rules, track)
        return True
    return _insert(rules, track, at=at, value=value)


def _forget(rules: Sequence[Compiled], track: Track) -> None:
    """The oldest reading of the ring becomes part of what was before it."""
    track.floor, value = track.ring.pop(0)
    for rule, state in zip(rules, track.states, strict=True):
        if not rule.silent_ms:
            step(rule, state.before, at=track.floor, value=value)


def _insert(rules: Sequence[Compiled], track: Track, *, at: int, value: Value) -> bool:
    ring = track.ring
    if at <= track.floor:
        track.too_late += 1
        return False
    place = next(index for index, (time, _) in enumerate(ring) if time >= at)
    if ring[place][0] == at:
        if ring[place][1] == value:
            return False
        ring[place] = (at, value)
    else:
        ring.insert(place, (at, value))
    again(rules, track)
    if len(ring) > RING:
        _forget(rules, track)
    return True


def withdraw(rules: Sequence[Compiled], track: Track, *, at: int) -> bool:
    """The value at that time never was; False when the ring does not hold it."""
    kept = [each for each in track.ring if each[0] != at]
    if len(kept) == len(track.ring):
        return False
    track.ring[:] = kept
    again(rules, track)
    return True


def again(rules: Sequence[Compiled], track: Track) -> None:
    """Step the whole ring from before it."""
    for rule, state in zip(rules, track.states, strict=True):
        if rule.silent_ms:
            continue
        state.now = state.before.copy()
        for at, value in track.ring:
            step(rule, state.now, at=at, value=value)
