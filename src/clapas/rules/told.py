"""What a series says now against what its alarms were told: the difference becomes signals."""

from clapas.rules.because import Moment
from clapas.rules.book import Book
from clapas.rules.held import Held
from clapas.rules.life import Clear, Raise, Signal
from clapas.rules.track import Compiled, RuleState, Seen, Track, seen


def signals(book: Book, held: Held, *, now: int, history_ms: int) -> list[Signal]:
    """Raises and clears of one series; its states then know what was told."""
    found: list[Signal] = [*left(held, now)]
    for rule, state in zip(held.rules, held.track.states, strict=True):
        clock = now if rule.silent_ms else now - held.track.lag
        view = seen(rule, state.now, clock=clock)
        told = (state.told_count, state.told_active)
        if (view.count, view.active) == told:
            continue
        if _is_history(held.track, rule, state=state, view=view, history_ms=history_ms):
            state.told_count = view.count
            continue
        if view.count > state.told_count or (view.active and not state.told_active):
            since = view.since if view.active else state.now.raised
            found.append(_raise(book, held, state=state, measured=since, now=now))
        if not view.active:
            reason = "late_data" if view.count < state.told_count else ""
            found.append(_clear(held, rule, measured=view.since, now=now, reason=reason))
        state.told_count, state.told_active = view.count, view.active
    return found


def _is_history(
    track: Track, rule: Compiled, *, state: RuleState, view: Seen, history_ms: int
) -> bool:
    """Nobody is told of what was found in readings that came long after they were measured, or of what was over
    before the series was first heard."""
    if rule.silent_ms or state.told_active or not track.ring:
        return False
    last = track.ring[-1][0]
    over = not view.active and last - state.now.raised > history_ms
    past = last if view.active else state.now.raised
    return over or track.lag > history_ms or track.before_it_began(past)


def _raise(book: Book, held: Held, *, state: RuleState, measured: int, now: int) -> Raise:
    last, value = held.track.ring[-1] if held.track.ring else (measured, None)
    moment = Moment(memory=state.now.extra, at=last, value=value, zone=book.zone)
    return book.raised(state.rule, held.facts, measured=measured, at=now, moment=moment)


def _clear(held: Held, rule: Compiled, *, measured: int, now: int, reason: str) -> Clear:
    value = held.track.ring[-1][1] if held.track.ring else None
    return Clear(
        rule=rule.rule, entity=held.facts.entity, measured=measured, at=now,
        value=value if isinstance(value, float) else None, reason=reason,
    )  # fmt: skip


def left(held: Held, now: int) -> list[Clear]:
    """What rules that watch this series no more had raised: it left the group, or they aim elsewhere."""
    names, held.left = held.left, []
    return [
        Clear(rule=each, entity=held.facts.entity, measured=now, at=now, reason="not_watched")
        for each in names
    ]
