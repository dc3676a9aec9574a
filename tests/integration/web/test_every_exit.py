"""Every door walked as an attacker: a value that the charter keeps back is looked for in every answer.

Each dataset holds its own present value, which nothing else of the platform resembles. Every route that is read is
called for every thing, by callers who may not have that value: because of the smallest step, of a mask, of the
territory, of the plan of their key, of the classification, of a purpose that they did not declare.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from tests.integration.web.conftest import PASSWORD, Visitor, _signed_in

from clapas.charter import AuditTrail, CharterKeeper
from clapas.context.routes import PATH, open_door
from clapas.context.settings import Settings as ContextSettings
from clapas.domain.dataset import DAY_S, DatasetRecord, Dpia, Keep, Publication, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.rules.life import Raise, follow
from clapas.store.rules_alarms import Alarms, Change
from clapas.store.values import StateRow
from clapas.usecases.discovery import discover
from clapas.web.application import create_app, create_litestar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from clapas.web.services import Services

HERE, ELSEWHERE = "34172", "34999"
REVIEW = date(2099, 1, 1)


def record(name: str, classification: str = "interne", **more: object) -> DatasetRecord:
    """A dataset's record, valid but for what the test is about."""
    opened = classification == "ouvert"
    given = {
        "title": name, "owner": "eau", "steward": "intendante", "deputy": "adjoint", "controller": "métropole",
        "exception": "" if opened else "security", "review": None if opened else REVIEW,
        "licence": "LO-2.0" if opened else "", "publication": Publication(rule="open") if opened else Publication(),
    }  # fmt: skip
    return DatasetRecord(id=name, classification=classification, **{**given, **more})  # type: ignore[arg-type]


LEAK = (Purpose(name="fuite", legal_basis="6.1.c", min_step=DAY_S),)
RECORDS = {
    "step": record("step", min_step=DAY_S),
    "mask": record("mask", owner="culture", masked=frozenset({"level"})),
    "closed": record("closed", "restreint", owner="culture"),
    "late": record("late", "ouvert", publication=Publication(rule="open", delay=DAY_S)),
    "home": record(
        "home", "personnel", exception="privacy", subjects=("abonnés",), purposes=LEAK,
        retention=(Keep(step=0, days=9),), dpia=Dpia(status="done", reference="AIPD-1"),
    ),
}  # fmt: skip
MARKS = dict(zip(RECORDS, (31.40625, 52.71875, 73.15625, 94.84375, 15.59375), strict=True))
"""The present value of each dataset: exact in binary, so that it is written as it is, and part of no other."""
KINDS = {
    "BikeHireDockingStation": "bikes_available",
    "OffStreetParking": "free_places",
    "TrafficFlowObserved": "bicycles",
    "WaterConsumptionObserved": "water_index",
    "IndoorEnvironmentObserved": "humidity",
}
DENIED: dict[str, frozenset[str]] = {
    "anonymous": frozenset(RECORDS),
    "agent": frozenset({"step", "mask", "closed", "home"}),
    "elsewhere": frozenset({"step", "mask", "closed", "home"}),
    "undeclared": frozenset({"step", "home"}),
    "key": frozenset({"step", "mask", "closed", "home"}),
    "planned": frozenset(RECORDS),
}
"""Whose present values nobody of this kind may read at any door."""


def thing(dataset: str, kind: str) -> str:
    """The entity of a dataset and kind."""
    return f"urn:ngsi-ld:{kind}:{dataset}"


