"""The daily card of each sector of the running platform, from its own flow meter, and tonight's order.

A sector is an entity with a measured flow and an index. Its night (02:00 to 04:00, civil time) is
compared with the median of the nights before it, seven at most; the excess is what a crew may find.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from clapas.domain.access import RowFilter
from clapas.domain.window import Window, milliseconds
from clapas.store import Store
from clapas.store.values import EntityRow, SeriesHistory
from clapas.store.water_works import SectorMeters, SectorWorks

LOOK = timedelta(days=8)
HEARD = timedelta(hours=36)
NIGHT = (2, 3)
MARGINAL_EURO_M3 = 0.80
MOST = 1000
TYPE = "WaterConsumptionObserved"
FLOW = "flow"


class Sector(msgspec.Struct, frozen=True, kw_only=True):
    """A sector's day: inflow of the last 24 hours (m³), nights (m³/h), excess and its cost a day.

    ``works`` are the work orders that are not over, ``repaired`` the day of the last repair, by the
    maintenance tool's own table; ``heard`` of its ``meters`` gave an index within a day and a half.
    """

    entity: str
    name: str
    commune: str
    simulated: bool
    inflow_m3: float | None
    night_m3_h: float | None
    before_m3_h: float | None
    excess_m3_h: float | None
    euros_day: float | None
    hours: int
    works: int = 0
    repaired: date | None = None
    meters: int = 0
    heard: int = 0


async def sectors(
    store: Store, entities: RowFilter, *, series: RowFilter, now: datetime
) -> list[Sector]:
    """Sectors that may be seen, the dearest excess first."""
    zone = await store.territory.zone()
    latest = await store.state.latest(series, attribute=FLOW, quantity="flow", limit=MOST)
    number_of = {each.entity: each.series for each in latest}
    rows = await _rows(store, entities, wanted=set(number_of))
    found = await store.history.read(
        series, [number_of[name] for name in rows], window=Window(now - LOOK, now), step="hour", max_points=100_000
    )  # fmt: skip
    by_series = {each.series: each for each in found}
    works = await store.water_works.sectors(entities)
    heard = await store.water_works.heard(entities, since=milliseconds(now - HEARD))
    made = [
        _known(_sector(row, by_series.get(number_of[name]), zone=zone), works, heard=heard)
        for name, row in rows.items()
    ]
    return sorted(made, key=lambda each: -(each.euros_day or 0.0))


def _known(
    sector: Sector, works: Mapping[str, SectorWorks], *, heard: Mapping[str, SectorMeters]
) -> Sector:
    """With the works and meters that name the sector by its id, the last part of it, or its name."""
    names = list(dict.fromkeys((sector.entity, sector.entity.rpartition(":")[2], sector.name)))
    mine = [works[name] for name in names if name in works]
    its = [heard[name] for name in names if name in heard]
    return msgspec.structs.replace(
        sector,
        works=sum(each.open for each in mine),
        repaired=max((each.repaired for each in mine if each.repaired), default=None),
        meters=sum(each.meters for each in its),
        heard=sum(each.heard for each in its),
    )


async def _rows(store: Store, entities: RowFilter, *, wanted: set[str]) -> dict[str, EntityRow]:
    found: dict[str, EntityRow] = {}
    after: str | None = None
    while True:
        page = await store.entities.page(entities, type=TYPE, after=after, limit=MOST)
        found |= {row.entity.id: row for row in page.items if row.entity.id in wanted}
        after = page.next
        if after is None:
            return found


def _sector(row: EntityRow, history: SeriesHistory | None, *, zone: ZoneInfo) -> Sector:
    nights = nights_of(history, zone) if history else {}
    days = sorted(nights)
    last = nights[days[-1]] if days else None
    before = median(nights[day] for day in days[-8:-1]) if len(days) > 1 else None
    excess = last - before if last is not None and before is not None else None
    day = [each for each in (history.values[-24:] if history else []) if np.isfinite(each)]
    euros = None if excess is None else round(max(excess, 0.0) * 24.0 * MARGINAL_EURO_M3, 0)
    return Sector(
        entity=row.entity.id,
        name=row.entity.name or row.entity.id.rpartition(":")[2],
        commune=row.entity.commune,
        simulated=row.entity.simulated,
        inflow_m3=round(sum(day), 1) if len(day) >= 18 else None,
        night_m3_h=None if last is None else round(last, 2),
        before_m3_h=None if before is None else round(before, 2),
        excess_m3_h=None if excess is None else round(excess, 2),
        euros_day=euros,
        hours=len(day),
    )


def nights_of(history: SeriesHistory, zone: ZoneInfo) -> dict[str, float]:
    """Mean flow of each civil night that was read (m³/h)."""
    hours: dict[str, list[float]] = {}
    for at, value in zip(history.times, history.values, strict=True):
        civil = datetime.fromtimestamp(at / 1000, zone)
        if civil.hour in NIGHT and np.isfinite(value):
            hours.setdefault(f"{civil:%Y-%m-%d}", []).append(value)
    return {day: float(np.mean(values)) for day, values in hours.items()}
