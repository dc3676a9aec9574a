"""A broker over the real engines, one database for the whole session; and the page that its results make."""

import asyncio
import os
import re
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from tests.integration.context.five import vans_of
from tests.integration.context.receiver import Receiver
from tests.integration.context.source import Register, Source

from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE, Settings
from clapas.engines import EngineAddresses, PostgresAddress
from clapas.store import Store, migrate

SUITE_RUN = (
    "## The ETSI suite itself",
    "",
    "On 2026-11-23 all 1,005 tests of `TP/NGSI-LD` but its interoperability folder, as first published (commit",
    "1d442dc4d95a2359641f436203a2f23a5a70bfc4 of the public copy marek-mraz/ngsi-ld-test-suite), were run in one go with Robot",
    "Framework 7.4.1 against `clapas up --profile conformance` in an empty directory: **955 pass, 50 fail**. 6 of the 50 want",
    "the status of 1.8.1 and pass with `--ngsi-ld 1.8`; the other 44 cannot hold, each for a reason below.",
    "",
    "How far this is the suite: its files were read one by one and written down. The subscriptions (028 to 032, 046_23 to",
    "046_43, 058) and their data are in a shorter form, with the same requests and assertions. Some fifteen data files that the copy",
    "does not hold were inferred from their names and twins, one test (046_22_08) is a later copy's; of the mock",
    "of context sources (HttpCtrl) one file is a later copy's and five come from PyPI's 0.3.1; the suite's own @context was rebuilt from",
    "what it expects (13 terms). A run of the suite as its owner distributes it has not been made here.",
    "",
    "| folder | run | passed | failed |",
    "|---|---|---|---|",
    "| CommonBehaviours | 33 | 29 | 4 |",
    "| Consumption/Discovery | 14 | 14 | 0 |",
    "| Consumption/Entity | 190 | 190 | 0 |",
    "| Consumption/TemporalEntity | 124 | 123 | 1 |",
    "| Provision/BatchEntities | 58 | 58 | 0 |",
    "| Provision/Entities | 55 | 55 | 0 |",
    "| Provision/EntityAttributes | 88 | 88 | 0 |",
    "| Provision/TemporalEntity, TemporalEntityAttributes | 44 | 44 | 0 |",
    "| Subscription | 122 | 121 | 1 |",
    "| ContextSource/Discovery | 30 | 24 | 6 |",
    "| ContextSource/Registration | 30 | 30 | 0 |",
    "| ContextSource/RegistrationSubscription | 54 | 44 | 10 |",
    "| jsonldContext | 61 | 58 | 3 |",
    "| DistributedOperations | 102 | 77 | 25 |",
    "| **all** | **1,005** | **955** | **50** |",
    "",
)
OTHERWISE = (
    "## Where public copies of the ETSI suite ask for something else",
    "",
    "As first published, unless another copy is named:",
    "",
    "- 043_01 (four cases), 028_07_02 and 053_05 want 503 where a @context does not answer: the status until 1.8.1, which",
    "  `--ngsi-ld 1.8` gives; that of 1.9.1 is 504.",
    "- D005_01_inc and D009_01_inc want 204 when a source updates or replaces an attribute's default instance and this broker,",
    "  which keeps another instance only, does not. Clauses 5.6.4 and 5.6.19 want 207 with what was not updated, and so do",
    "  the suite's D004_01_inc and later copies: 207 is given.",
    "- D003_01_exc, D005_01_exc, D007_01_exc, D009_01_exc, D013_01_exc and D013_02_exc expect what an exclusive source holds",
    "  to be written here too, or what is not its to be sent there, or what was kept here before it was registered to be gone:",
    "  4.3.6.3 has none of it.",
    "- D003_02_exc, D004_01_inc, D009_01_red, D010_01_exc, D013_01_red, D013_02_red, D016_01_inc and D016_01_red cannot hold",
    "  anywhere: an attribute without its @context, a reply that is counted and never set, one id for two registrations, a",
    "  list in which a name is looked for.",
    "- D011_01_03_inc, D011_01_exc, D011_02_exc_01, D011_03_inc_02, D011_04_inc_02, D013_02_inc and D014_02 (three) fail in the",
    "  suite's own mock: a reply that is a list answers no request with `attrs`, or is looked into by name; what was asked is",
    "  read before it is waited for. Later copies mend the first two.",
    "- D012_01_red, D015_01_inc (and D001_01_inc, D001_02_inc, D001_03_03_inc, which count what the second leaves) name",
    "  `entity_pattern=…` as an id: beside a pattern of ids the conformance profile takes it for none, any other refuses it.",
    "- 021_23 orders temporal queries by attributes, which clause 5.7.4.4 and a later copy of the same test refuse: the",
    "  conformance profile orders them (`temporal_orders`), any other refuses.",
    "- 021_25 makes two entities that its query selects and expects one; a later copy expects both.",
    "- 037_07, 037_10 and 037_11 expect a `location` that is a GeoProperty (5.2.9 and 037_10 have GeoJSON) or was never sent, send an",
    "  open polygon, and want one of two registrations at offset 2; 047_02, 047_04, 047_05, 047_06, 047_08 and 047_09 wait for",
    "  a registration of vehicles where buildings are asked for. With the data of later copies they hold.",
    "- 038_05, 039_01, 042_02 and 042_03 cannot hold anywhere: a library that is not imported, a `status` (5.2.12) that may not be",
    "  there, a keyword that raises before the expected 400 and 404 are looked at.",
    "- 053_06 holds alone; after 053_05 in one run it joins two addresses into one that is none, by a global variable that",
    "  053_05 leaves. 051_05 has a relative address, the line that completes it being a comment; it holds directly after 053_05",
    "  with `--ngsi-ld 1.8`.",
    "- 5814_01 of one copy, case 2, tells this broker at `/ngsi-ld/ex/remote-notify`, an address of that copy's own",
    "  broker; the standard names none, and the one here is in the reduced copy of the subscription.",
    "- 436_03 (cases 1 and 3) and 5922_01 (case 3) of one copy refuse exclusive registrations that other tests of the suite",
    "  make (an id pattern, no attributes, an entity that exists): the conformance profile takes them, any other refuses.",
    "- 041_03 and 037_11 compare the Link header of a page of subscriptions or registrations whole: the conformance",
    "  profile leaves the @context out of it (`lone_page_links`).",
)
RESULTS: dict[str, list[tuple[str, bool]]] = defaultdict(list)
PAGE = "CLAPAS_CONFORMANCE_PAGE"


