"""What must stay quiet: the past that is filled in, and the devices of a gateway that is down."""

from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from clapas.domain.device import Binding, Device
from clapas.notify.text import Words, written
from clapas.rules.engine import SETTLE_MS, now_ms
from clapas.rules.model import Rule, SameHour, Silence, Target, Threshold
from clapas.rules.office import GATEWAY_URN
from clapas.store.values import Seen

if TYPE_CHECKING:
    from tests.integration.rules.conftest import Room

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LEVEL = Target(attribute="level")
HIGH = Rule(
    id="high", title="Réservoir trop plein", target=LEVEL, when=Threshold(operator=">", limit=4.0),
    clear=Threshold(operator="<", limit=3.5), chain="water",
)  # fmt: skip


async def test_a_past_that_is_filled_in_raises_nothing_and_tells_nobody(room: "Room") -> None:
    await room.outbox.save_plan("chain", "water", body={"stages": [{"to": ["ana"]}]})
    await room.take(HIGH)
    now = now_ms()
    past = [("tank", now - 20 * DAY + n * HOUR, 9.0 if n % 50 == 7 else 2.0) for n in range(200)]
    await room.engine.handle(room.batch(*past, received=now))
    await room.engine.handle(room.batch(("tank", now - 11 * DAY, 9.0), received=now))
    assert await room.open() == []
    assert await room.alarms.raised_by("high", since=0) == []

    await room.engine.handle(room.batch(("tank", now, 8.0), received=now))
    (alarm,) = await room.open()
    assert len(await room.outbox.of_alarm(alarm.id)) == 1, "what is still wrong now is told, once"


async def test_a_past_and_a_present_in_one_batch_tell_the_present_only(room: "Room") -> None:
    await room.take(HIGH)
    now = now_ms()
    past = [("tank", now - 9 * DAY + n * HOUR, 9.0 if n % 9 == 4 else 2.0) for n in range(60)]
    await room.engine.handle(room.batch(*past, ("tank", now, 2.0), received=now))
    assert await room.alarms.raised_by("high", since=0) == []


async def test_yesterdays_telegram_of_a_meter_still_raises(room: "Room") -> None:
    await room.take(HIGH)
    now = now_ms()
    await room.engine.handle(room.batch(("tank", now - 54 * HOUR, 2.0), received=now - 54 * HOUR))
    day = [("tank", now - 30 * HOUR + n * HOUR, 9.0 if n == 12 else 2.0) for n in range(24)]
    await room.engine.handle(room.batch(*day, received=now))
    (alarm,) = await room.open()
    assert (alarm.active, alarm.count) == (False, 1)


async def test_the_last_days_of_a_new_series_raise_nothing(room: "Room") -> None:
    """A new sensor brings two days at once: nobody watched then, so what was over is no alarm."""
    await room.take(HIGH)
    now = now_ms()
    past = [("tank", now - 40 * HOUR + n * HOUR, 9.0 if n in {5, 30} else 2.0) for n in range(39)]
    for start in (0, 13, 26):
        await room.engine.handle(room.batch(*past[start : start + 13], received=now))
    assert await room.alarms.raised_by("high", since=0) == []

    await room.engine.handle(room.batch(("tank", now + 1, 2.0), received=now + 1))
    assert await room.open() == []
    await room.engine.handle(room.batch(("tank", now + MINUTE, 9.0), received=now + MINUTE))
    (alarm,) = await room.open()
    assert (alarm.active, alarm.count, alarm.first) == (True, 1, now + MINUTE)


async def test_what_is_still_wrong_at_the_end_of_a_new_past_is_told_once(room: "Room") -> None:
    await room.take(HIGH)
    now = now_ms()
    past = [("tank", now - 40 * HOUR + n * HOUR, 2.0 if n < 30 else 9.0) for n in range(39)]
    await room.engine.handle(room.batch(*past[:35], received=now))
    assert await room.open() == []
    await room.engine.handle(room.batch(*past[35:], ("tank", now, 9.0), received=now))
    (alarm,) = await room.open()
    assert (alarm.active, alarm.count, alarm.first) == (True, 1, now - 10 * HOUR)


async def fleet(room: "Room", *, heard: int) -> None:
    """Two tanks, each with its device, both heard last by one gateway."""
    devices = [Device(id=uuid4(), key=f"probe-{n}") for n in (1, 2)]
    await room.store.registry.save_devices(devices)
    for n in (1, 2):
        binding = Binding(
            channel="level",
            entity=f"urn:ngsi-ld:Tank:{n}",
            attribute="level",
            quantity="tank_level",
        )
        await room.store.registry.bind(f"probe-{n}", [binding])
    seen = {f"probe-{n}": Seen(received=heard, gateway="gw-arceaux") for n in (1, 2)}
    await room.store.registry.touch(seen)


async def test_a_dead_gateway_masks_its_devices_and_is_told_once(room: "Room") -> None:
    await room.outbox.save_plan("chain", "water", body={"stages": [{"to": ["ana"]}]})
    mute = Rule(id="mute", title="Muet", target=LEVEL, when=Silence(for_s=3 * 3600), chain="water")
    heard = now_ms() - 4 * HOUR
    await fleet(room, heard=heard)
    await room.take(mute)
    await room.engine.handle(room.batch(("tank", heard, 1.0), ("other", heard, 1.0)))
    await room.engine.tick(now_ms() + SETTLE_MS)
    by_entity = {each.entity: each for each in await room.open()}
    gateway = by_entity.pop(f"{GATEWAY_URN}gw-arceaux")
    assert {each.masked for each in by_entity.values()} == {"gateway:gw-arceaux"}
    assert len(by_entity) == 2
    for each in by_entity.values():
        assert await room.outbox.of_alarm(each.id) == []
    told = await room.outbox.of_alarm(gateway.id)
    assert len(told) == 1
    assert "gw-arceaux n’entend plus aucun de ses appareils" in told[0].body

    back = now_ms()
    await room.store.registry.touch({"probe-1": Seen(received=back, gateway="gw-arceaux")})
    await room.engine.handle(room.batch(("tank", back, 1.0)))
    await room.office.unmask(back)
    active = {each.entity: each for each in await room.open() if each.active}
    assert set(active) == {"urn:ngsi-ld:Tank:2"}, "the tank that stays silent is on its own now"
    assert len(await room.outbox.of_alarm(active["urn:ngsi-ld:Tank:2"].id)) == 1


async def test_an_unusual_hour_is_told_in_a_sentence(room: "Room") -> None:
    rule = Rule(id="night", title="Débit", target=LEVEL, when=SameHour(times=4.0, margin=0.5))
    await room.take(rule)
    now = now_ms() // HOUR * HOUR
    start = now - 5 * 7 * DAY
    hours = range(5 * 7 * 24)
    values = [("tank", start + n * HOUR, 2.0 + 0.05 * (n % 7)) for n in hours]
    for place in range(0, len(values), 200):
        part = room.batch(*values[place : place + 200])
        await room.engine.handle(part)
    assert await room.open() == []
    await room.engine.handle(room.batch(("tank", now, 6.4)))
    (alarm,) = await room.open()
    assert 1.9 < alarm.because["usual"] < 2.4
    words = Words(language="en", kind="raised", severity="major", title="Flow", entity=alarm.entity,
                  name="Montmaur", measured=now, value=alarm.value, because=alarm.because)  # fmt: skip
    assert " times the usual " in written(words).body
    french = written(msgspec.structs.replace(words, language="fr")).body
    assert " fois l’habituel d’un" in french
