"""The path of one batch: claims, devices, series, history, state, ledger."""

import asyncio
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from clapas.domain.access import RowFilter
from clapas.domain.device import Binding, CodecRef, Device, Model, SeriesKey
from clapas.domain.message import Observation, Outcome
from clapas.domain.window import Window
from clapas.store import Claim, Proposal, RawRow, Seen, StateRow, Store
from clapas.store.ledger import BLOCK

ALL = RowFilter(everything=True)
T0 = 1_767_225_600_000
MINUTE = 60_000


async def test_a_log_incarnation_has_one_number(store: Store) -> None:
    first = await store.messages.log_id("uplink", "2026-01-01T00:00:00Z")
    again = await store.messages.log_id("uplink", "2026-01-01T00:00:00Z")
    other = await store.messages.log_id("uplink", "2026-02-01T00:00:00Z")
    assert first == again
    assert other == first + 1
    assert [log.id for log in await store.messages.logs()] == [first, other]


async def test_a_message_is_claimed_once_and_a_redelivery_keeps_its_claim(store: Store) -> None:
    frame = b"f" * 16
    mine = Claim(frame, 1, 10, T0)
    assert await store.messages.claim([mine]) == [True]
    assert await store.messages.claim([mine]) == [True]
    assert await store.messages.claim([Claim(frame, 1, 11, T0 + 9 * MINUTE)]) == [False]
    assert await store.messages.claim([Claim(frame, 2, 10, T0 - 9 * MINUTE)]) == [False]


async def test_a_counter_reset_is_kept_and_both_owners_are_remembered(store: Store) -> None:
    frame = b"r" * 16
    before, after = Claim(frame, 1, 10, T0), Claim(frame, 1, 50, T0 + 11 * MINUTE)
    assert await store.messages.claim([before]) == [True]
    assert await store.messages.claim([after]) == [True]
    assert await store.messages.claim([before]) == [True]
    assert await store.messages.claim([after]) == [True]
    late = [Claim(frame, 1, 60, T0 + MINUTE), Claim(frame, 1, 61, T0 + 12 * MINUTE)]
    assert await store.messages.claim(late) == [False, False]


async def test_a_batch_may_hold_the_same_identity_several_times(store: Store) -> None:
    one, two = b"1" * 16, b"2" * 16
    batch = [
        Claim(one, 1, 1, T0),
        Claim(two, 1, 2, T0),
        Claim(one, 1, 3, T0),
        Claim(one, 1, 4, T0 + 20 * MINUTE),
    ]
    assert await store.messages.claim(batch) == [True, True, False, True]
    assert await store.messages.claim(batch) == [True, True, False, True]


async def test_old_claims_are_forgotten(store: Store) -> None:
    await store.messages.claim([Claim(b"o" * 16, 1, 1, T0)])
    assert await store.messages.purge(older_than_hours=1) == 0
    await store.postgres.run("UPDATE message_seen SET claimed = now() - interval '3 days'")
    assert await store.messages.purge(older_than_hours=48) == 1


