"""What a rule watches follows the registry: saved groups, models, tags; and the group's whole."""

from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from clapas.domain.device import Binding, Device, Entity, SeriesKey
from clapas.rules.engine import now_ms
from clapas.rules.model import Group, Rule, Target, Threshold
from clapas.rules.replay import replay
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet import Group as SavedGroup

if TYPE_CHECKING:
    from tests.integration.rules.conftest import Room

HIGH = Rule(
    id="high", title="Réservoir trop plein", severity="major",
    target=Target(attribute="level", group="lez"), when=Threshold(operator=">", limit=4.0),
)  # fmt: skip


async def probes(room: "Room") -> None:
    """Two tanks, each with its probe; the first probe is tagged, and in the saved group."""
    tags: tuple[dict[str, str], ...] = ({"basin": "lez"}, {})
    await room.store.registry.save_devices(
        [Device(id=uuid4(), key=f"probe-{n}", tags=tag) for n, tag in enumerate(tags, 1)]
    )
    for n in (1, 2):
        binding = Binding(channel="level", entity=f"urn:ngsi-ld:Tank:{n}", attribute="level", quantity="tank_level")  # fmt: skip
        await room.store.registry.bind(f"probe-{n}", [binding])
    group = SavedGroup(name="lez", label="Bassin du Lez", query=DeviceQuery(tag="basin"))
    await room.store.fleet.save_group(group)


async def active(room: "Room") -> set[str]:
    return {each.entity for each in await room.open() if each.active}


async def test_what_is_there_to_compare_with_raises_nothing(room: "Room") -> None:
    target = Target(attribute="level", type="Tank", beside=("valmaillargues",))
    await room.take(msgspec.structs.replace(HIGH, target=target))
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0), ("other", start, 9.0)))
    assert await active(room) == {"urn:ngsi-ld:Tank:1"}


async def test_a_saved_group_is_watched_as_it_is_now(room: "Room") -> None:
    await probes(room)
    await room.take(HIGH)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0), ("other", start, 9.0)))
    assert await active(room) == {"urn:ngsi-ld:Tank:1"}

    await room.store.fleet.set_tags(["probe-2"], {"basin": "lez"})
    await room.engine.look_again(())
    await room.engine.handle(room.batch(("other", start + 1, 9.0)))
    assert await active(room) == {"urn:ngsi-ld:Tank:1", "urn:ngsi-ld:Tank:2"}

    await room.store.fleet.set_tags(["probe-1"], {}, without=["basin"])
    await room.engine.look_again(())
    assert await active(room) == {"urn:ngsi-ld:Tank:2"}
    left = next(each for each in await room.open() if each.entity.endswith("1"))
    told = await room.alarms.timeline(left.id)
    assert (told[-1].kind, told[-1].values["reason"]) == ("cleared", "not_watched")

    await room.store.fleet.remove_group("lez")
    await room.engine.look_again(())
    assert await active(room) == set()


async def test_a_saved_group_is_replayed(room: "Room") -> None:
    from clapas.domain.access import RowFilter

    await probes(room)
    past = now_ms() - 86_400_000
    for name in ("tank", "other"):
        batch = room.batch((name, past, 2.0), (name, past + 60_000, 9.0))
        await room.store.history.keep(batch.observations)
    found = await replay(room.store, HIGH, rows=RowFilter(everything=True))
    assert (found.watched, [each.entity for each in found.occurrences]) == (
        1,
        ["urn:ngsi-ld:Tank:1"],
    )


async def test_a_rule_that_aims_elsewhere_clears_what_it_had_raised_here(room: "Room") -> None:
    await room.take(msgspec.structs.replace(HIGH, target=Target(attribute="level")))
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0), ("other", start, 9.0)))
    assert len(await active(room)) == 2
    elsewhere = Target(attribute="level", entities=("urn:ngsi-ld:Tank:2",))
    await room.take(msgspec.structs.replace(HIGH, target=elsewhere))
    assert await active(room) == {"urn:ngsi-ld:Tank:2"}


async def test_a_model_is_watched_where_its_devices_measure_for_themselves(room: "Room") -> None:
    """A battery is measured on the device's own entity, which no binding names."""
    await room.store.registry.save_devices(
        [Device(id=uuid4(), key="probe-9", tags={"basin": "lez"})]
    )
    key = SeriesKey("urn:ngsi-ld:Device:probe-9", "battery", "battery_voltage")
    room.series["battery"] = (await room.store.series.ensure([key]))[key].id
    low = Rule(id="flat", title="Pile", target=Target(attribute="battery", group="basin=lez"), when=Threshold(operator="<", limit=2.5))  # fmt: skip
    await room.take(low)
    await room.engine.handle(room.batch(("battery", now_ms(), 2.1)))
    assert await active(room) == {"urn:ngsi-ld:Device:probe-9"}


