"""The platform's own meters: a leak becomes a case, attributes, a message in plain words, a verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from tests.integration.usecases.conftest import operator, page, reader, services, stranger

from clapas.domain.access import RowFilter
from clapas.domain.dataset import DatasetRecord, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.domain.window import milliseconds
from clapas.store import StateRow
from clapas.store.governance import Consent, Objection
from clapas.store.water import NewCase
from clapas.store.water_works import Asset
from clapas.usecases.water.watch.messages import Post
from clapas.usecases.water.watch.night import flows_now, night

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.store import Store
    from clapas.web.services import Services

__all__ = ["operator", "page", "reader", "services", "stranger"]
LEAKY, SOUND = (f"urn:ngsi-ld:WaterConsumptionObserved:m{n}" for n in (1, 2))
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
DAYS = 25


async def furnish(store: Store, *, leak_l_h: float, last: tuple[float, ...] = ()) -> None:
    """Two homes with an hourly index; the first one leaks for the last six days, the second ends with these litres."""
    places = [
        Entity(id=LEAKY, type="WaterConsumptionObserved", name="12 rue de l’Aiguillerie", longitude=3.88, latitude=43.61),
        Entity(id=SOUND, type="WaterConsumptionObserved", name="3 rue Foch", longitude=3.87, latitude=43.61),
    ]  # fmt: skip
    await store.entities.upsert(places)
    keys = [SeriesKey(each.id, "waterIndex", "water_index") for each in places]
    series = await store.series.ensure(keys)
    random = np.random.default_rng(4)
    start = milliseconds(NOW - timedelta(days=DAYS))
    kept, present = [], []
    for number, key in enumerate(keys):
        used = random.gamma(0.4, 30.0, DAYS * 24) * (random.random(DAYS * 24) < 0.45)
        if number and last:
            used[-len(last) :] = last
        lost = leak_l_h * (np.arange(DAYS * 24) >= (DAYS - 6) * 24) * (number == 0)
        index = np.floor(1000.0 + np.cumsum(used + lost)) / 1000.0
        for hour, value in enumerate(index.tolist()):
            at = start + (hour + 1) * 3_600_000
            kept.append(Observation(series[key].id, at, value, at, 1, number * 10_000 + hour + 1))
        present.append(
            StateRow(
                series[key].id,
                key.entity,
                key.attribute,
                value,
                kept[-1].measured,
                kept[-1].measured,
            )
        )
    await store.history.keep(kept)
    await store.state.upsert(present)


async def attribute(store: Store, entity: str, name: str) -> float | None:
    """The present value of an attribute."""
    found = await store.state.latest(RowFilter(everything=True), entities=[entity], attribute=name)
    return float(found[0].value) if found else None  # type: ignore[arg-type]


async def test_a_leak_is_a_case_with_its_cost_and_the_entity_says_so(
    services: Services, operator: Visitor, stranger: Visitor
) -> None:
    await furnish(services.store, leak_l_h=9.0)
    told = await night(services.store, now=NOW)
    assert (told["meters"], told["alerts"]) == (2, 1)
    assert told["readings"] == 2 * (DAYS * 24 - 1)
    assert await attribute(services.store, LEAKY, "waterLeak") == 1.0
    assert 0.006 < (await attribute(services.store, LEAKY, "leakFlow") or 0) < 0.02
    assert await attribute(services.store, SOUND, "waterLeak") is None
    queue = (await operator.call("GET", "/api/v1/water/cases")).json()
    assert [each["entity"] for each in queue["items"]] == [LEAKY]
    case = queue["items"][0]
    assert case["kind"] == "leak"
    assert case["first"] == "write"
    assert 150 < case["loss"]["litres_day"] < 450
    assert 0.5 < case["lost_m3"] < 2.5
    assert (await stranger.call("GET", "/api/v1/water/cases")).status_code == 401
    table = await operator.call("GET", "/api/v1/water/cases.csv")
    assert LEAKY in table.text
    layer = await operator.call("GET", "/api/v1/water/cases.gpkg")
    assert layer.content.startswith(b"SQLite format 3")
    printed = await operator.call("GET", "/api/v1/water/report.pdf")
    assert printed.content.startswith(b"%PDF")
    days = (await operator.call("GET", f"/api/v1/water/meters/{LEAKY}")).json()
    assert len(days["days"]) >= DAYS - 1
    assert min(each for each in days["night_l_h"][-4:] if each is not None) >= 8.0
    assert days["cases"][0]["id"] == case["id"]


async def test_a_queue_that_may_not_leave_is_refused_by_its_article_and_never_empty(
    services: Services, operator: Visitor
) -> None:
    await furnish(services.store, leak_l_h=9.0)
    await services.store.entities.upsert(
        [Entity(id=LEAKY, type="WaterConsumptionObserved", dataset="logements")]
    )
    homes = DatasetRecord(
        id="logements", title="Logements", owner="eau", steward="Mme X", classification="personnel"
    )
    services.charter.adopt(records=[homes])
    await night(services.store, now=NOW)
    queue = (await operator.call("GET", "/api/v1/water/cases")).json()
    assert [each["entity"] for each in queue["items"]] == [LEAKY]
    for form in ("cases.csv", "cases.gpkg", "report.pdf"):
        refused = await operator.call("GET", f"/api/v1/water/{form}")
        assert refused.status_code == 403, form
        values = refused.json()["values"]
        assert [each["id"] for each in values["articles"]] == ["CH-42"]
        assert values["contact"] == "Mme X"


async def test_whoever_objects_is_neither_searched_nor_remembered(services: Services) -> None:
    """GDPR art. 21: the search itself leaves them out, whatever it knew of them before."""
    store = services.store
    await furnish(store, leak_l_h=9.0)
    assert (await night(store, now=NOW, purpose="fuite"))["alerts"] == 1
    assert LEAKY in await flows_now(store)
    other = Objection(subject=LEAKY, dataset="", purpose="facturation")
    await store.governance.object(other, author="dpo")
    assert (await night(store, now=NOW, purpose="fuite"))["left_out"] == 0, "another purpose"
    await store.governance.object(msgspec.structs.replace(other, purpose="fuite"), author="dpo")
    told = await night(store, now=NOW, purpose="fuite")
    assert (told["meters"], told["left_out"], told["stopped"]) == (1, 1, 1)
    assert set(await flows_now(store)) == {SOUND}, "what was known is forgotten"
    assert await attribute(store, LEAKY, "waterLeak") == 0.0, "and its alarm ends"
    assert await store.water.running() == set()


async def test_a_search_that_rests_on_consent_looks_at_nobody_else(services: Services) -> None:
    """GDPR art. 6.1.a and 7: consent is given for this purpose, by the meter's or by the device's name, and withdrawn."""
    store = services.store
    await furnish(store, leak_l_h=9.0)
    await store.entities.upsert(
        [
            Entity(id=each, type="WaterConsumptionObserved", dataset="logements")
            for each in (LEAKY, SOUND)
        ]
    )
    leak = Purpose(name="fuite", legal_basis="6.1.a", consent=True)
    record = DatasetRecord(
        id="logements", title="Compteurs", classification="personnel", purposes=(leak,)
    )
    await store.charter.add_record(record, author="dpo")
    given = Consent(subject=LEAKY, dataset="logements", purpose="conseil")
    await store.governance.consent(given, author="dpo")
    told = await night(store, now=NOW, purpose="fuite")
    assert (told["meters"], told["left_out"]) == (0, 2), "another purpose's consent is none"
    await store.governance.consent(msgspec.structs.replace(given, purpose="fuite"), author="dpo")
    told = await night(store, now=NOW, purpose="fuite")
    assert (told["meters"], told["left_out"], told["alerts"]) == (1, 1, 1)
    assert set(await flows_now(store)) == {LEAKY}
    await store.governance.withdraw_consent(LEAKY, "logements", purpose="fuite")
    told = await night(store, now=NOW, purpose="fuite")
    assert (told["meters"], told["left_out"], told["stopped"]) == (0, 2, 1)
    assert await flows_now(store) == {}, "what was known is forgotten"


async def test_the_meter_of_a_sector_is_no_subscriber(services: Services) -> None:
    store = services.store
    await furnish(store, leak_l_h=9.0)
    key = SeriesKey(LEAKY, "flow", "flow")
    number = (await store.series.ensure([key]))[key].id
    await store.state.upsert([StateRow(number, LEAKY, "flow", 12.0, 1, 1)])
    told = await night(store, now=NOW)
    assert (told["meters"], told["alerts"]) == (1, 0)


async def test_the_same_night_again_changes_nothing(services: Services, operator: Visitor) -> None:
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    again = await night(services.store, now=NOW + timedelta(minutes=5))
    assert again["alerts"] == 0
    assert len((await operator.call("GET", "/api/v1/water/cases")).json()["items"]) == 1


async def test_what_runs_and_nobody_was_told_of_is_done_first(
    services: Services, operator: Visitor
) -> None:
    """A larger flow that has stopped, or whose subscriber was asked, waits behind; sums count every page."""
    store = services.store
    names = [f"urn:ngsi-ld:WaterConsumptionObserved:order{n}" for n in range(3)]
    await store.entities.upsert(
        [Entity(id=name, type="WaterConsumptionObserved", name=name) for name in names]
    )
    at = milliseconds(NOW)
    rates = zip(names, (500.0, 80.0, 6.0), strict=True)
    await store.water.raise_cases(
        [
            NewCase(entity=name, kind="pipe", rate=rate, volume=1000.0, confidence=0.9, raised=at)
            for name, rate in rates
        ]
    )
    await store.water.stop_cases(names[:1], now=at)
    every = (await operator.call("GET", "/api/v1/water/cases")).json()
    await operator.call(
        "POST", f"/api/v1/water/cases/{every['items'][0]['id']}", json={"state": "asked"}
    )
    queue = (await operator.call("GET", "/api/v1/water/cases")).json()
    assert [each["entity"] for each in queue["items"]] == [names[2], names[1], names[0]]
    assert [each["first"] for each in queue["items"]] == ["call", "wait", "verify"]
    everything = RowFilter(everything=True)
    first = await store.water.page(everything, state="todo", limit=2)
    rest = await store.water.page(everything, state="todo", after=first.next, limit=2)
    assert [each.entity for each in [*first.items, *rest.items]] == names[::-1]


async def test_a_verdict_measures_the_precision(services: Services, operator: Visitor) -> None:
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    case = (await operator.call("GET", "/api/v1/water/cases")).json()["items"][0]["id"]
    path = f"/api/v1/water/cases/{case}"
    assert (await operator.call("POST", path, json={"state": "done"})).status_code == 422
    told = await operator.call("POST", path, json={"state": "confirmed", "cause": "toilet"})
    assert told.status_code == 200, told.text
    measured = (await operator.call("GET", "/api/v1/water/precision")).json()["items"]
    assert [(each["kind"], each["confirmed"], each["precision"]) for each in measured] == [
        ("leak", 1, 1.0)
    ]
    assert (await operator.call("GET", "/api/v1/water/cases")).json()["items"] == []


async def test_the_subscriber_is_told_once_reminded_once_and_can_stop(
    services: Services, operator: Visitor, stranger: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    who = {
        "name": "Mme Vidal",
        "mail": "vidal@example.org",
        "channel": "mail",
        "consents": ["alerts"],
    }
    path = f"/api/v1/water/subscribers/{LEAKY}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    post = Post(services.store, tmp_path, public="https://eau.example.org")
    now, day = milliseconds(NOW), 86_400_000
    assert await post.cases({LEAKY}, now=now) == 1
    assert await post.cases({LEAKY}, now=now + day) == 0
    assert await post.cases({LEAKY}, now=now + 8 * day) == 1
    assert await post.cases({LEAKY}, now=now + 30 * day) == 0
    rows = await services.store.postgres.rows(
        "SELECT address, subject, body FROM notice WHERE kind LIKE 'water%%' ORDER BY id"
    )
    assert [row[0] for row in rows] == ["vidal@example.org"] * 2
    assert "tourne sans arrêt" in rows[0][1]
    assert "litres par jour" in rows[0][2]
    assert "€ par mois" in rows[0][2]
    assert "https://eau.example.org/eau/reponse?jeton=" in rows[0][2]
    sealed = await services.store.postgres.row("SELECT sealed FROM water_vault.subscriber")
    assert sealed is not None
    assert b"Vidal" not in bytes(sealed[0])
    token = rows[0][2].rpartition("jeton=")[2].strip()
    stopped = await stranger.call("POST", "/api/v1/water/stop", json={"token": token})
    assert stopped.status_code == 200, stopped.text
    assert await services.store.water.subscribers([LEAKY]) == []


async def test_who_is_away_is_told_of_any_flow(
    services: Services, operator: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    await furnish(services.store, leak_l_h=9.0)
    await night(services.store, now=NOW)
    who = {
        "name": "M. Roux",
        "phone": "+33600000000",
        "channel": "sms",
        "language": "en",
        "consents": ["alerts"],
        "away_from": (NOW - timedelta(days=1)).isoformat(),
        "away_to": (NOW + timedelta(days=5)).isoformat(),
    }
    path = f"/api/v1/water/subscribers/{LEAKY}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    post, now = Post(services.store, tmp_path), milliseconds(NOW)
    flows = await flows_now(services.store)
    assert flows[LEAKY] >= 8.0
    assert await post.holidays(flows, now=now) == 1
    assert await post.holidays(flows, now=now + 3_600_000) == 0
    assert (await operator.call("DELETE", path)).status_code == 204
    assert await post.holidays(flows, now=now + 3 * 86_400_000) == 0


async def test_the_sector_whose_night_rose_is_first_tonight(
    services: Services, operator: Visitor
) -> None:
    store = services.store
    names = [f"urn:ngsi-ld:WaterConsumptionObserved:s{n}" for n in (1, 2)]
    await store.entities.upsert(
        [
            Entity(
                id=name,
                type="WaterConsumptionObserved",
                name=name[-2:],
                longitude=3.9,
                latitude=43.6,
            )
            for name in names
        ]
    )
    keys = [SeriesKey(name, "flow", "flow") for name in names]
    series = await store.series.ensure(keys)
    start = milliseconds(NOW - timedelta(days=6))
    kept = [
        Observation(
            series[key].id, start + hour * 3_600_000, 20.0 + 5.0 * number * (hour > 120), start, 1, hour * 2 + number + 1
        )
        for number, key in enumerate(keys)
        for hour in range(1, 144)
    ]  # fmt: skip
    await store.history.keep(kept)
    await store.state.upsert(
        [StateRow(series[key].id, key.entity, "flow", 20.0, start, start) for key in keys]
    )
    await furnish(store, leak_l_h=0.0)
    meters = [Asset(reference=each, kind="meter", sector="s2") for each in ("m1", "m2", "m3")]
    await store.water_works.put_assets(RowFilter(everything=True), meters, actor="gis", now=1)
    found = (await operator.call("GET", "/api/v1/water/sectors")).json()["items"]
    assert [each["entity"] for each in found] == names[::-1]
    assert [(each["heard"], each["meters"]) for each in found] == [(2, 3), (0, 0)]
    assert found[0]["excess_m3_h"] == 5.0
    assert found[0]["euros_day"] == 96.0
