"""The engine over the database: nothing missed, nothing repeated, whatever stops in between."""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from clapas.domain.access import RowFilter
from clapas.domain.errors import ClapasError
from clapas.domain.quality import Quality
from clapas.notify.dispatch import Dispatcher
from clapas.notify.settings import Settings
from clapas.rules.engine import SETTLE_MS, now_ms
from clapas.rules.errors import OpenAnew, ReasonWanted
from clapas.rules.model import Group, Rule, Silence, Sql, Target, Threshold, Versus
from clapas.rules.propose import AlarmProposal, signals
from clapas.rules.service import asked
from clapas.store.rules_values import Silencing

if TYPE_CHECKING:
    from tests.integration.rules.conftest import Room

    from clapas.store.notify import Notice

MINUTE = 60_000
LEVEL = Target(attribute="level")
HIGH = Rule(
    id="high", title="Réservoir trop plein", target=LEVEL, when=Threshold(operator=">", limit=4.0),
    clear=Threshold(operator="<", limit=3.5), severity="major", chain="water",
)  # fmt: skip


async def people(room: "Room") -> None:
    await room.outbox.save_contact(
        "ana", "fr", body={"channels": {"mail": "ana@example.org", "webhook": "http://hook"}}
    )
    await room.outbox.save_contact("ben", "en", body={"channels": {"mail": "ben@example.org"}})
    stages = [{"to": ["ana"]}, {"after_s": 900, "to": ["calendar:nights"]}]
    await room.outbox.save_plan("chain", "water", body={"stages": stages})
    await room.outbox.save_plan("calendar", "nights", body={"otherwise": "ben"})


async def test_from_the_reading_to_the_measured_precision(room: "Room") -> None:
    await people(room)
    await room.take(HIGH)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 3.9)))
    assert await room.open() == []
    await room.engine.handle(room.batch(("tank", start + MINUTE, 4.2), ("other", start, 1.0)))
    (alarm,) = await room.open()
    assert (alarm.entity, alarm.active, alarm.value) == ("urn:ngsi-ld:Tank:1", True, 4.2)
    assert (alarm.series, alarm.measured) == (room.series["tank"], start + MINUTE)
    told = await room.outbox.of_alarm(alarm.id)
    assert [(n.step, n.person, n.channel, n.state) for n in told] == [
        (0, "ana", "inbox", "sent"), (0, "ana", "mail", "queued"), (0, "ana", "webhook", "queued"),
        (1, "ben", "inbox", "queued"), (1, "ben", "mail", "queued"),
    ]  # fmt: skip
    assert told[1].subject == "[Majeure] Réservoir trop plein"
    assert told[4].subject == "[Major] Réservoir trop plein"
    assert told[4].due - told[1].due == 900_000

    later = await room.outbox.due("mail", now=now_ms() + 901_000)
    assert [each.person for each in later] == ["ana", "ben"]
    await room.office.act([alarm.id], "acknowledge", who="ben", now=now_ms())
    assert [n.person for n in await room.outbox.due("mail", now=now_ms() + 901_000)] == ["ana"]
    await room.engine.handle(room.batch(("tank", start + 2 * MINUTE, 3.6)))
    assert (await room.open())[0].active
    await room.engine.handle(room.batch(("tank", start + 3 * MINUTE, 3.4)))
    assert await room.open() == []
    await room.office.act([alarm.id], "verdict", who="ben", now=now_ms(), value="confirmed")
    kinds = [each.kind for each in await room.alarms.timeline(alarm.id)]
    assert kinds == ["raised", "acknowledged", "cleared", "closed", "confirmed"]
    score = (await room.rules.scores(since=0))["high"]
    assert (score.closed, score.confirmed, score.false, score.open) == (1, 1, 0, 0)


async def test_a_closed_alarm_is_reopened_and_its_escalation_goes_on(room: "Room") -> None:
    await people(room)
    await room.take(HIGH)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 3.9)))
    await room.engine.handle(room.batch(("tank", start + MINUTE, 4.2)))
    (alarm,) = await room.open()
    await room.office.act([alarm.id], "close", who="ana", now=now_ms())
    assert await room.open() == []
    late = now_ms() + 901_000
    assert [n.person for n in await room.outbox.due("mail", now=late)] == []
    with pytest.raises(ReasonWanted):
        await room.office.act([alarm.id], "reopen", who="ben", now=now_ms())
    await room.office.act([alarm.id], "reopen", who="ben", now=now_ms(), value="it still runs")
    (again,) = await room.open()
    assert (again.id, again.active, again.acknowledged) == (alarm.id, True, None)
    assert {n.person for n in await room.outbox.due("mail", now=late)} == {"ana", "ben"}

    await room.office.act([alarm.id], "close", who="ana", now=now_ms())
    await room.engine.handle(room.batch(("tank", start + 2 * MINUTE, 3.1)))
    await room.office.act([alarm.id], "reopen", who="ana", now=now_ms())
    (over,) = await room.open()
    assert (over.active, over.closed) == (False, None)
    await room.engine.handle(room.batch(("tank", start + 3 * MINUTE, 4.4)))
    (same,) = await room.open()
    assert (same.id, same.active) == (alarm.id, True)
    kinds = [each.kind for each in await room.alarms.timeline(alarm.id)]
    assert kinds == [
        "raised", "closed", "reopened", "closed", "over", "reopened", "raised_again",
    ]  # fmt: skip


