"""Trades over the real store: a station's numbers become figures, a report, a feed for trip planners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.domain.window import milliseconds
from clapas.store import StateRow

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

STATION = "urn:ngsi-ld:BikeHireDockingStation:001"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PERIOD = "from=2026-06-01T00:00:00Z&to=2026-06-01T12:00:00Z"


async def furnish(services: Services) -> None:
    """A station of 12 that stands empty for six hours, then full for six; one that never spoke."""
    store = services.store
    await store.entities.upsert(
        [
            Entity(id=STATION, type="BikeHireDockingStation", name="Comédie", longitude=3.88, latitude=43.6),
            Entity(id=STATION[:-1] + "2", type="BikeHireDockingStation", name="Muette", longitude=3.9, latitude=43.6),
        ]
    )  # fmt: skip
    keys = [
        SeriesKey(STATION, "availableBikeNumber", "bikes_available"),
        SeriesKey(STATION, "freeSlotNumber", "docks_available"),
    ]
    series = await store.series.ensure(keys)
    start = milliseconds(NOON - timedelta(hours=12))
    kept = []
    for n in range(48):
        bikes = 0.0 if n < 24 else 12.0
        for key, value in zip(keys, (bikes, 12.0 - bikes), strict=True):
            at = start + n * 900_000
            kept.append(Observation(series[key].id, at, value, at, 1, n + 1))
    await store.history.keep(kept)
    await store.state.upsert(
        [
            StateRow(series[key].id, STATION, key.attribute, value, kept[-1].measured, kept[-1].measured)
            for key, value in zip(keys, (12.0, 0.0), strict=True)
        ]
    )  # fmt: skip


async def test_from_observations_to_figures_report_and_feed(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await furnish(services)
    listed = (await operator.call("GET", "/api/v1/trades")).json()["items"]
    assert {"museum", "parking", "bikes", "counters"} <= {each["name"] for each in listed}
    answer = await operator.call("GET", f"/api/v1/trades/bikes/figures?{PERIOD}")
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["items"]
    spoke, mute = ({each["indicator"]: each for each in line["figures"]} for line in lines)
    assert (spoke["empty_share"]["value"], spoke["full_share"]["value"]) == (50.0, 50.0)
    assert spoke["unserved"]["state"] == "alert"
    assert spoke["empty_share"]["capture"] == 1.0
    assert (mute["bikes"]["value"], mute["bikes"]["state"]) == (None, "no_data")

    path = f"/api/v1/trades/bikes/report?{PERIOD}"
    printed = await operator.call("GET", path)
    assert printed.content.startswith(b"%PDF-")
    table = await operator.call("GET", f"{path}&form=csv")
    assert (
        f"{STATION},Comédie,BikeHireDockingStation,,empty_share,50.0,%,alert,1.0,0.0" in table.text
    )
    assert (await operator.call("GET", "/api/v1/trades/joy/figures")).status_code == 404
    assert (
        await operator.call("GET", "/api/v1/trades/bikes/figures?from=never")
    ).status_code == 400

    for version, bikes in (("2.3", "num_bikes_available"), ("3.0", "num_vehicles_available")):
        found = (await operator.call("GET", f"/gbfs/{version}/station_status.json")).json()
        assert [each[bikes] for each in found["data"]["stations"]] == [12]
    assert (await operator.call("GET", "/gbfs/4.0/gbfs.json")).status_code == 404
    assert (await stranger.call("GET", "/gbfs/3.0/gbfs.json")).status_code == 401

    elected = (await operator.call("GET", "/api/v1/elected")).json()
    figure = next(each for each in elected["figures"] if each["trade"] == "bikes")
    assert (figure["value"], figure["points"]) == (None, 2)
