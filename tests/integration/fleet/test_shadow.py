"""Weeks beside the platform in place: counts and values compared, commands held, then cut over or leave."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec
import pytest

from clapas.codecs import CodecPool
from clapas.domain.access import RowFilter
from clapas.domain.device import Binding, Device, SeriesKey
from clapas.domain.errors import Conflict, InvalidInput
from clapas.domain.message import Observation
from clapas.fleet.comparison import Rules, Word
from clapas.fleet.dispatch import Publisher, dispatch
from clapas.fleet.feed import fetch
from clapas.fleet.orders import order
from clapas.fleet.settings import Feed
from clapas.fleet.shadow import compare_day, cut_over, fetch_days, is_ready, leave
from clapas.store import Store
from clapas.store.fleet import DeviceQuery
from clapas.store.fleet_shadow import Shadow

ALL = RowFilter(everything=True)
KEYS = [f"70b3d57ed000010{number}" for number in range(3)]
ENTITY = "urn:ngsi-ld:WeatherObserved:square"
TODAY = datetime.now(UTC).date()


def noon(day: date, minute: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, 12, minute, tzinfo=UTC).timestamp() * 1000)


async def a_fleet_beside_another(store: Store, *, days: int = 2) -> None:
    """Three probes: one bound to an entity, one unbound, one that never speaks here."""
    await store.registry.save_devices(
        [Device(id=uuid4(), key=each, source="chirpstack_v4", model="air") for each in KEYS]
    )
    await store.registry.bind(
        KEYS[0], [Binding(channel="temp", entity=ENTITY, attribute="temperature")]
    )
    bound = SeriesKey(ENTITY, "temperature", "temperature")
    own = SeriesKey(f"urn:ngsi-ld:Device:{KEYS[1]}", "temperature", "temperature")
    series = await store.series.ensure([bound, own])
    rows = [
        Observation(
            series=series[key].id, measured=noon(day, minute), value=20.0 + minute,
            received=noon(day, minute), log=1, sequence=1 + minute,
        )
        for day in (TODAY - timedelta(days=back) for back in range(1, days + 1))
        for minute in range(4)
        for key in (bound, own)
    ]  # fmt: skip
    await store.history.write([], rows, outcomes=[])
    await store.shadows.save(
        Shadow(
            name="present",
            query=msgspec.to_builtins(DeviceQuery(model="air")),
            rules=msgspec.to_builtins(
                Rules(days=2, least=0.99, names={"t_dix": Word(attribute="temperature", scale=0.1)})
            ),
            actor="anne",
        )
    )


def theirs(day: date, *, silent: bool = False, wrong: bool = False) -> bytes:
    lines = ["DevEUI;Attribut;Horodatage;Valeur"]
    for minute in range(4):
        at = f"{day}T12:0{minute}:05Z"
        lines.append(f"{KEYS[0].upper()};t_dix;{at};{200 + 10 * minute}")
        value = 99 if wrong and minute == 3 else 20 + minute
        lines.append(f"{KEYS[1]};temperature;{at};{value},0")
        if silent:
            lines.append(f"{KEYS[2]};temperature;{at};18")
    return "\r\n".join(lines).encode()


async def test_counts_and_values_are_compared_until_the_days_agree(store: Store) -> None:
    await a_fleet_beside_another(store)
    yesterday, before = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
    report = await compare_day(
        store, "present", day=yesterday, content=theirs(yesterday, silent=True, wrong=True)
    )
    assert (report.here, report.there, report.matched, report.equal) == (8, 12, 8, 7)
    assert (report.different, report.missing_here, report.missing_there) == (1, 4, 0)
    assert (report.devices.both, report.devices.only_there) == (2, 1)
    assert report.silent_here == [{"device": KEYS[2], "missing": 4}]
    [difference] = report.differences
    assert (difference["device"], difference["here"], difference["value"]) == (KEYS[1], 23.0, 99.0)
    shadow = await store.shadows.get("present")
    assert not await is_ready(store, shadow)
    with pytest.raises(Conflict):
        await cut_over(store, "present", actor="anne")

    for day in (yesterday, before):
        good = await compare_day(store, "present", day=day, content=theirs(day))
        assert good.agreement == 1.0
    assert await is_ready(store, shadow)
    done = await cut_over(store, "present", actor="anne")
    assert (done.state, done.ended_by, done.days) == ("cut_over", "anne", 2)
    with pytest.raises(Conflict):
        await compare_day(store, "present", day=yesterday, content=theirs(yesterday))


async def test_nobody_here_commands_a_device_that_another_platform_commands(store: Store) -> None:
    await a_fleet_beside_another(store)
    await store.registry.save_devices(
        [(await store.registry.device(KEYS[0])).device.__class__(
            id=uuid4(), key=KEYS[0], source="chirpstack_v4", model="air", tags={"application": "1"})]
    )  # fmt: skip
    told: list[str] = []

    async def publish(topic: str, body: bytes) -> None:
        told.append(topic)

    async with CodecPool.open(1) as codecs:
        [first] = await order(store, [KEYS[0]], values={"f_port": 1, "payload": "01"}, actor="anne")
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 0
        assert (await store.commands.get(first)).state == "failed"
        left = await leave(store, "present", actor="anne")
        assert left.state == "left"
        await order(store, [KEYS[0]], values={"f_port": 1, "payload": "01"}, actor="anne")
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 1
    assert len(told) == 1


async def test_leaving_may_retire_the_devices_and_keeps_their_history(store: Store) -> None:
    await a_fleet_beside_another(store)
    await leave(store, "present", actor="anne", retire=True)
    assert (await store.fleet.count(ALL, DeviceQuery(lifecycle="retired"))) == {"never": 3}


async def test_the_platform_in_place_is_asked_for_the_days_that_are_missing(store: Store) -> None:
    await a_fleet_beside_another(store)
    started = (await store.shadows.get("present")).started
    assert started is not None
    first = started.astimezone(await store.territory.zone()).date()
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["from"])
        return httpx.Response(200, content=theirs(first))

    feeds = {"present": Feed(url="https://present.example/?from={start}"), "other": Feed(url="x")}
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        assert await fetch_days(store, feeds, client=client, today=first) == {}
        day_after = first + timedelta(days=1)
        assert await fetch_days(store, feeds, client=client, today=day_after) == {"present": 1}
        assert await fetch_days(store, feeds, client=client, today=day_after) == {}
    assert len(asked) == 1
    [kept] = (await store.shadows.days("present")).items
    assert (kept.day, kept.report["there"]) == (first, 8)


async def test_a_feed_is_asked_with_its_period_and_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=theirs(TODAY))

    from clapas.domain.window import Window

    start = datetime(2026, 5, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(days=1))
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        feed = Feed(url="https://present.example/out.csv?from={start}&to={end}", token="t")
        assert await fetch(feed, window, client=client) == theirs(TODAY)
    assert seen[0].url.params["from"] == "2026-05-01T00:00:00+00:00"
    assert seen[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("content", [b"", b"a;b\n1;2\n", b"\xff\xfe\x00"])
async def test_a_file_that_holds_no_readings_is_refused(store: Store, content: bytes) -> None:
    await a_fleet_beside_another(store)
    with pytest.raises(InvalidInput, match=r"column.*device, attribute, time, value"):
        await compare_day(store, "present", day=TODAY, content=content)