async def test_a_closed_alarm_is_not_reopened_beside_a_newer_one(room: "Room") -> None:
    await room.take(HIGH)
    start = now_ms()
    for number, value in enumerate((3.9, 4.2)):
        await room.engine.handle(room.batch(("tank", start + number * MINUTE, value)))
    (alarm,) = await room.open()
    await room.office.act([alarm.id], "close", who="ana", now=now_ms())
    for number, value in enumerate((3.1, 4.4), start=2):
        await room.engine.handle(room.batch(("tank", start + number * MINUTE, value)))
    (newer,) = await room.open()
    assert newer.id != alarm.id
    with pytest.raises(OpenAnew):
        await room.office.act([alarm.id], "reopen", who="ana", now=now_ms())


async def test_a_batch_that_comes_again_and_a_restart_change_nothing(room: "Room") -> None:
    await room.take(msgspec.structs.replace(HIGH, hold_s=120))
    start = now_ms() - 10 * MINUTE
    first = room.batch(("tank", start, 9.0), received=start)
    await room.engine.handle(first)
    await room.engine.handle(first)
    room.start_engine()
    await room.take(msgspec.structs.replace(HIGH, hold_s=120))
    await room.engine.handle(first)
    second = room.batch(("tank", start + 3 * MINUTE, 9.0), received=start + 3 * MINUTE)
    await room.engine.handle(second)
    await room.engine.handle(second)
    (alarm,) = await room.open()
    assert alarm.count == 1
    assert [each.kind for each in await room.alarms.timeline(alarm.id)] == ["raised"]


async def test_an_engine_that_failed_repeats_the_whole_batch(
    room: "Room", monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.take(HIGH)

    async def broken(*_: object, **__: object) -> None:
        raise ClapasError("the database went away")

    batch = room.batch(("tank", now_ms(), 9.0))
    with monkeypatch.context() as patch:
        patch.setattr(room.office.alarms, "commit", broken)
        with pytest.raises(ClapasError):
            await room.engine.handle(batch)
    assert await room.open() == []
    await room.engine.handle(batch)
    assert len(await room.open()) == 1


async def test_suspect_replayed_and_withdrawn_values(room: "Room") -> None:
    await room.take(HIGH)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 99.0), quality=int(Quality.SUSPECT)))
    replayed = msgspec.structs.replace(room.batch(("tank", start + 1, 99.0)), replayed=True)
    await room.engine.handle(replayed)
    assert await room.open() == []
    await room.engine.handle(room.batch(("tank", start + 2, 99.0)))
    assert len(await room.open()) == 1
    await room.engine.handle(room.batch(("tank", start + 2, None), deleted=True))
    assert not (await room.open())[0].active


async def test_silence_is_claimed_by_the_clock_and_ended_by_any_message(room: "Room") -> None:
    rule = Rule(id="mute", title="Muet", target=LEVEL, when=Silence(for_s=3600))
    await room.take(rule)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 1.0)))
    await room.engine.tick(start + 3_599_000)
    assert await room.open() == []
    room.start_engine()
    await room.take(rule)
    await room.engine.tick(start + 3_600_000 + SETTLE_MS)
    (alarm,) = await room.open()
    assert alarm.first == start + 3_600_000
    await room.engine.handle(room.batch(("tank", start + 4_000_000, "text is heard too")))
    assert not (await room.open())[0].active


async def test_thresholds_of_the_entity_neighbours_and_groups(room: "Room") -> None:
    await room.take(
        Rule(id="own", title="A", target=LEVEL, when=Threshold(operator=">", attribute="alertLevel")),
        Rule(id="apart", title="B", target=LEVEL,
             when=Versus(entity="urn:ngsi-ld:Tank:2", attribute="level", operator=">", margin=2.0)),
        Rule(id="all", title="C", target=LEVEL, when=Group(function="mean", operator=">", limit=3.0)),
    )  # fmt: skip
    start = now_ms()
    await room.engine.handle(room.batch(("limit", start - 1, 5.0), ("other", start, 1.0)))
    await room.engine.handle(room.batch(("tank", start, 6.0)))
    assert {(a.rule, a.entity) for a in await room.open()} == {
        ("own", "urn:ngsi-ld:Tank:1"),
        ("apart", "urn:ngsi-ld:Tank:1"),
        ("all", "urn:ngsi-ld:Group:all:34172"),
    }
    await room.engine.handle(room.batch(("other", start, 5.0)))
    still = {a.rule for a in await room.open() if a.active}
    assert still == {"own", "all"}


