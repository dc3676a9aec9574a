"""A flow above 200 L/h: its subscriber is asked within the quarter of an hour, an agent only when it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.integration.usecases.conftest import operator, page, reader, services, stranger
from tests.integration.usecases.water.test_cases_on_the_platform import (
    LEAKY,
    NOW,
    SOUND,
    attribute,
    furnish,
)

from clapas.domain.access import RowFilter
from clapas.domain.device import SeriesKey
from clapas.domain.message import Observation
from clapas.domain.window import milliseconds
from clapas.usecases.water.watch.answers import first_act
from clapas.usecases.water.watch.messages import Post
from clapas.usecases.water.watch.night import night

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.store import Store
    from clapas.web.services import Services

__all__ = ["operator", "page", "reader", "services", "stranger"]
POOL = (200.0, 205.0)
"""Two hours that a home may well have meant."""
NEVER_SEEN = (900.0, 900.0)
SOON = NOW + timedelta(minutes=5)
"""Just after the last reading was heard."""


async def read_on(store: Store, entity: str, litres: list[float]) -> None:
    """The hours after NOW, read one by one."""
    key = SeriesKey(entity, "waterIndex", "water_index")
    series = (await store.series.ensure([key]))[key].id
    (last,) = await store.state.latest(
        RowFilter(everything=True), entities=[entity], quantity="water_index"
    )
    assert isinstance(last.value, float)
    index, kept = last.value, []
    for hour, used in enumerate(litres, start=1):
        index += used / 1000.0
        at = milliseconds(NOW + timedelta(hours=hour))
        kept.append(Observation(series, at, index, at, 1, 90_000 + hour))
    await store.history.keep(kept)


async def test_the_subscriber_is_asked_and_nobody_is_called_for_a_pool(
    services: Services, operator: Visitor, tmp_path: Path
) -> None:
    object.__setattr__(services, "directory", tmp_path)
    store = services.store
    await furnish(store, leak_l_h=0.0, last=POOL)
    who = {"name": "M. Roux", "mail": "roux@example.org", "channel": "mail", "consents": ["alerts"]}
    path = f"/api/v1/water/subscribers/{SOUND}"
    assert (await operator.call("PUT", path, json=who)).status_code == 200
    assert (await night(store, now=SOON))["alerts"] == 1
    (shown,) = (await operator.call("GET", "/api/v1/water/cases")).json()["items"]
    case = (await store.water.living([SOUND]))[SOUND]
    assert (shown["kind"], first_act(case, milliseconds(SOON))) == ("burst", "let")
    assert await attribute(store, SOUND, "waterLeak") is None, "no alarm while one person is asked"
    post = Post(store, tmp_path, public="https://eau.example.org")
    assert await post.cases({SOUND}, now=milliseconds(SOON)) == 1
    assert await post.cases({SOUND}, now=milliseconds(SOON) + 900_000) == 0
    (notice,) = await store.postgres.rows(
        "SELECT subject, body FROM notice WHERE kind = 'water_sudden'"
    )
    assert "en ce moment" in notice[0]
    assert "environ 200 litres d’eau" in notice[1]
    assert "https://eau.example.org/eau/reponse?jeton=" in notice[1]
    await read_on(store, SOUND, [3.0])
    assert (await night(store, now=SOON + timedelta(hours=1)))["stopped"] == 1
    assert (await operator.call("GET", "/api/v1/water/cases")).json()["items"] == []
    passed = await operator.call("GET", "/api/v1/water/cases?case_state=passed")
    assert [each["first"] for each in passed.json()["items"]] == ["nothing"]
    (measured,) = (await operator.call("GET", "/api/v1/water/precision")).json()["items"]
    assert (measured["raised"], measured["precision"]) == (1, None), "nobody judged it"


@pytest.mark.parametrize(
    ("last", "then", "hours"), [(POOL, [210.0, 220.0, 215.0], 3), (NEVER_SEEN, [], 0)]
)
async def test_an_agent_is_called_when_it_lasts_or_was_never_seen(
    services: Services, last: tuple[float, ...], then: list[float], hours: int
) -> None:
    store = services.store
    await furnish(store, leak_l_h=0.0, last=last)
    await night(store, now=SOON)
    await read_on(store, SOUND, then)
    later = SOON + timedelta(hours=hours)
    await night(store, now=later)
    case = (await store.water.living([SOUND]))[SOUND]
    assert first_act(case, milliseconds(later)) == "call"
    assert await attribute(store, SOUND, "waterLeak") == 1.0


async def test_a_use_that_was_explained_is_told_again_only_when_it_lasts_too_long(
    services: Services,
) -> None:
    store = services.store
    await furnish(store, leak_l_h=0.0, last=POOL)
    await night(store, now=SOON)
    case = (await store.water.living([SOUND]))[SOUND]
    everything = RowFilter(everything=True)
    await store.water.decide(
        everything, case.id, state="false", cause="pool", actor="", now=milliseconds(SOON)
    )
    await read_on(store, SOUND, [210.0] * 9)
    told = [
        (await night(store, now=SOON + timedelta(hours=hour)))["alerts"] for hour in range(1, 10)
    ]
    assert told == [0, 0, 0, 0, 0, 1, 0, 0, 0], "eight hours after it began"
    assert (await store.water.living([SOUND]))[SOUND].confidence >= 0.85


async def test_a_burst_on_a_meter_that_leaks_leaves_the_leak_when_it_ends(
    services: Services,
) -> None:
    store = services.store
    await furnish(store, leak_l_h=9.0)
    assert (await night(store, now=SOON))["alerts"] == 1
    await read_on(store, LEAKY, [700.0, 700.0, 9.0, 9.0])
    assert (await night(store, now=SOON + timedelta(hours=2)))["alerts"] == 1
    assert (await store.water.living([LEAKY]))[LEAKY].kind == "burst"
    assert (await night(store, now=SOON + timedelta(hours=4)))["alerts"] == 0, "no second leak"
    case = (await store.water.living([LEAKY]))[LEAKY]
    assert (case.kind, case.stopped) == ("leak", None)
    assert 5.0 < case.rate < 20.0
    assert (await attribute(store, LEAKY, "leakFlow") or 0) < 0.02