async def test_a_thing_that_moves_to_another_commune_is_watched_there(room: "Room") -> None:
    local = msgspec.structs.replace(HIGH, target=Target(attribute="level", communes=("34057",)))
    await room.take(local)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0)))
    assert await active(room) == set()
    moves = room.rules.moves()
    assert await anext(moves) is None, "after the connection anything may have changed"
    await room.store.entities.upsert(
        [Entity(id="urn:ngsi-ld:Tank:1", type="Tank", commune="34057")]
    )
    told = await anext(moves)
    assert told == {"urn:ngsi-ld:Tank:1"}
    await room.engine.look_again(await room.rules.fed_by((), told))
    await room.engine.handle(room.batch(("tank", start + 1, 9.0)))
    assert await active(room) == {"urn:ngsi-ld:Tank:1"}
    await moves.aclose()


async def test_a_thing_that_enters_another_record_is_left_out(room: "Room") -> None:
    await room.store.series.ensure([SeriesKey("urn:ngsi-ld:Tank:1", "level", "tank_level")])
    mine = Target(attribute="level", datasets=("basin",))
    await room.take(msgspec.structs.replace(HIGH, target=mine))
    await room.store.entities.upsert(
        [Entity(id="urn:ngsi-ld:Tank:1", type="Tank", dataset="basin")]
    )
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0)))
    assert await active(room) == {"urn:ngsi-ld:Tank:1"}
    moves = room.rules.moves()
    assert await anext(moves) is None
    await room.store.entities.upsert([Entity(id="urn:ngsi-ld:Tank:1", type="Tank", dataset="sea")])
    told = await anext(moves)
    assert told == {"urn:ngsi-ld:Tank:1"}
    await room.engine.look_again(await room.rules.fed_by((), told))
    assert await active(room) == set()
    await moves.aclose()


async def test_after_a_restart_a_group_is_whole_and_is_told_no_second_time(room: "Room") -> None:
    mean = Group(function="mean", operator=">", limit=4.0, by="all")
    rule = Rule(id="mean", title="Moyenne", target=Target(attribute="level"), when=mean)
    start = now_ms()
    await room.take(rule)
    await present(room, start, {"tank": 9.0, "other": 1.0})
    await room.engine.handle(room.batch(("tank", start, 9.0), ("other", start, 1.0)))
    assert len(await active(room)) == 1
    room.start_engine()
    await room.take(rule)
    await room.engine.handle(room.batch(("other", start + 1, 1.5)))
    (alarm,) = await room.open()
    assert (alarm.active, alarm.count) == (True, 1), "one member that speaks is not the group"
    await room.engine.handle(room.batch(("tank", start, None), deleted=True))
    await room.engine.handle(room.batch(("tank", start + 2, 2.0)))
    assert await active(room) == set()


async def present(room: "Room", at: int, values: dict[str, float]) -> None:
    """What the pipeline keeps of the last readings."""
    from clapas.store.values import StateRow

    kept = {number: name for name, number in room.series.items()}
    rows = await room.rules.facts([room.series[name] for name in values])
    await room.store.state.upsert(
        [
            StateRow(series=each.series, entity=each.entity, attribute=each.attribute,
                     value=values[kept[each.series]], measured=at, received=at)
            for each in rows
        ]
    )  # fmt: skip


async def test_what_is_active_then_mine_comes_first_page_by_page(room: "Room") -> None:
    from clapas.domain.access import RowFilter

    everything = RowFilter(everything=True)
    rules = [
        Rule(id=f"r{n}", title=f"R{n}", target=Target(attribute="level"), when=Threshold(operator=">", limit=4.0))
        for n in range(3)
    ]  # fmt: skip
    await room.take(*rules)
    start = now_ms()
    await room.engine.handle(room.batch(("tank", start, 9.0), ("other", start, 9.0)))
    await room.engine.handle(room.batch(("other", start + 1, 1.0)))
    mine = [each for each in await room.open() if each.rule == "r1"]
    await room.office.act(
        [each.id for each in mine], "assign", who="ana", now=now_ms(), value="ana"
    )
    seen: list[tuple[bool, bool]] = []
    after = None
    while True:
        page = await room.alarms.page(everything, person="ana", state="open", after=after, limit=2)
        seen += [(each.active, each.assignee == "ana") for each in page.items]
        after = page.next
        if after is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 6