async def test_a_changed_rule_clears_what_the_former_one_raised(room: "Room") -> None:
    await room.take(HIGH)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 5.0)))
    assert len(await room.open()) == 1
    higher = Threshold(operator=">", limit=6.0)
    await room.take(msgspec.structs.replace(HIGH, when=higher, clear=None))
    await room.engine.handle(room.batch(("tank", start + MINUTE, 5.0)))
    assert not (await room.open())[0].active
    await room.take()
    assert [a.rule for a in await room.open() if a.active] == []


async def test_what_is_silenced_is_kept_and_told_when_the_silence_ends(room: "Room") -> None:
    await people(room)
    await room.take(HIGH)
    start = now_ms()
    silence = Silencing(kind="maintenance", commune="34172", start=start - 1, end=start + MINUTE)
    number = await room.alarms.add_silence(silence)
    await room.office.refresh(start, force=True)
    await room.engine.handle(room.batch(("tank", start, 9.0)))
    (alarm,) = await room.open()
    assert alarm.masked == f"maintenance:{number}"
    assert await room.outbox.of_alarm(alarm.id) == []
    await room.office.unmask(start + 2 * MINUTE)
    assert (await room.open())[0].masked == ""
    assert len(await room.outbox.of_alarm(alarm.id)) == 5


async def test_a_dead_channel_is_retried_shown_and_delays_no_other(room: "Room") -> None:
    await people(room)
    await room.take(HIGH)
    await room.engine.handle(room.batch(("tank", now_ms(), 9.0)))
    (alarm,) = await room.open()
    sent: list[Notice] = []

    class Dead:
        async def send(self, notice: "Notice") -> None:
            assert notice.channel == "mail"
            await asyncio.sleep(3600)

    class Alive:
        async def send(self, notice: "Notice") -> None:
            sent.append(notice)

    settings = Settings(timeout_s=1, attempts=2)
    dispatcher = Dispatcher(room.outbox, {"mail": Dead(), "webhook": Alive()}, settings=settings)
    running = asyncio.create_task(dispatcher.run())
    while not sent:
        await asyncio.sleep(0.02)
    while not (told := (await room.outbox.of_alarm(alarm.id))[1]).attempts:
        await asyncio.sleep(0.05)
    running.cancel()
    assert [each.channel for each in sent] == ["webhook"]
    assert (told.state, told.error) == ("queued", "no answer in time")
    closed = (await room.outbox.of_alarm(alarm.id))[3]
    assert (closed.channel, closed.state) == ("inbox", "failed"), "no such way out was opened"
    await dispatcher.send_due("mail", now=now_ms() + 40_000)
    assert (await room.outbox.of_alarm(alarm.id))[1].state == "failed"


async def test_trades_propose_and_analysts_ask_through_rules_only(room: "Room") -> None:
    question = "SELECT 'urn:ngsi-ld:Tank:2' AS entity, 2.5 AS value"
    sql = Rule(id="asked", title="Q", when=Sql(query=question))
    leak = msgspec.convert(
        {"id": "leak", "title": "Fuite", "when": {"kind": "proposed", "detector": "leaks"}}, Rule
    )
    await room.take(sql, leak)
    now = now_ms()
    rows = await room.rules.ask(question, at=now)
    await room.office.commit(asked(sql, rows, known=[], now=now), now=now)
    proposal = AlarmProposal(rule="leak", entity="urn:ngsi-ld:Tank:1", measured=now, value=12.0)
    unknown = msgspec.structs.replace(proposal, rule="asked")
    found, refused = signals([proposal, unknown], {"leak": leak, "asked": sql}, at=now)
    await room.office.commit(found, now=now)
    assert {a.rule for a in await room.open()} == {"asked", "leak"}
    assert len(refused) == 1
    await room.office.commit(asked(sql, [], known=["urn:ngsi-ld:Tank:2"], now=now), now=now)
    counts = await room.alarms.counts(RowFilter(everything=True), by="commune")
    assert sum(each["active"] for each in counts) == 1
    with pytest.raises(ClapasError):
        await room.rules.ask("SELECT * FROM file('/etc/passwd')", at=now)