async def test_a_device_is_resolved_with_all_that_decoding_needs(store: Store) -> None:
    codec = await store.models.save_script("elsys", "function decodeUplink() {}")
    await store.models.save([Model(id="ers", label="Elsys ERS", codec=codec, interval_s=600)])
    await store.registry.save_devices([Device(id=uuid4(), key="a1", model="ers", source="http")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    bound = Binding(channel="t", entity="urn:ngsi-ld:Room:1", attribute="temperature", start=start)
    await store.registry.bind("a1", [bound])
    known = await store.registry.resolve(["a1", "unknown"])
    assert set(known) == {"a1"}
    assert known["a1"].script == "function decodeUplink() {}"
    assert known["a1"].model is not None
    assert known["a1"].model.codec == CodecRef("javascript", "elsys", "ttn", 1)
    assert known["a1"].bindings == (bound,)
    assert await store.registry.bindings_of("urn:ngsi-ld:Room:1") == [("a1", bound)]


async def test_a_change_of_the_registry_reaches_the_cache(store: Store) -> None:
    await store.registry.save_devices([Device(id=uuid4(), key="b1", name="before")])
    async with asyncio.timeout(20):
        before = (await store.registry.resolve(["b1"]))["b1"]
        while (await store.registry.resolve(["b1"]))["b1"] is not before:
            before = (await store.registry.resolve(["b1"]))["b1"]
        assert before.device.name == "before"
        await store.registry.save_devices([Device(id=uuid4(), key="b1", name="after")])
        while (await store.registry.resolve(["b1"]))["b1"].device.name != "after":
            await asyncio.sleep(0)


async def test_an_unknown_device_is_proposed_once(store: Store) -> None:
    await store.registry.propose([Proposal("new1", "chirpstack", "elsys-ers", "Salle 3")] * 2)
    await store.registry.touch({"new1": Seen(T0, -101.0, 4.5, "gw1"), "nobody": Seen(T0)})
    await store.registry.touch({"new1": Seen(T0 - 5)})
    page = await store.registry.devices(ALL, lifecycle="proposed")
    assert [(d.device.key, d.rssi, d.gateway) for d in page.items] == [("new1", -101.0, "gw1")]
    assert page.items[0].device.last_seen == datetime(2026, 1, 1, tzinfo=UTC)
    assert page.items[0].device.tags == {"profile": "elsys-ers"}


async def test_a_batch_is_kept_with_its_ledger_and_a_redelivery_changes_nothing(
    store: Store,
) -> None:
    log = await store.messages.log_id("uplink", "x")
    key = SeriesKey("urn:ngsi-ld:Room:1", "temperature", "temperature")
    words = SeriesKey("urn:ngsi-ld:Room:1", "state", "")
    series = await store.series.ensure([key, words])
    number = series[key].id
    raw = [
        RawRow(
            log=log, sequence=s, source="http", received=T0 + s, payload=b"\xff\x00{}", device="a1"
        )
        for s in (1, 2, 3)
    ]
    values = [
        Observation(number, T0 + s, 20.0 + s, T0 + s + 70, log, s, codec=3) for s in (1, 2)
    ] + [Observation(series[words].id, T0 + 1, "open", T0 + 5, log, 1)]
    ends = [
        Outcome(log, 1, "http", "a1", "stored", observations=2, received=T0),
        Outcome(log, 2, "http", "a1", "stored", observations=1, received=T0),
        Outcome(log, 3, "http", "a1", "rejected", "unknown_device", received=T0),
    ]
    for _ in range(2):
        await store.history.write(raw, values, outcomes=ends)
    counts = await store.ledger.counts(log)
    assert [(c.source, c.result, c.reason, c.messages) for c in counts] == [
        ("http", "rejected", "unknown_device", 1),
        ("http", "stored", "", 2),
    ]
    assert await store.ledger.outcomes_upto(log, 2) == 2
    assert await store.ledger.missing(log, 1, last=6) == [4, 5, 6]
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    (read,) = await store.history.read(ALL, [number], window=window)
    assert (read.step, read.times, read.values) == (0, [T0 + 1, T0 + 2], [21.0, 22.0])
    kept = await store.history.observation(ALL, number, measured=T0 + 2)
    assert (kept.received, kept.log, kept.sequence, kept.codec) == (T0 + 72, log, 2, 3)
    frame = await store.raw.by_sequence(kept.log, kept.sequence)
    assert (frame.raw.payload, frame.result) == (b"\xff\x00{}", "stored")
    (text,) = await store.history.texts(ALL, [series[words].id], window=window)
    assert text.value == "open"
    frames = await store.raw.frames("a1", limit=2)
    assert [f.raw.sequence for f in frames.items] == [3, 2]
    rest = await store.raw.frames("a1", after=frames.next, limit=2)
    assert [f.raw.sequence for f in rest.items] == [1]
    assert rest.next is None
    replayed = [rows async for rows in store.raw.read(window, batch=2)]
    assert [[row.sequence for row in rows] for rows in replayed] == [[1, 2], [3]]
    assert replayed[0] == raw[:2]
    assert len(await store.history.of_messages(log, 1, last=3)) == 3


async def test_the_newer_measured_value_is_the_present_one(store: Store) -> None:
    key = SeriesKey("urn:ngsi-ld:Room:1", "temperature", "temperature")
    number = (await store.series.ensure([key]))[key].id
    row = StateRow(number, key.entity, key.attribute, 20.0, T0, T0)
    late = StateRow(number, key.entity, key.attribute, 19.0, T0 - 1, T0 + 9)
    await store.state.upsert([row, late])
    await store.state.upsert([late])
    (latest,) = await store.state.latest(ALL)
    assert (latest.value, latest.quantity) == (20.0, "temperature")
    await store.state.upsert(
        [StateRow(number, key.entity, key.attribute, float("nan"), T0 + 1, T0)]
    )
    await store.state.upsert(
        [StateRow(number, key.entity, key.attribute, {"t": "a\x00b\\u0000"}, T0 + 2, T0)]
    )
    assert (await store.state.latest(ALL))[0].value == {"t": "ab\\u0000"}


async def test_series_are_made_once_and_known_again(store: Store) -> None:
    keys = [SeriesKey(f"urn:ngsi-ld:Room:{i}", "co2", "co2") for i in range(50)]
    made = await store.series.ensure(keys)
    assert len({each.id for each in made.values()}) == 50
    store.series.forget()
    assert await store.series.ensure(keys) == made


async def test_blocks_of_the_ledger_that_changed_are_counted_again(store: Store) -> None:
    log = await store.messages.log_id("uplink", "blocks")

    def end(sequence: int, result: Literal["stored", "rejected"]) -> Outcome:
        reason = "unknown_device" if result == "rejected" else ""
        return Outcome(log, sequence, "http", "a1", result, reason, received=T0)

    async def counted(upto: int | None = None) -> dict[str, int]:
        return {each.result: each.messages for each in await store.ledger.counts(log, upto)}

    await store.history.write([], [], outcomes=[end(1, "rejected"), end(2, "stored")])
    await store.history.write([], [], outcomes=[end(BLOCK, "stored"), end(BLOCK + 1, "stored")])
    for _ in range(2):
        assert await counted() == {"rejected": 1, "stored": 3}
        assert await counted(BLOCK) == {"rejected": 1, "stored": 2}
        assert await counted(1) == {"rejected": 1}
    await store.history.write([], [], outcomes=[end(1, "stored")])
    assert await counted(BLOCK) == {"stored": 3}, "a retried message of a sealed block counts anew"
    assert await counted() == {"stored": 4}
