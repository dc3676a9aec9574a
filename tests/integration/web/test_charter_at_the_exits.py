"""The charter at the exits: each kind of caller gets what the dataset's record says, no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from clapas.charter import AuditTrail, CharterKeeper
from clapas.charter.audit import verify
from clapas.domain.dataset import DAY_S, DatasetRecord, Dpia, Keep, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation

if TYPE_CHECKING:
    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

METER = "urn:ngsi-ld:WaterMeter:1"
METERS = DatasetRecord(
    id="eau-telereleve",
    title="Index des compteurs",
    owner="eau",
    steward="intendant@eau.example",
    deputy="x",
    controller="régie",
    classification="personnel",
    subjects=("abonnés",),
    purposes=(Purpose(name="fuite", legal_basis="6.1.c", min_step=DAY_S),),
    retention=(Keep(step=0, days=7),),
    exception="privacy",
    review=date(2099, 1, 1),
    dpia=Dpia(status="done", reference="AIPD-1"),
)


@pytest.fixture
async def meter(services: Services) -> int:
    """A meter with an index every hour of the last two days; its dataset has a record."""
    store = services.store
    keeper = CharterKeeper(store.charter, services.charter)
    trail = AuditTrail(store.audit)
    object.__setattr__(services, "keeper", keeper)
    object.__setattr__(services, "audit", trail)
    await keeper.put(METERS, author="dpo")
    await store.entities.upsert(
        [Entity(id=METER, type="WaterMeter", dataset=METERS.id, commune="34172")]
    )
    key = SeriesKey(METER, "volume", "volume")
    number = (await store.series.ensure([key]))[key].id
    start = datetime.now(UTC) - timedelta(hours=48)
    await store.history.write(
        [],
        [
            Observation(
                series=number,
                measured=int((start + timedelta(hours=hour)).timestamp() * 1000),
                received=int((start + timedelta(hours=hour)).timestamp() * 1000),
                value=float(hour),
                log=1,
                sequence=hour + 1,
            )
            for hour in range(48)
        ],
        outcomes=[],
    )
    return number


async def test_an_index_is_given_by_the_day_to_whoever_may_have_it(
    services: Services, meter: int, operator: Visitor, reader: Visitor, stranger: Visitor
) -> None:
    path = f"/api/v1/series/{meter}/history?step=raw"
    for visitor in (reader, stranger):
        assert (await visitor.call("GET", path)).status_code in {401, 404}
    answer = await operator.call("GET", path)
    body = answer.json()
    assert body["step"] == DAY_S, "whatever is asked, never finer than a day"
    assert all(
        datetime.fromtimestamp(each / 1000, UTC) < datetime.now(UTC) - timedelta(days=1)
        for each in body["times"]
    )
    sheet = (await operator.call("GET", f"/api/v1/entities/{METER}")).json()
    assert sheet["attributes"] == []
    assert sheet["headline"] is None
    assert services.audit is not None
    await services.audit.flush()
    events = [msgspec.json.decode(each.event) for each in await services.store.audit.latest()]
    read = [each for each in events if each.get("dataset") == METERS.id]
    assert read
    assert "value" not in read[0]
    assert (await verify(services.store.audit)).broken_at is None


async def test_a_table_that_may_not_leave_is_refused_by_its_article_and_never_empty(
    services: Services, meter: int, operator: Visitor
) -> None:
    table = {"Accept": "text/csv"}
    paths = (f"/api/v1/series/{meter}/history", f"/api/v1/entities/{METER}/history")
    for path in paths:
        assert (await operator.call("GET", path, headers=table)).status_code == 200, "by the day"
    fine = (Purpose(name="fuite", legal_basis="6.1.c"),)
    assert services.keeper is not None
    finer = msgspec.structs.replace(METERS, version=2, purposes=fine)
    await services.keeper.put(finer, author="dpo")
    for path in paths:
        refused = await operator.call("GET", path, headers=table)
        assert refused.status_code == 403
        values = refused.json()["values"]
        assert [each["id"] for each in values["articles"]] == ["CH-42"]
        assert values["contact"] == METERS.steward
        assert (await operator.call("GET", path)).status_code == 200, "a page is no table"


async def test_the_record_that_changes_is_obeyed_by_the_next_call(
    services: Services, meter: int, reader: Visitor
) -> None:
    path = f"/api/v1/series/{meter}/history?step=raw"
    assert (await reader.call("GET", path)).status_code == 404
    opened = msgspec.structs.replace(
        METERS, version=2, classification="interne", subjects=(), purposes=(), exception="security"
    )
    assert services.keeper is not None
    await services.keeper.put(opened, author="dpo")
    assert (await reader.call("GET", path)).json()["step"] == 0


async def test_an_article_says_before_its_vote_whom_it_would_concern(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    keeper = CharterKeeper(services.store.charter, services.charter)
    object.__setattr__(services, "keeper", keeper)
    owner = await services.identity.accounts.of_login("lecteur")
    assert owner is not None
    await services.identity.keys.create(name="tableau de bord", owner=owner.id, scopes=["read"])
    charter = (await reader.call("GET", "/api/v1/charter")).json()
    assert all(f'@id("{each["id"]}")' in each["text"] for each in charter["articles"])
    article = {
        "text": '@id("CH-99") @titre("Rien") @title("Nothing") '
        'forbid(principal, action == Action::"read", resource) when { resource.kind == "entity" };',
        "valid_from": "2026-01-01",
        "deliberation": "",
    }
    refused = await reader.call("POST", "/api/v1/charter/simulate", json=article)
    assert refused.status_code == 403
    told = (await operator.call("POST", "/api/v1/charter/simulate", json=article)).json()
    lost = {each["name"] for each in told if not each["gained"] and each["articles"] == ["CH-99"]}
    assert {"operatrice", "tableau de bord"} <= lost
    assert (await reader.call("GET", "/api/v1/charter")).json() == charter, "nothing is kept"
