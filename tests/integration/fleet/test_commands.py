"""Commands: four eyes, the closing that always comes, effects seen, whatever is too late."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from clapas.codecs import CodecPool
from clapas.domain.access import RowFilter
from clapas.domain.device import CodecRef, Device, Model, SeriesKey
from clapas.domain.errors import InvalidInput
from clapas.domain.window import milliseconds
from clapas.fleet.bench import Bench
from clapas.fleet.dispatch import Publisher, dispatch, plan
from clapas.fleet.errors import CodecVectors
from clapas.fleet.health import fill_communes, sweep
from clapas.fleet.orders import order
from clapas.store import RawRow, Seen, StateRow, Store
from clapas.store.fleet import DeviceQuery, Group
from clapas.store.fleet_codecs import Vector
from clapas.store.fleet_commands import Schedule

ALL = RowFilter(everything=True)
VALVE = {
    "commands": {
        "open": {
            "f_port": 10,
            "payload": "01",
            "four_eyes": True,
            "longest_s": 1800,
            "opposite": "close",
            "expect": {"attribute": "flow", "above": 0.1, "within_s": 600},
        },
        "close": {"f_port": 10, "payload": "00"},
    }
}


async def a_valve(store: Store) -> None:
    await store.models.save([Model(id="valve", label="Vanne", settings=VALVE)])
    await store.registry.save_devices(
        [
            Device(
                id=uuid4(),
                key="70b3d57ed0000042",
                source="chirpstack_v4",
                model="valve",
                tags={"application": "7"},
            )
        ]
    )


async def test_a_valve_opens_with_two_persons_and_closes_by_itself(store: Store) -> None:
    await a_valve(store)
    told: list[tuple[str, dict[str, object]]] = []

    async def publish(topic: str, body: bytes) -> None:
        told.append((topic, msgspec.json.decode(body)))

    key = "70b3d57ed0000042"
    async with CodecPool.open(1) as codecs:
        [number] = await order(store, [key], values={"name": "open", "for_s": 900}, actor="anne")
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 0
        assert not await store.commands.approve(number, "anne")
        assert await store.commands.approve(number, "bruno")
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 1
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 0
        topic, body = told[0]
        assert topic == f"application/7/device/{key}/command/down"
        assert (body["fPort"], body["data"]) == (10, "AQ==")
        [closing] = (await store.commands.page(ALL, state="queued")).items
        assert (closing.name, closing.opposite, closing.payload) == ("close", number, b"\x00")
        wait = closing.not_before - datetime.now(UTC)
        assert timedelta(minutes=14) < wait <= timedelta(minutes=15)

        sent = await store.commands.get(number)
        answer = b'{"queueItemId":"%s","acknowledged":true}' % sent.reference.encode()
        now = milliseconds(datetime.now(UTC)) + 1000
        await store.history.write(
            [RawRow(log=1, sequence=1, source="chirpstack_v4", received=now, payload=answer,
                    kind="ack", device=key)], [], outcomes=[],
        )  # fmt: skip
        await dispatch(store, Publisher(publish), codecs=codecs)
        assert (await store.commands.get(number)).state == "acked"

        flow = SeriesKey(f"urn:ngsi-ld:Device:{key}", "flow", "flow")
        series = (await store.series.ensure([flow]))[flow]
        await store.state.upsert([StateRow(series.id, flow.entity, "flow", 2.5, now, now)])
        await dispatch(store, Publisher(publish), codecs=codecs)
        done = await store.commands.get(number)
        assert (done.state, done.detail) == ("confirmed", "flow = 2.5")


async def test_raw_bytes_do_not_go_round_the_second_person(store: Store) -> None:
    await a_valve(store)
    key = "70b3d57ed0000042"
    [number] = await order(store, [key], values={"f_port": 10, "payload": "01"}, actor="anne")
    assert (await store.commands.get(number)).state == "to_approve"
    for wrong in ({"name": "explode"}, {"f_port": 224}, {"payload": "zz"}, {"wait_s": 0}):
        with pytest.raises(InvalidInput):
            await order(store, [key], values=wrong, actor="anne")


async def test_a_network_that_takes_no_command_is_told(store: Store) -> None:
    await store.registry.save_devices([Device(id=uuid4(), key="csv-1", source="csv_drop")])

    async def publish(topic: str, body: bytes) -> None:
        raise AssertionError(topic, body)

    [number] = await order(store, ["csv-1"], values={"f_port": 1, "payload": "01"}, actor="anne")
    async with CodecPool.open(1) as codecs:
        assert await dispatch(store, Publisher(publish), codecs=codecs) == 0
    assert (await store.commands.get(number)).state == "failed"


async def test_a_dead_gateway_shows_as_one_problem(store: Store) -> None:
    keys = [f"meter-{number:02}" for number in range(20)]
    await store.registry.save_devices(
        [Device(id=uuid4(), key=each, model="water", longitude=3.9, latitude=43.6) for each in keys]
    )
    now = datetime.now(UTC)
    before = milliseconds(now - timedelta(hours=9))
    await store.registry.touch({each: Seen(received=before, gateway="roof") for each in keys[:19]})
    await store.registry.touch({keys[19]: Seen(received=milliseconds(now), gateway="well")})
    counts = await sweep(store)
    assert counts == {"gateway_silent": 1}
    [problem] = await store.health.repairs()
    assert (problem.subject, problem.count) == ("roof", 19)
    assert (await store.fleet.count(ALL, DeviceQuery(gateway="roof"))) == {"silent": 19}

    fresh = milliseconds(datetime.now(UTC))
    await store.registry.touch({each: Seen(received=fresh, gateway="roof") for each in keys[:19]})
    assert await sweep(store) == {}
    assert await store.health.repairs() == []


async def test_places_without_commune_are_filled(store: Store) -> None:
    await store.registry.save_devices(
        [Device(id=uuid4(), key="placed", longitude=3.9, latitude=43.6)]
    )
    assert (await store.registry.device("placed")).device.commune == "34172"
    await store.fleet.set_communes({"placed": ""})
    assert await fill_communes(store) == 1
    assert (await store.registry.device("placed")).device.commune == "34172"


OLD = "function decodeUplink(i){return {data:{temperature:i.bytes[0]}}}"
NEW = "function decodeUplink(i){return {data:{temperature:i.bytes[0]-40}}}"


async def test_a_codec_fix_is_tried_rolled_out_and_rolled_back(store: Store) -> None:
    ref = await store.models.save_script("probe", OLD)
    await store.models.save([Model(id="probe", label="Sonde", codec=ref)])
    keys = [f"probe-{number}" for number in range(5)]
    await store.registry.save_devices([Device(id=uuid4(), key=e, model="probe") for e in keys])
    now = milliseconds(datetime.now(UTC))
    frames = [
        RawRow(log=1, sequence=n, source="x", received=now, payload=b"", device=keys[0],
               model="probe", frame=bytes([n]), f_port=1)
        for n in range(1, 6)
    ]  # fmt: skip
    await store.history.write(frames, [], outcomes=[])
    async with CodecPool.open(1) as codecs:
        bench = Bench(store, codecs)
        trial = await bench.try_script("probe", NEW, mode="ttn", uplinks=100)
        assert (trial.frames, trial.same, len(trial.changed)) == (5, 0, 5)
        by_sequence = {each.sequence: each.changes for each in trial.changed}
        assert by_sequence[3] == {"temperature": (3, -37)}

        vector = Vector(payload=b"\x32", expected={"temperature": 50})
        number = await store.rollouts.add_vector("probe", vector)
        with pytest.raises(CodecVectors):
            await bench.save("probe", NEW, mode="ttn", devices=2, actor="anne")
        await store.rollouts.remove_vector("probe", number)
        rollout = await bench.save("probe", NEW, mode="ttn", devices=2, actor="anne")

    async def versions() -> list[int]:
        known = await store.registry.resolve(keys)
        return sorted(each.model.codec.version for each in known.values() if each.model)

    async def soon(expected: list[int]) -> None:
        """Memories are corrected by a notification, which takes a moment."""
        async with asyncio.timeout(20):
            while await versions() != expected:
                await asyncio.sleep(0.02)

    await soon([1, 1, 1, 2, 2])
    await store.rollouts.everywhere(rollout.id)
    await soon([2, 2, 2, 2, 2])
    await store.rollouts.back(rollout.id)
    await soon([1, 1, 1, 1, 1])
    assert (await store.models.get("probe")).codec == CodecRef(
        kind="javascript", name="probe", mode="ttn", version=1
    )


async def test_a_schedule_acts_on_whoever_is_in_the_group_by_then(store: Store) -> None:
    """A group is a query: who joins it later is told as well; its devices go to a dataset together."""
    await a_valve(store)
    await store.fleet.save_group(
        Group(name="vannes", label="", query=DeviceQuery(model="valve"), actor="anne")
    )
    moment = datetime.now(UTC) - timedelta(minutes=1)
    await store.commands.add_schedule(
        Schedule(
            target={"group": "vannes"}, command={"name": "close"}, timing={"at": "06:00:00"},
            actor="anne", next=moment,
        )
    )  # fmt: skip
    late = Device(id=uuid4(), key="70b3d57ed0000043", source="chirpstack_v4", model="valve")
    await store.registry.save_devices([late])
    await plan(store)
    queued = (await store.commands.page(ALL, state="queued")).items
    assert sorted(each.key for each in queued) == ["70b3d57ed0000042", "70b3d57ed0000043"]
    keys = await store.fleet.keys(ALL, DeviceQuery(group="vannes"))
    assert await store.fleet.set_dataset(keys, "irrigation") == 2
    only = RowFilter(datasets=frozenset({"irrigation"}))
    assert len(await store.fleet.keys(only, DeviceQuery())) == 2