@pytest.fixture(scope="session")
def broker_database(engines: EngineAddresses) -> EngineAddresses:
    """A migrated PostgreSQL and ClickHouse database for the broker's tests."""
    name = f"broker_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(engines.postgres.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    clickhouse = engines.clickhouse
    url = f"http://{clickhouse.host}:{clickhouse.port}/"
    answer = httpx.post(
        url,
        content=f"CREATE DATABASE {name} ENGINE = Atomic",
        auth=(clickhouse.user, clickhouse.password),
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    addresses = msgspec.structs.replace(
        engines,
        postgres=PostgresAddress(engines.postgres.dsn.rpartition("/")[0] + f"/{name}"),
        clickhouse=msgspec.structs.replace(engines.clickhouse, database=name),
        clickhouse_reader=msgspec.structs.replace(engines.clickhouse_reader, database=name),
    )
    asyncio.run(migrate(addresses))
    return addresses


@pytest.fixture
async def store(broker_database: EngineAddresses) -> AsyncIterator[Store]:
    """The store of the session's broker."""
    async with Store.open(broker_database, pool=6) as opened:
        yield opened


@pytest.fixture
async def api(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the broker's door, under the conformance profile."""
    settings = msgspec.structs.replace(CONFORMANCE, sweep_seconds=0.3)
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://broker/ngsi-ld/v1"
        ) as client:
            yield client


@pytest.fixture
async def strict(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a door that is open, without what the conformance profile bends for the suite."""
    settings = msgspec.structs.replace(Settings(), open=True)
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://broker/ngsi-ld/v1"
        ) as client:
            yield client


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    """One source."""
    made = Source()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=1 << 20)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        await asyncio.sleep(made.delay)


@pytest.fixture
async def register(api: httpx.AsyncClient, source: Source, urn: str) -> AsyncIterator[Register]:
    """Registers the source at the broker; what was registered goes at the end."""
    made: list[str] = []

    async def do(**more: Any) -> httpx.Response:
        body = {
            "id": f"{urn.replace('Thing', 'Registration')}{len(made)}",
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"id": urn, "type": "Van"}]}],
            "endpoint": source.url,
            **more,
        }
        answer = await api.post("/csourceRegistrations", json=body)
        made.append(body["id"])
        return answer

    yield do
    for name in made:
        await api.delete(f"/csourceRegistrations/{name}")


@pytest.fixture
async def five(api: httpx.AsyncClient, urn: str) -> list[str]:
    """Five vehicles of a type of their own."""
    body = vans_of(urn)
    assert (await api.post("/entityOperations/create", json=body)).status_code == 201
    return [each["id"] for each in body]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """One endpoint."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/notify"
    async with server:
        yield made


@pytest.fixture
def urn() -> str:
    """An id that no other test uses."""
    return f"urn:ngsi-ld:Thing:{uuid.uuid4().hex}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the result of each test that holds a clause."""
    report = yield
    marker = item.get_closest_marker("clause")
    if marker and report.when == "call":
        story = (item.function.__doc__ or item.name).strip().splitlines()[0]  # type: ignore[attr-defined]
        case = re.search(r"\[(.+)\]$", item.name)
        if case:
            story = f"{story.rstrip('.')} ({case[1]})."
        RESULTS[str(marker.args[0])].append((story, report.passed))
    return report


def pytest_sessionfinish() -> None:
    """Write docs/conformance.md where asked."""
    target = os.environ.get(PAGE)
    if target and RESULTS:
        Path(target).write_text(_page(), encoding="utf-8")


def _page() -> str:
    every = [passed for held in RESULTS.values() for _, passed in held]
    lines = [
        "# Conformance",
        "",
        "Made by running the broker's own conformance tests, written from ETSI GS CIM 009 V1.9.1 and",
        "grouped by its clauses. They are not the official ETSI suite, of which a partial run is told below.",
        "",
        f"**{sum(every)} of {len(every)} pass**, over {len(RESULTS)} clauses.",
        "",
        "| clause | passed | of |",
        "|---|---|---|",
    ]
    ordered = sorted(RESULTS, key=lambda c: [int(part) for part in c.split(".")])
    lines += [f"| {c} | {sum(p for _, p in RESULTS[c])} | {len(RESULTS[c])} |" for c in ordered]
    lines += ["", *SUITE_RUN, *OTHERWISE]
    for clause in ordered:
        lines += ["", f"## {clause}", ""]
        lines += [f"- {'✓' if passed else '✗'} {story}" for story, passed in RESULTS[clause]]
    return "\n".join(lines) + "\n"