@pytest.fixture
async def series(services: Services) -> dict[str, int]:
    """Every dataset has a thing of every kind: two days of hourly values, then its mark."""
    store = services.store
    keeper = CharterKeeper(store.charter, services.charter)
    object.__setattr__(services, "keeper", keeper)
    object.__setattr__(services, "audit", AuditTrail(store.audit))
    for each in RECORDS.values():
        await keeper.put(each, author="dpo")
    things = {thing(*each): each for each in product(RECORDS, KINDS)}
    await store.entities.upsert(
        [
            Entity(id=name, type=kind, dataset=dataset, commune=HERE, longitude=3.9, latitude=43.6)
            for name, (dataset, kind) in things.items()
        ]
    )
    keys = [SeriesKey(name, "level", KINDS[kind]) for name, (_, kind) in things.items()]
    known = await store.series.ensure(keys)
    now = datetime.now(UTC) - timedelta(minutes=1)
    times = [int((now - timedelta(hours=hour)).timestamp() * 1000) for hour in range(48, -1, -1)]
    observations, states = [], []
    for n, key in enumerate(keys):
        mark, number = MARKS[things[key.entity][0]], known[key].id
        values = [*(1.0 for _ in times[1:]), mark]
        observations += [
            Observation(series=number, measured=t, received=t, value=v, log=1, sequence=n * 100 + i)
            for i, (t, v) in enumerate(zip(times, values, strict=True))
        ]
        states.append(StateRow(number, key.entity, key.attribute, mark, times[-1], times[-1]))
    await store.history.write([], observations, outcomes=[])
    await store.state.upsert(states)
    await store.rollups.refresh()
    await _alarms(services, things, times[-1])
    return {key.entity: known[key].id for key in keys}


async def _alarms(services: Services, things: dict[str, tuple[str, str]], at: int) -> None:
    """An alarm on every thing, which holds the reading that raised it."""
    kept = Alarms(services.store.postgres)
    for name, (dataset, _) in things.items():
        step = follow(None, Raise(rule="high", entity=name, measured=at, at=at, severity="major",
                                  title="haut", value=MARKS[dataset], commune=HERE))  # fmt: skip
        assert step is not None
        change = Change(step.alarm, step.events)

        def decide(_: object, change: Change = change) -> list[Change]:
            return [change]

        await kept.commit([("high", name)], decide)


@pytest.fixture
async def callers(
    services: Services, series: dict[str, int], page: Path
) -> AsyncIterator[dict[str, tuple[Visitor, dict[str, str]]]]:
    """Who tries, and the headers that they call with."""
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(
            open_door(
                services.store,
                services.identity,
                charter=services.charter,
                settings=ContextSettings(),
            )
        )
        object.__setattr__(services, "mounts", {PATH: door})
        transport = httpx.ASGITransport(
            app=create_app(services, static=page),  # type: ignore[arg-type]
            raise_app_exceptions=False,
        )
        client = httpx.AsyncClient(transport=transport, base_url="http://clapas.test")
        stranger = Visitor(await stack.enter_async_context(client))
        found: dict[str, tuple[Visitor, dict[str, str]]] = {"anonymous": (stranger, {})}
        for name, service, communes, purposes in (
            ("agent", "voirie", [], []),
            ("elsewhere", "eau", [ELSEWHERE], ["fuite"]),
            ("undeclared", "culture", [], ["fuite"]),
        ):
            row = await services.identity.accounts.add(
                login=name, roles=("reader",), password=PASSWORD
            )
            more = {"service": service, "communes": communes, "purposes": purposes}
            await services.identity.accounts.change(msgspec.structs.replace(row, **more))
            visitor = await stack.enter_async_context(_signed_in(services, page, name))
            found[name] = (visitor, {"X-Clapas-Purpose": "fuite"} if communes else {})
        await services.store.postgres.run("UPDATE session SET mfa = true")
        services.identity.sessions.forget()
        for name, plan in (("key", {}), ("planned", {"attributes": ["other"], "decimals": 0})):
            found[name] = (stranger, {"X-API-Key": await _key(services, plan)})
        yield found


async def _key(services: Services, plan: dict[str, object]) -> str:
    """A key that reads and exports; with a plan, every dataset but personal ones, as far as the plan leaves it."""
    owner = await services.identity.accounts.of_login("operatrice")
    assert owner is not None
    scopes = ["read", "export", *(f"read@{each}" for each in RECORDS if plan)]
    made = await services.identity.keys.create(name="k", owner=owner.id, scopes=scopes)
    if plan:
        application = await services.store.postgres.row(
            "INSERT INTO application (name, owner, plan, attributes, decimals) "
            "VALUES ('a', %(owner)s, 'partenaire', '{other}', 0) RETURNING id",
            owner=owner.id,
        )
        assert application is not None
        await services.identity.keys.give(made.row.id, application[0])
    return made.secret


