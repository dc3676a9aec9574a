"""Trades over the real store: a station's numbers become figures, a report, a feed for trip planners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

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
    await services.store.entities.upsert([Entity(id=CAR_PARK, type="OffStreetParking")])
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
    assert (figure["value"], figure["points"], figure["judged"]) == (100.0, 2, 1)
    assert figure["end"].startswith("2026-06-01T11:45")
    usual = (await operator.call("GET", "/api/v1/trades/bikes/figures")).json()
    assert (usual["start"], usual["end"]) == (figure["start"], figure["end"])
    judged = [bool(each["judged"]) for each in elected["figures"]]
    assert judged == sorted(judged, reverse=True), "trades that wait for measurements come last"
    waiting = [each["value"] for each in elected["figures"] if not each["judged"] and each["trade"]]
    assert waiting == [None]
    types = {each["type"] for each in elected["places"]}
    assert {"BikeHireDockingStation", "OffStreetParking"} <= types
    assert len(elected["figures"]) >= 3
    assert {each["source"]["fr"] for each in elected["figures"]} >= {"Journal des alarmes"}
    sheet = await operator.call("GET", "/api/v1/elected/sheet")
    assert sheet.content.startswith(b"%PDF-")
    as_table = await operator.call("GET", "/api/v1/elected/sheet?form=csv")
    assert "Points de mesure vivants" in as_table.text
    assert (await operator.call("GET", "/api/v1/elected/sheet?commune=99999")).status_code == 404


CAR_PARK = "urn:ngsi-ld:OffStreetParking:foch"


async def fill_car_park(services: Services) -> None:
    """Four days of a car park of 100 that empties at night; its numbers come every half hour."""
    store = services.store
    await store.entities.upsert([Entity(id=CAR_PARK, type="OffStreetParking", name="Foch")])
    keys = [
        SeriesKey(CAR_PARK, "availableSpotNumber", "free_places"),
        SeriesKey(CAR_PARK, "totalSpotNumber", "total_places"),
    ]
    series = await store.series.ensure(keys)
    kept = []
    for n in range(4 * 48):
        at = milliseconds(NOON - timedelta(days=4) + timedelta(minutes=30 * n))
        for key, value in zip(keys, (20.0 if 16 <= n % 48 < 36 else 90.0, 100.0), strict=True):
            kept.append(Observation(series[key].id, at, value, at, 1, n + 1))
    await store.history.keep(kept)
    await store.state.upsert([StateRow(series[key].id, CAR_PARK, key.attribute, 90.0, kept[-1].measured, kept[-1].measured) for key in keys])  # fmt: skip


async def test_a_car_park_is_foreseen_and_asked_in_sql(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await fill_car_park(services)
    path = "/api/v1/trades/parking/forecast?horizon=120&to=2026-06-01T12:00:00Z"
    answer = await operator.call("GET", path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (place,) = found["places"]
    assert (found["kind"], place["name"], place["capacity"]) == ("car", "Foch", 100.0)
    assert 0 <= place["forecast"] <= 100
    assert found["judged"] > 0
    assert (await stranger.call("GET", path)).status_code == 401
    assert (await operator.call("GET", "/api/v1/trades/museum/forecast")).status_code == 404
    assert (await operator.call("GET", path.replace("120", "7"))).status_code == 422
    figures = await operator.call("GET", "/api/v1/trades/parking/figures?from=2026-05-28T12:00:00Z&to=2026-06-01T12:00:00Z")  # fmt: skip
    (line,) = figures.json()["items"]
    shown = {each["indicator"]: each for each in line["figures"]}
    assert (shown["low"]["value"], shown["low"]["capture"]) == (20.0, 1.0)
    assert shown["turnover"]["value"] == pytest.approx(0.7, abs=0.01)
    assert line["last"] == "2026-06-01T11:30:00Z"


ROOM = "urn:ngsi-ld:IndoorEnvironmentObserved:"


async def furnish_rooms(services: Services) -> None:
    """A room that swings and its showcase that does not: forty days, every hour."""
    store = services.store
    names = {"Salle 1": 0.15, "Salle 1 vitrine": 0.01}
    await store.entities.upsert([Entity(id=ROOM + name[-2:].strip(), type="IndoorEnvironmentObserved", name=name) for name in names])  # fmt: skip
    kept: list[Observation] = []
    rows: list[StateRow] = []
    for name, swing in names.items():
        entity = ROOM + name[-2:].strip()
        keys = [SeriesKey(entity, "relativeHumidity", "relative_humidity"), SeriesKey(entity, "temperature", "temperature")]  # fmt: skip
        series = await store.series.ensure(keys)
        for n in range(40 * 24):
            at = milliseconds(NOON - timedelta(days=40) + timedelta(hours=n))
            damp = 0.5 + (swing if n % 48 < 6 else 0.0)
            for key, value in zip(keys, (damp, 20.0), strict=True):
                kept.append(Observation(series[key].id, at, value, at, 1, len(kept) + 1))
        rows += [StateRow(series[key].id, entity, key.attribute, value, kept[-1].measured, kept[-1].measured) for key, value in zip(keys, (0.5, 20.0), strict=True)]  # fmt: skip
    await store.history.keep(kept)
    await store.state.upsert(rows)


async def test_the_showcase_stands_beside_its_room_and_the_keeper_prints(
    services: Services, operator: Visitor
) -> None:
    await furnish_rooms(services)
    period = "from=2026-05-02T12:00:00Z&to=2026-06-01T12:00:00Z"
    answer = await operator.call("GET", f"/api/v1/trades/museum/climate?{period}")
    assert answer.status_code == 200, answer.text
    rooms = {each["name"]: each for each in answer.json()["rooms"]}
    case, room = rooms["Salle 1 vitrine"], rooms["Salle 1"]
    assert (case["role"], room["role"], case["protection"]) == ("case", "room", "protected")
    assert room["outside_en15757"] == pytest.approx(0.125, abs=0.01)
    assert (case["outside_en15757"], case["record_long_enough"]) == (0.0, False)
    assert case["dew_point"] == pytest.approx(9.3, abs=0.1)
    assert len(room["curve"]["times"]) > 600
    assert all(each["fr"] and each["en"] for each in answer.json()["to_confirm"])
    printed = await operator.call("GET", f"/api/v1/trades/museum/keeper?{period}")
    assert printed.content.startswith(b"%PDF-")
    assert (await operator.call("GET", "/api/v1/trades/bikes/climate")).status_code == 404


COUNTER = "urn:ngsi-ld:TrafficFlowObserved:X2H20042632"


async def test_counters_are_published_in_the_national_schema(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    store = services.store
    await store.entities.upsert(
        [Entity(id=COUNTER, type="TrafficFlowObserved", name="Lavérune", longitude=3.8, latitude=43.59, commune="34134")]
    )  # fmt: skip
    key = SeriesKey(COUNTER, "intensity", "bicycle_count")
    number = (await store.series.ensure([key]))[key].id
    first = datetime(2026, 3, 20, 23, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(9)]
    kept = [
        Observation(number, milliseconds(at), 100.0 + n, milliseconds(at), 1, n + 1)
        for n, at in enumerate(days)
        if n != 4
    ]
    await store.history.keep(kept)
    await store.state.upsert(
        [StateRow(number, COUNTER, key.attribute, 108.0, kept[-1].measured, kept[-1].measured)]
    )
    path = "/api/v1/trades/counters/national"
    sites = await operator.call("GET", f"{path}/sites.csv")
    assert sites.status_code == 200, sites.text
    assert "X2H20042632,,Lavérune,34134,3.800000,43.590000" in sites.text
    channels = (await operator.call("GET", f"{path}/channels.csv")).text
    assert "BIKE" in channels
    assert "Mobilité" in channels
    lines = (await operator.call("GET", f"{path}/measures.csv")).text.splitlines()
    assert lines[0] == "channel_id,counter_id,start_datetime,end_datetime,count"
    assert lines[1].endswith(",2026-03-20T23:00:00Z,2026-03-21T23:00:00Z,100")
    assert lines[5].endswith(",2026-03-24T23:00:00Z,2026-03-25T23:00:00Z,")
    assert lines[-1].endswith(",2026-03-28T23:00:00Z,2026-03-29T22:00:00Z,108")
    assert (await operator.call("GET", f"{path}/secrets.csv")).status_code == 404
    assert (await operator.call("GET", path.replace("counters", "museum") + "/sites.csv")).status_code == 404  # fmt: skip
    assert (await stranger.call("GET", f"{path}/measures.csv")).status_code == 401
