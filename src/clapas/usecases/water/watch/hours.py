"""A home's hours, kept no longer than their purpose: the night's features are computed, then the hours go.

Of each day that loses its hours the volume and the least flow are kept (attributes ``dayVolume`` and
``leastFlow``). Each deletion leaves a proof with its digest (governance). Hours stay longer for who agreed to
it. Source: GDPR art. 5.1.b and e, art. 7; CNIL, doctrine on energy meters, which water's has followed.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from clapas.domain.device import SeriesKey
from clapas.domain.window import Window, instant, milliseconds
from clapas.store import StateRow, Store
from clapas.store.governance import DeletionProof
from clapas.store.values import SeriesHistory
from clapas.store.water import PersonalMeter
from clapas.usecases.water.settings import Settings
from clapas.usecases.water.watch.days import days_of
from clapas.usecases.water.watch.night import CHUNK, EVERYTHING, MOST_POINTS, SOURCE

MEMORY = "hours"
DATASET = "water"
VOLUME, LEAST = ("dayVolume", "water_volume"), ("leastFlow", "flow")
HOURLY = ("observation", "rollup_hour")
FIRST_LOOK = timedelta(days=60)
"""How far back features are computed the first time; older hours go without them."""


async def drop_hours(store: Store, settings: Settings, *, now: datetime) -> dict[str, int]:
    """Compute the features of the days whose time is over, then delete their hours; rows by table."""
    if not settings.hours_days:
        return {}
    meters = await store.water.personal()
    zone = await store.territory.zone()
    bound, agreed_bound, days_bound = (
        _midnight(now - timedelta(days=days), zone)
        for days in (settings.hours_days, settings.agreed_days, settings.days_days)
    )
    await _keep_features(store, [each for each in meters if not each.agreed], before=bound)
    deleted: dict[str, int] = {}
    for chosen, before, tables in (
        ([each for each in meters if not each.agreed], bound, HOURLY),
        ([each for each in meters if each.agreed], agreed_bound, HOURLY),
        (meters, days_bound, ("rollup_day",)),
    ):
        for part in _parts(chosen):
            for table, rows in await _delete(store, part, before=before, tables=tables):
                deleted[table] = deleted.get(table, 0) + rows
    await store.water.remember(MEMORY, milliseconds(bound), body=b"")
    return {table: rows for table, rows in deleted.items() if rows}


async def _delete(
    store: Store, meters: Sequence[PersonalMeter], *, before: datetime, tables: Sequence[str]
) -> list[tuple[str, int]]:
    series = [each.series for each in meters]
    deleted = [
        (
            kept,
            await store.governance.delete_values(
                kept, before=before, proof=_proof(kept, before), series=series
            ),
        )
        for kept in tables
    ]
    if "observation" in tables:
        devices = await store.water.devices([each.entity for each in meters])
        rows = await store.governance.delete_raw(
            devices, before=before, proof=_proof("raw", before), traces=True
        )
        deleted.append(("raw", rows))
    return deleted


def _proof(kept: str, before: datetime) -> DeletionProof:
    return DeletionProof(
        why="retention", dataset=DATASET, kept=kept, before=before, rows=0, digest=""
    )


async def _keep_features(
    store: Store, meters: Sequence[PersonalMeter], *, before: datetime
) -> None:
    """The volume (m³) and the least flow (m³/h) of each day that will lose its hours."""
    kept = await store.water.memory(MEMORY)
    start = instant(kept[0]) if kept else before - FIRST_LOOK
    if start >= before:
        return
    zone = await store.territory.zone()
    for part in _parts(meters):
        entity_of = {each.series: each.entity for each in part}
        found = await store.history.read(
            EVERYTHING,
            list(entity_of),
            window=Window(start, before),
            step="raw",
            max_points=MOST_POINTS * len(part),
        )
        features = [
            feature
            for each in found
            for feature in _features(entity_of[each.series], each, zone=zone)
        ]
        if features:
            numbers = await store.series.ensure(list({key for key, _, _ in features}))
            rows = [
                StateRow(numbers[key].id, key.entity, key.attribute, value, at, at)
                for key, at, value in features
            ]
            await store.writes.put(rows, source=SOURCE)


def _features(
    entity: str, history: SeriesHistory, *, zone: ZoneInfo
) -> Iterator[tuple[SeriesKey, int, float]]:
    """Series, noon of the civil day (ms) and value of what is kept of each day."""
    for day, litres, flow in zip(
        *days_of(history.times, history.values, zone=str(zone)), strict=True
    ):
        noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=zone).astimezone(UTC)
        for what, value in ((VOLUME, litres), (LEAST, flow)):
            if value is not None:
                yield SeriesKey(entity, *what), milliseconds(noon), float(value) / 1000.0


def _parts(meters: Sequence[PersonalMeter]) -> Iterator[Sequence[PersonalMeter]]:
    return (meters[first : first + CHUNK] for first in range(0, len(meters), CHUNK))


def _midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """The civil midnight before, so that no day is cut."""
    day = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.astimezone(UTC)
