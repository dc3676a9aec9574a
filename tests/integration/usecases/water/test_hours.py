"""A home's hours serve the night and go; its days stay, what was deleted is proven, who agreed keeps hours."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.integration.usecases.conftest import operator, page, reader, services, stranger
from tests.integration.usecases.water.test_cases_on_the_platform import (
    DAYS,
    LEAKY,
    NOW,
    SOUND,
    furnish,
)

from clapas.domain.access import RowFilter
from clapas.domain.window import Window
from clapas.usecases.water.settings import Settings
from clapas.usecases.water.watch.hours import drop_hours
from clapas.usecases.water.watch.night import night

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.store import Store
    from clapas.web.services import Services

__all__ = ["operator", "page", "reader", "services", "stranger"]
ALL = RowFilter(everything=True)


async def hours_of(store: Store, entity: str) -> int:
    """How many single readings of a meter are kept."""
    found = await store.state.latest(ALL, entities=[entity], quantity="water_index")
    window = Window(NOW - timedelta(days=60), NOW + timedelta(days=1))
    (history,) = await store.history.read(ALL, [found[0].series], window=window, step="raw")
    return len(history.times)


async def test_hours_go_after_the_night_used_them_and_days_stay(
    services: Services, operator: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    store = services.store
    await furnish(store, leak_l_h=9.0)
    while await store.rollups.refresh(force=True, limit=5000):
        pass
    await night(store, now=NOW)
    who = {"name": "Mme Vidal", "consents": ["hourly"]}
    path = f"/api/v1/water/subscribers/{SOUND}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    before = (await operator.call("GET", f"/api/v1/water/meters/{LEAKY}")).json()
    deleted = await drop_hours(store, Settings(hours_days=2), now=NOW)
    assert deleted["observation"] >= (DAYS - 3) * 24
    assert await hours_of(store, LEAKY) <= 3 * 24
    assert await hours_of(store, SOUND) == DAYS * 24
    proofs = await store.governance.proofs(dataset="water")
    assert {(each.why, each.kept) for each in proofs} == {
        ("retention", "observation"), ("retention", "rollup_hour")
    }  # fmt: skip
    assert all(len(each.digest) == 64 and each.rows for each in proofs)
    after = (await operator.call("GET", f"/api/v1/water/meters/{LEAKY}")).json()
    cut = int(before["litres"][0] is None)
    assert after["days"] == before["days"][cut:], "a first day of too few hours is not kept"
    old = len(before["days"]) - 4
    assert after["litres"][: old - cut] == before["litres"][cut:old]
    assert after["night_l_h"][: old - cut] == before["night_l_h"][cut:old]
    again = await drop_hours(store, Settings(hours_days=2), now=NOW)
    assert again == {}
    told = await night(store, now=NOW + timedelta(minutes=15))
    assert (told["meters"], told["alerts"]) == (2, 0)
    assert await store.water.running() == {LEAKY}


async def test_nothing_is_dropped_where_the_platform_alone_decides(services: Services) -> None:
    await furnish(services.store, leak_l_h=0.0)
    assert await drop_hours(services.store, Settings(hours_days=0), now=NOW) == {}
    assert await hours_of(services.store, LEAKY) == DAYS * 24
