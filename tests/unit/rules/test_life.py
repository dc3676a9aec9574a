"""The life of an alarm, signal by signal."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.rules.errors import NotInThatState, OpenAnew, ReasonWanted
from clapas.rules.life import REOPEN_MS, UNDO_MS, Clear, Raise, act, follow, reopen
from clapas.store.rules_values import Aftermath, Alarm


def raised(at: int) -> Raise:
    return Raise(rule="r", entity="urn:ngsi-ld:Tank:1", measured=at, at=at, severity="major")


def cleared(at: int) -> Clear:
    return Clear(rule="r", entity="urn:ngsi-ld:Tank:1", measured=at, at=at)


def after(*signals: Raise | Clear, alarm: Alarm | None = None) -> Alarm | None:
    for each in signals:
        step = follow(alarm, each)
        alarm = step.alarm if step else alarm
    return alarm


def test_raised_acknowledged_cleared_is_closed() -> None:
    alarm = after(raised(1))
    assert alarm is not None
    taken = act(alarm, "acknowledge", who="ana", at=2).alarm
    assert (taken.assignee, taken.acknowledged_by) == ("ana", "ana")
    over = after(cleared(3), alarm=taken)
    assert over is not None
    assert (over.active, over.closed) == (False, 3)
    judged = act(over, "verdict", who="ana", at=4, value="confirmed").alarm
    assert judged.verdict == "confirmed"


def test_raised_again_before_anybody_came_is_the_same_alarm() -> None:
    alarm = after(raised(1), cleared(2), raised(3))
    assert alarm is not None
    assert (alarm.count, alarm.active, alarm.first, alarm.last) == (2, True, 1, 3)


def test_the_same_reading_twice_changes_nothing() -> None:
    alarm = after(raised(5))
    assert follow(alarm, raised(5)) is None
    assert follow(alarm, raised(4)) is None


def test_a_flapping_alarm_is_kept_but_told_no_more() -> None:
    alarm: Alarm | None = None
    told = []
    for at in range(0, 12, 2):
        for signal in (raised(at * 60_000 + 1), cleared(at * 60_000 + 60_000)):
            step = follow(alarm, signal)
            assert step is not None
            alarm = step.alarm
            told.append(step.tell)
    assert told[:4] == ["raised", "cleared", "raised", "cleared"]
    assert set(told[6:]) == {""}
    assert alarm is not None
    assert alarm.flapping


def test_nobody_acknowledges_twice_or_closes_what_is_closed() -> None:
    alarm = after(raised(1))
    assert alarm is not None
    taken = act(alarm, "acknowledge", who="ana", at=2).alarm
    with pytest.raises(NotInThatState):
        act(taken, "acknowledge", who="ben", at=3)
    closed = act(taken, "close", who="ana", at=4).alarm
    with pytest.raises(NotInThatState):
        act(closed, "close", who="ana", at=5)
    with pytest.raises(NotInThatState):
        act(closed, "verdict", who="ana", at=5, value="perhaps")


def test_a_closing_is_taken_back_to_what_was_before() -> None:
    alarm = after(raised(1))
    assert alarm is not None
    by_ana = Aftermath(alarm=0, kind="closed", who="ana")
    closed = act(alarm, "close", who="ana", at=5).alarm
    assert reopen(closed, by_ana, who="ana", at=6).alarm == alarm
    taken = act(alarm, "acknowledge", who="ben", at=2).alarm
    closed = act(taken, "close", who="ana", at=5).alarm
    assert reopen(closed, by_ana, who="ana", at=6).alarm == taken
    over = reopen(closed, Aftermath(alarm=0, kind="closed", who="ana", over=8), who="ana", at=9)
    assert (over.alarm.active, over.alarm.cleared, over.alarm.acknowledged) == (False, 8, None)


def test_a_verdict_that_closed_is_taken_back_and_an_earlier_one_stays() -> None:
    alarm = after(raised(1), cleared(2))
    assert alarm is not None
    closed = act(alarm, "verdict", who="ana", at=5, value="false").alarm
    again = reopen(closed, Aftermath(alarm=0, kind="false", who="ana"), who="ana", at=6).alarm
    assert again == alarm


def test_who_reopens_says_why_unless_it_is_at_once_and_their_own() -> None:
    alarm = after(raised(1))
    assert alarm is not None
    closed = act(alarm, "close", who="ana", at=5).alarm
    since = Aftermath(alarm=0, kind="closed", who="ana")
    with pytest.raises(ReasonWanted):
        reopen(closed, since, who="ben", at=6, reason=" ")
    with pytest.raises(ReasonWanted):
        reopen(closed, since, who="ana", at=5 + UNDO_MS + 1)
    step = reopen(closed, since, who="ben", at=6, reason=" it still runs ")
    assert [(each.kind, each.who, each.values["value"]) for each in step.events] == [
        ("reopened", "ben", "it still runs")
    ]


def test_what_is_open_over_anew_or_long_closed_is_not_reopened() -> None:
    alarm = after(raised(1))
    assert alarm is not None
    closed = act(alarm, "close", who="ana", at=5).alarm
    since = Aftermath(alarm=0, kind="closed", who="ana")
    with pytest.raises(NotInThatState):
        reopen(alarm, None, who="ana", at=6)
    with pytest.raises(NotInThatState):
        reopen(closed, Aftermath(alarm=0, kind="closed"), who="ana", at=6, reason="why")
    with pytest.raises(NotInThatState):
        reopen(closed, since, who="ana", at=6 + REOPEN_MS, reason="why")
    with pytest.raises(OpenAnew):
        reopen(closed, Aftermath(alarm=0, kind="closed", who="ana", anew=True), who="ana", at=6)


@given(
    st.lists(st.sampled_from(["raise", "clear", "acknowledge", "verdict", "close"]), max_size=12)
)
def test_no_way_leads_out_of_the_four_states(moves: list[str]) -> None:
    alarm: Alarm | None = None
    for at, move in enumerate(moves, 1):
        if alarm is not None and alarm.closed is not None:
            alarm = None
        if move in ("raise", "clear"):
            step = follow(alarm, raised(at) if move == "raise" else cleared(at))
            alarm = step.alarm if step else alarm
        elif alarm is not None:
            try:
                alarm = act(alarm, move, who="ana", at=at, value="false").alarm  # type: ignore[arg-type]
            except NotInThatState:
                assert alarm.acknowledged is not None
        if alarm is not None:
            assert (alarm.closed is not None) == (
                not alarm.active and alarm.acknowledged is not None
            ), msgspec.structs.asdict(alarm)
            assert alarm.count >= 1
