"""Writes through an API are seen at once, survive repeated relays, and stay withdrawn."""

from datetime import UTC, datetime

import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import SeriesKey
from clapas.domain.keys import LOG_API
from clapas.domain.message import Observation, ObservationBatch
from clapas.domain.window import Window, milliseconds
from clapas.store import StateRow, Store

ALL = RowFilter(everything=True)
T0 = milliseconds(datetime(2026, 1, 5, tzinfo=UTC))
WINDOW = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
KEY = SeriesKey("urn:ngsi-ld:Room:1", "temperature", "temperature")


def value(series: int, moment: int, number: float) -> StateRow:
    return StateRow(series, KEY.entity, KEY.attribute, number, moment, moment)


async def values(store: Store, series: int, step: str = "raw") -> list[float]:
    (read,) = await store.history.read(
        ALL, [series], window=WINDOW, step="raw" if step == "raw" else "hour"
    )
    return read.values


async def test_a_write_is_read_before_and_after_its_relay(store: Store) -> None:
    series = (await store.series.ensure([KEY]))[KEY].id
    await store.history.keep(
        [Observation(series, T0, 1.0, T0, 1, 1), Observation(series, T0 + 1, 2.0, T0, 1, 2)]
    )
    write = await store.writes.put(
        [value(series, T0 + 1, 20.0), value(series, T0 + 2, 30.0)], source="ngsi-ld"
    )
    assert await values(store, series) == [1.0, 20.0, 30.0]
    assert await values(store, series, "hour") == [17.0]
    assert (await store.state.latest(ALL))[0].value == 30.0
    told: list[ObservationBatch] = []

    async def publish(batch: ObservationBatch) -> None:
        told.append(batch)

    assert await store.writes.waiting() == 1
    assert await store.writes.relay(publish) == 2
    assert await store.writes.relay(publish) == 0
    assert await store.writes.waiting() == 0
    assert [o.value for o in told[0].observations] == [20.0, 30.0]
    assert await values(store, series) == [1.0, 20.0, 30.0]
    log = await store.messages.log_id(LOG_API, "1")
    (count,) = await store.ledger.counts(log)
    assert (count.source, count.result, count.messages) == ("ngsi-ld", "stored", 1)
    kept = await store.history.observation(ALL, series, measured=T0 + 2)
    assert (kept.log, kept.sequence) == (log, write)


async def test_a_relay_that_fails_is_repeated_without_a_trace(store: Store) -> None:
    series = (await store.series.ensure([KEY]))[KEY].id
    await store.writes.put([value(series, T0, 5.0)], source="api")

    async def down(batch: ObservationBatch) -> None:
        raise ConnectionError

    async def up(batch: ObservationBatch) -> None:
        return

    with pytest.raises(ConnectionError):
        await store.writes.relay(down)
    assert await store.writes.relay(up) == 1
    assert await values(store, series) == [5.0]


async def test_withdrawn_values_stay_withdrawn_also_those_on_their_way(store: Store) -> None:
    series = (await store.series.ensure([KEY]))[KEY].id

    async def publish(batch: ObservationBatch) -> None:
        return

    await store.history.keep([Observation(series, T0, 1.0, T0, 1, 1)])
    await store.writes.put([value(series, T0 + 1, 2.0)], source="api")
    await store.writes.withdraw([series])
    assert await values(store, series) == []
    assert await store.state.latest(ALL) == []
    await store.writes.relay(publish)
    await store.history.keep([Observation(series, T0 + 5, 9.0, T0, 1, 2)])
    assert await values(store, series) == []
    await store.writes.put([value(series, T0 + 1, 7.0)], source="api")
    assert await values(store, series) == [7.0]
    await store.postgres.run("UPDATE fence SET created = now() - interval '1 hour'")
    await store.writes.relay(publish)
    assert await store.postgres.rows("SELECT * FROM fence") == []
    assert await values(store, series) == [7.0]
    await store.rollups.refresh(force=True)
    assert await values(store, series, "hour") == [7.0]


async def test_a_window_is_withdrawn_and_the_rest_stays(store: Store) -> None:
    series = (await store.series.ensure([KEY]))[KEY].id
    await store.history.keep(
        [Observation(series, T0 + h * 3_600_000, float(h), T0, 1, h) for h in range(4)]
    )
    two = Window(datetime(2026, 1, 5, 1, tzinfo=UTC), datetime(2026, 1, 5, 3, tzinfo=UTC))
    await store.writes.withdraw([series], two)
    assert await values(store, series) == [0.0, 3.0]
