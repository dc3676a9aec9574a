"""Hours and civil days equal what the values say, whatever order they came in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.errors import InvalidInput
from clapas.domain.message import Observation
from clapas.domain.quality import Quality
from clapas.domain.window import Window, civil_day, milliseconds
from clapas.store import Store

ALL = RowFilter(everything=True)
PARIS = ZoneInfo("Europe/Paris")
HOUR = 3_600_000
DAY = timedelta(days=1)


async def one_series(store: Store, name: str = "1", dataset: str = "") -> int:
    entity = Entity(id=f"urn:ngsi-ld:Room:{name}", type="Room", dataset=dataset)
    key = SeriesKey(entity.id, "temperature", "temperature")
    await store.entities.upsert([entity])
    return (await store.series.ensure([key]))[key].id


def at(
    series: int, moment: int, value: float, *, quality: int = 0, generation: int = 0
) -> Observation:
    return Observation(series, moment, value, moment, 1, moment // 1000, quality, 0, generation)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 6, 1), 24), (date(2026, 10, 25), 25)]
)
async def test_a_civil_day_has_its_own_hours(store: Store, day: date, hours: int) -> None:
    series = await one_series(store)
    window = civil_day(day, PARIS)
    start = milliseconds(window.start)
    around = Window(window.start - DAY, window.end + DAY)
    values = [at(series, start + h * HOUR, float(h)) for h in range(-24, hours + 24)]
    await store.history.keep(values)
    (fresh,) = await store.history.read(ALL, [series], window=window, step="day")
    assert (fresh.times, fresh.counts, fresh.values) == ([start], [hours], [(hours - 1) / 2])
    assert await store.rollups.refresh(force=True) > 24
    daily = await store.history.daily(ALL, "temperature", window=around)
    (row,) = [each for each in daily if each.day == day.isoformat()]
    assert (row.minimum, row.mean, row.maximum, row.count) == (
        0.0,
        (hours - 1) / 2,
        hours - 1,
        hours,
    )


async def test_late_corrected_and_withdrawn_values_are_right_after_a_refresh(store: Store) -> None:
    series = await one_series(store)
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))
    start = milliseconds(datetime(2025, 6, 1, tzinfo=UTC))
    await store.history.keep([at(series, start + minute * 60_000, 10.0) for minute in range(120)])
    await store.rollups.refresh(force=True)

    async def hours() -> list[tuple[int, float, int]]:
        (read,) = await store.history.read(ALL, [series], window=window, step="hour")
        return list(zip(read.times, read.values, read.counts, strict=True))

    assert await hours() == [(start, 10.0, 60), (start + HOUR, 10.0, 60)]
    generation = await store.history.next_generation()
    late = at(series, start + 30_000, 70.0)
    corrected = at(series, start + 60_000, 80.0, generation=generation)
    gone = [
        Observation(
            series, start + HOUR + m * 60_000, 10.0, 0, 1, 1, generation=generation, deleted=True
        )
        for m in range(60)
    ]
    await store.history.keep([late, corrected, *gone])
    expected = [(start, (59 * 10 + 70 + 80) / 61, 61)]
    assert await hours() == expected
    await store.rollups.refresh(force=True)
    assert await store.rollups.pending() == 0
    assert await hours() == expected
    (days,) = await store.history.read(ALL, [series], window=window, step="day", aggregate="max")
    assert (days.values, days.counts) == ([80.0], [61])


async def test_values_not_to_be_used_are_left_out_but_their_flags_are_told(store: Store) -> None:
    series = await one_series(store)
    start = milliseconds(datetime(2026, 1, 5, tzinfo=UTC))
    await store.history.keep(
        [
            at(series, start, 20.0),
            at(series, start + 1, 999.0, quality=int(Quality.OUT_OF_RANGE)),
            at(series, start + 2, 22.0, quality=int(Quality.LATE)),
            at(series, start + HOUR, 999.0, quality=int(Quality.SUSPECT)),
        ]
    )
    window = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
    (read,) = await store.history.read(ALL, [series], window=window, step="hour")
    assert (read.times, read.values, read.maximum, read.counts) == ([start], [21.0], [22.0], [2])
    assert read.qualities == [int(Quality.OUT_OF_RANGE | Quality.LATE)]
    (raw,) = await store.history.read(ALL, [series], window=window, step="raw")
    assert raw.values == [20.0, 999.0, 22.0, 999.0]


async def test_down_sampling_keeps_the_extremes(store: Store) -> None:
    series = await one_series(store)
    start = milliseconds(datetime(2026, 1, 5, tzinfo=UTC))
    values = [at(series, start + i * 10_000, 20.0) for i in range(5000)]
    values[1234] = at(series, start + 12_340_000, 95.0)
    values[4321] = at(series, start + 43_210_000, -5.0)
    await store.history.keep(values)
    window = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
    (read,) = await store.history.read(ALL, [series], window=window, max_points=300)
    assert read.step == 300
    assert len(read.times) <= 300
    assert (max(read.maximum), min(read.minimum), sum(read.counts)) == (95.0, -5.0, 5000)
    (counted,) = await store.history.read(
        ALL, [series], window=window, step=3600, aggregate="count"
    )
    assert sum(counted.values) == 5000
    with pytest.raises(InvalidInput):
        await store.history.read(ALL, [series], window=window, step=0)


async def test_only_visible_series_are_counted_in_a_day(store: Store) -> None:
    rows = RowFilter(datasets=frozenset({"open"}))
    seen = await one_series(store, "1", "open")
    hidden = await one_series(store, "2", "secret")
    start = milliseconds(datetime(2026, 1, 5, tzinfo=UTC))
    await store.history.keep([at(seen, start, 1.0), at(hidden, start, 100.0)])
    await store.rollups.refresh(force=True)
    window = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, 12, tzinfo=UTC))
    (day,) = await store.history.daily(rows, "temperature", window=window)
    assert (day.maximum, day.series) == (1.0, 1)
    assert await store.history.daily(RowFilter(), "temperature", window=window) == []
    (everything,) = await store.history.daily(ALL, "temperature", window=window)
    assert everything.series == 2
    read = await store.history.read(rows, [seen, hidden], window=window, step="raw")
    assert [each.series for each in read] == [seen]


async def test_the_running_hour_waits_but_is_read_right(store: Store) -> None:
    series = await one_series(store)
    now = datetime.now(UTC).replace(microsecond=0)
    moment = milliseconds(now)
    await store.history.keep([at(series, moment, 5.0)])
    assert await store.rollups.refresh(now=now) == 0
    window = Window(now - 80 * DAY, now + timedelta(hours=1))
    (read,) = await store.history.read(ALL, [series], window=window, step="hour")
    assert (read.values, read.counts) == ([5.0], [1])


async def test_a_mirror_left_behind_by_a_crash_is_made_good(store: Store) -> None:
    rows = RowFilter(datasets=frozenset({"open"}))
    series = await one_series(store, "1", "open")
    await store.clickhouse.run("TRUNCATE TABLE series_place")
    assert await store.series.visible_everywhere(rows) == set()
    await store.rollups.refresh()
    assert await store.series.visible_everywhere(rows) == {series}


async def test_a_month_of_days_is_merged_into_one_part(store: Store) -> None:
    series = await one_series(store)
    noon = datetime(2026, 6, 2, 12, tzinfo=UTC)
    window = Window(noon - DAY, noon + DAY)
    for turn in range(3):
        await store.history.keep([at(series, milliseconds(noon), 10.0 + turn, generation=turn)])
        while await store.rollups.refresh(force=True):
            pass
    before = await store.history.daily(ALL, "temperature", window=window)
    assert [row.mean for row in before] == [12.0]
    assert await store.rollups.tidy(force=True) == 0, "the last refresh left nothing to merge"
    table = await store.history._clickhouse.read_own(
        "SELECT count() AS parts FROM system.parts WHERE active AND table = 'rollup_day'"
        " AND database = currentDatabase()"
    )
    assert table.column("parts")[0].as_py() == 1
    assert await store.history.daily(ALL, "temperature", window=window) == before


async def test_the_history_says_when_it_begins(store: Store) -> None:
    assert await store.history.began() is None
    series = await one_series(store)
    for day in (3, 1, 2):
        moment = datetime(2026, 6, day, 12, 20, tzinfo=UTC)
        await store.history.keep([at(series, milliseconds(moment), 1.0)])
    await store.rollups.refresh(force=True)
    assert await store.history.began() == datetime(2026, 6, 1, 12, tzinfo=UTC)