def paths(services: Services, series: dict[str, int]) -> list[str]:
    """Every address that is read, with every thing in its place, and the queries that widen it."""
    now = datetime.now(UTC)
    hour = f"from={(now - timedelta(hours=1)):%Y-%m-%dT%H:%M:%SZ}&to={now:%Y-%m-%dT%H:%M:%SZ}"
    rooms = [thing(each, "IndoorEnvironmentObserved") for each in RECORDS]
    numbers = [str(series[each]) for each in rooms]
    values = {
        "id:str": [*rooms, *RECORDS],
        "id:int": numbers,
        "series:int": numbers,
        "entity:str": [thing(each, "WaterConsumptionObserved") for each in RECORDS],
        "name:str": list(discover()),
        "version:str": ["2.3", "3.0"],
        "thing:str": list(RECORDS),
        "attribute:str": ["level"],
        "address:path": _sensorthings(numbers),
    }
    files = ("station_status.json", "station_information.json", "measures.csv", "sites.csv")
    found = []
    for route in create_litestar(services).routes:
        path = str(route.path)
        if "/live" in path or "GET" not in getattr(route, "methods", {"GET"}):
            continue
        wanted = [each.partition("}")[0] for each in path.split("{")[1:]]
        choices = [files if each == "file:str" else values.get(each, ["1"]) for each in wanted]
        for chosen in product(*choices):
            real = path
            for name, value in zip(wanted, chosen, strict=True):
                real = real.replace("{" + name + "}", str(value), 1)
            found.append(real)
            if any(each in path for each in ("history", "trades", "elected", "timeseries")):
                found.append(f"{real}?{hour}&step=raw&form=csv&limit=1000")
    lists = ("entities", "alarms", "devices", "fleet", "types")
    found += [f"/api/v1/export?list={each}&format=csv" for each in lists]
    ngsi = f"{PATH}/entities?type={','.join(KINDS)}"
    found += [
        ngsi,
        f"{ngsi}&options=keyValues&q=level>1",
        f"{PATH}/temporal/entities?type={','.join(KINDS)}",
    ]
    found += [f"{PATH}/{part}entities/{name}" for name in rooms for part in ("", "temporal/")]
    return list(dict.fromkeys(found))


def _sensorthings(numbers: list[str]) -> list[str]:
    sets = ["Things", "Datastreams", "Observations", "Locations", "FeaturesOfInterest", "Sensors"]
    wide = [
        "Things?$expand=Datastreams($expand=Observations)",
        "Datastreams?$expand=Observations&$resultFormat=GeoJSON",
    ]
    tight = [
        "Observations?$filter=result gt 30",
        "Datastreams?$filter=Observations/result gt 30&$expand=Observations",
    ]
    return [
        *sets,
        *wide,
        *tight,
        *(f"Datastreams({n})/Observations?$resultFormat=dataArray" for n in numbers),
    ]


@pytest.mark.parametrize("name", DENIED)
async def test_no_door_tells_what_the_charter_keeps_back(
    services: Services,
    series: dict[str, int],
    callers: dict[str, tuple[Visitor, dict[str, str]]],
    name: str,
) -> None:
    visitor, headers = callers[name]
    told: set[tuple[str, str]] = set()
    answered = 0
    for path in paths(services, series):
        forms = ("application/json", "text/csv") if "/api/v1/" in path else ("application/json",)
        for accept in forms:
            answer = await visitor.call("GET", path, headers={**headers, "Accept": accept})
            assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
            answered += answer.status_code == 200
            told |= {
                (each, path.partition("?")[0].replace(f":{each}", ":*"))
                for each in DENIED[name]
                if str(MARKS[each]) in answer.text
            }
    assert answered > 20
    assert not told, (name, sorted(told))


async def test_the_mark_is_found_where_it_may_be_read(
    services: Services, series: dict[str, int], operator: Visitor
) -> None:
    """The search itself works: whoever conducts the platform finds it where nothing keeps it back."""
    found = set()
    for path in paths(services, series):
        if path.startswith(("/api/v1/entities", "/api/v1/series", "/sta")):
            answer = await operator.call("GET", path)
            found |= {each for each in MARKS if str(MARKS[each]) in answer.text}
    assert {"closed", "late"} <= found
