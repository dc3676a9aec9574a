"""Indicators over the real history: each kind beside a number computed by hand, and every pack's story to its row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.domain.quality import Quality
from clapas.domain.window import Window, milliseconds
from clapas.store import StateRow
from clapas.store.indicators import KINDS, Answer, Ask, Indicators, Scope, Source
from clapas.usecases.discovery import discover
from clapas.usecases.gather import gather
from clapas.usecases.members import Seen

if TYPE_CHECKING:
    from clapas.store import Store
    from clapas.web.services import Services

EVERYTHING = RowFilter(everything=True)
DAY = Window(datetime(2026, 1, 6, tzinfo=UTC), datetime(2026, 1, 7, tzinfo=UTC))
WEEK = Window(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


async def keep(
    store: Store, key: SeriesKey, values: list[tuple[float, float]], *, quality: int = 0
) -> int:
    """Readings (hours after 6 January 2026, value) of a series; gives its number."""
    number = (await store.series.ensure([key]))[key].id
    start = milliseconds(DAY.start)
    rows = []
    for n, (hours, value) in enumerate(values):
        at = start + round(hours * 3_600_000)
        rows.append(Observation(number, at, value, at, 1, n + 1, quality=Quality(quality)))
    await store.history.keep(rows)
    last = rows[-1]
    await store.state.upsert(
        [StateRow(number, key.entity, key.attribute, last.value, last.measured, last.measured)]
    )
    return number


async def asked(store: Store, source: Source, scope: Scope, *asks: Ask) -> Answer:
    history = Indicators(store.clickhouse, store.series, territory=store.territory)
    return (await history.read(EVERYTHING, [source], scope=scope, asks=asks))[source.series]


async def test_each_kind_is_the_number_that_one_computes_by_hand(services: Services) -> None:
    store = services.store
    key = SeriesKey("urn:ngsi-ld:OffStreetParking:kinds", "availableSpotNumber", "free_places")
    free = await keep(store, key, [(0, 10.0), (1, 4.0), (2, 6.0), (3, 1.0), (4, 1.0), (5, 3.0)])
    await keep(store, key, [(6, 999.0)], quality=int(Quality.OUT_OF_RANGE))
    scope = Scope(window=DAY, interval_s=3600)
    asks = [Ask(id=kind, kind=kind, low=2.0, high=4.0, percent=50.0) for kind in KINDS]
    own = Ask(id="own", kind="sql", expression="sumIf(seconds, before > value) / 3600")
    answer = await asked(store, Source(free), scope, *asks, own)
    assert answer.covered == 6 * 3600
    assert answer.numbers == pytest.approx({
        "mean": 25 / 6, "min": 1.0, "max": 10.0, "percentile": 3.5, "latest": 3.0, "count": 6.0,
        "share_above": 2 / 6, "share_below": 2 / 6, "share_between": 2 / 6, "share_outside": 4 / 6,
        "hours_above": 2.0, "largest_swing": 9.0, "still_hours": 0.0, "falls_a_day": 11.0, "own": 2.0,
    })  # fmt: skip
    history = Indicators(store.clickhouse, store.series, territory=store.territory)
    assert (await history.suspect(EVERYTHING, [free], window=DAY))[free] == pytest.approx(1 / 7)
    nobody = await history.read(RowFilter(), [Source(free)], scope=scope, asks=asks)
    assert nobody == {}


async def test_a_share_is_of_time_and_a_gap_speaks_for_one_interval(services: Services) -> None:
    key = SeriesKey("urn:ngsi-ld:OffStreetParking:gaps", "availableSpotNumber", "free_places")
    ask = Ask(id="full", kind="share_below", low=1.0)
    scope = Scope(window=DAY, interval_s=3600)
    number = await keep(services.store, key, [(0, 0.0), (0.5, 5.0), (12, 0.0), (23.5, 0.0)])
    answer = await asked(services.store, Source(number), scope, ask)
    assert answer.covered == 3 * 3600
    assert answer.numbers["full"] == pytest.approx(2 / 3)
    below = await asked(
        services.store, Source(number), scope, Ask(id="never", kind="share_below", low=-1.0)
    )
    assert below.numbers == {"never": 0.0}
    morning = Scope(window=DAY, interval_s=3600, opens=12 * 3600, closes=14 * 3600)
    paris_noon = await asked(services.store, Source(number), morning, ask)
    assert (paris_noon.covered, paris_noon.numbers) == (3600, {"full": 1.0})


async def test_what_lacks_is_derived_in_the_query(services: Services) -> None:
    entity = "urn:ngsi-ld:BikeHireDockingStation:derived"
    bikes = SeriesKey(entity, "availableBikeNumber", "bikes_available")
    total = SeriesKey(entity, "totalSlotNumber", "total_places")
    here = await keep(services.store, bikes, [(0, 7.0), (2, 12.0), (3, 13.0), (4, 2.0)])
    whole = await keep(services.store, total, [(1, 12.0)])
    answer = await asked(
        services.store, Source(here, whole), Scope(window=DAY, interval_s=3600),
        Ask(id="full", kind="share_below", low=0.5), Ask(id="most", kind="max"), Ask(id="n", kind="count"),
    )  # fmt: skip
    assert answer.numbers == pytest.approx({"full": 2 / 3, "most": 10.0, "n": 3.0})


async def test_the_story_of_every_pack_ends_in_its_row(services: Services) -> None:
    store, seen = services.store, Seen(entities=EVERYTHING, series=EVERYTHING)
    hours = [n / 4 - 24 for n in range(7 * 96)]
    for pack in discover().values():
        binding, row = pack.story["binding"], pack.story["row"]
        kind = binding["entity"].split(":")[2]
        entity = f"urn:ngsi-ld:{kind}:story-{pack.name}"
        await store.entities.upsert([Entity(id=entity, type=kind, name=pack.name)])
        key = SeriesKey(entity, binding["attribute"], binding["quantity"])
        await keep(store, key, [(each, float(pack.story["observation"])) for each in hours])
        lines = await gather(store, seen, pack=pack, window=WEEK)
        (line,) = (each for each in lines if each.entity == entity)
        figure = next(each for each in line.figures if each.indicator == row["indicator"])
        assert figure.value == pytest.approx(row["value"]), pack.name
