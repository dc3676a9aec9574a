"""What the API answers: data, forms (JSON, CSV, ETag, gzip), errors in the reader's language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from clapas.domain.device import Binding, Device, Entity, SeriesKey
from clapas.domain.message import Observation, Outcome
from clapas.domain.window import milliseconds
from clapas.store import RawRow, StateRow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

ENTITY = "urn:ngsi-ld:WeatherObserved:comedie"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def furnish(services: Services) -> int:
    """One device that measures the temperature of one place, three times; its series' number."""
    store = services.store
    device = Device(id=uuid4(), key="sonde-1", name="=Sonde", source="mqtt_device", last_seen=NOON)
    entity = Entity(
        id=ENTITY, type="WeatherObserved", name="Comédie", longitude=3.88, latitude=43.6
    )
    await store.registry.save_devices([device])
    await store.entities.upsert([entity])
    await store.registry.bind(
        "sonde-1", [Binding(channel="t", entity=ENTITY, attribute="temperature")]
    )
    key = SeriesKey(ENTITY, "temperature", "temperature")
    series = (await store.series.ensure([key]))[key].id
    start, log = milliseconds(NOON), await store.messages.log_id("uplink", "x")
    rows = [(start + 600_000 * n, 20.0 + n, n + 1) for n in range(3)]
    await store.history.write(
        [
            RawRow(log=log, sequence=n, source="mqtt_device", received=at, payload=b"\x01",
                   device="sonde-1", frame=b"\x01\x02")
            for at, _, n in rows
        ],
        [Observation(series, at, value, at, log, n) for at, value, n in rows],
        outcomes=[
            Outcome(log, n, "mqtt_device", "sonde-1", "stored", observations=1, received=at)
            for at, _, n in rows
        ],
    )  # fmt: skip
    at, value, n = rows[-1]
    await store.state.upsert([StateRow(series, ENTITY, "temperature", value, at, at, 0, log, n)])
    return series


async def test_from_the_list_to_the_value_to_its_frame(services: Services, reader: Visitor) -> None:
    series = await furnish(services)
    listed = (await reader.call("GET", "/api/v1/entities?q=comedie")).json()["items"]
    assert [each["id"] for each in listed] == [ENTITY]
    sheet = (await reader.call("GET", f"/api/v1/entities/{ENTITY}")).json()
    (attribute,) = sheet["attributes"]
    assert (attribute["value"], attribute["unit"], attribute["device"]) == (22.0, "°C", "sonde-1")
    period = "from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z&step=raw"
    history = (await reader.call("GET", f"/api/v1/series/{series}/history?{period}")).json()
    assert history["values"] == [20.0, 21.0, 22.0]
    both = await reader.call("GET", f"/api/v1/entities/{ENTITY}/history?{period}")
    assert both.json()[0]["values"] == history["values"]
    path = f"/api/v1/observations/{series}/{history['times'][1]}/provenance"
    provenance = (await reader.call("GET", path)).json()
    assert provenance["frame"]["payload_hex"] == "0102"
    frames = (await reader.call("GET", "/api/v1/devices/sonde-1/frames?limit=2")).json()
    assert [each["sequence"] for each in frames["items"]] == [3, 2]
    assert frames["next"]
    points = (await reader.call("GET", "/api/v1/entities/map")).json()
    assert (points["ids"], points["states"]) == ([ENTITY], ["silent"])


async def test_csv_by_accept_never_carries_a_formula(services: Services, reader: Visitor) -> None:
    series = await furnish(services)
    headers = {"Accept": "text/csv"}
    devices = await reader.call("GET", "/api/v1/devices", headers=headers)
    assert devices.headers["content-type"].startswith("text/csv")
    assert "'=Sonde" in devices.text
    path = f"/api/v1/series/{series}/history?from=2026-06-01&to=2026-06-02&step=raw"
    history = await reader.call("GET", path, headers=headers)
    assert history.text.splitlines()[1].startswith(
        f"{ENTITY},temperature,2026-06-01T12:00:00Z,20.0"
    )


async def test_an_agent_sees_the_communes_of_their_rights_only(
    services: Services, stranger: Visitor
) -> None:
    series = await furnish(services)
    await services.identity.accounts.add(
        login="ailleurs", communes=("34057",), password="une-phrase-assez-longue"
    )
    await stranger.sign_in("ailleurs", "une-phrase-assez-longue")
    assert (await stranger.call("GET", "/api/v1/entities")).json()["items"] == []
    for path in (
        f"/api/v1/entities/{ENTITY}",
        f"/api/v1/series/{series}/history",
        "/api/v1/devices/sonde-1",
        "/api/v1/devices/sonde-1/frames",
        f"/api/v1/entities/{ENTITY}/history",
        f"/api/v1/observations/{series}/{milliseconds(NOON)}/provenance",
    ):
        answer = await stranger.call("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_a_body_seen_before_is_not_sent_again(operator: Visitor) -> None:
    first = await operator.call("GET", "/api/v1/quantities")
    assert first.headers["content-encoding"] == "gzip"
    seen = {"If-None-Match": first.headers["etag"]}
    again = await operator.call("GET", "/api/v1/quantities", headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    head = await operator.call("HEAD", "/api/v1/quantities")
    assert (head.status_code, head.content) == (200, b"")


async def test_every_error_is_a_problem_in_the_reader_s_language(operator: Visitor) -> None:
    french = {"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}
    english = {"Accept-Language": "en"}
    missing = await operator.call("GET", "/api/v1/nothing", headers=english)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = await operator.call("PATCH", "/api/v1/platform", headers=french)
    assert (wrong.status_code, wrong.json()["title"]) == (
        405,
        "Cette adresse n’accepte pas cette méthode",
    )
    for path in (
        "/api/v1/devices?limit=0",
        "/api/v1/entities?bbox=1,2,3",
        "/api/v1/rejects?after=?",
    ):
        answer = await operator.call("GET", path, headers=english)
        assert answer.status_code == 400, path
        assert answer.headers["content-type"] == "application/problem+json"
    unreadable = await operator.call("POST", "/api/v1/devices", content=b"{")
    assert unreadable.status_code in {400, 422}
    unfit = await operator.call("POST", "/api/v1/devices", json={"key": 4})
    assert (unfit.status_code, unfit.json()["code"]) == (422, "unprocessable")
    large = await operator.call("POST", "/api/v1/devices", content=b" " * 1_000_001)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


async def test_headers_protect_every_answer(stranger: Visitor) -> None:
    for path in ("/", "/api/v1/platform", "/nowhere.js"):
        headers = (await stranger.call("GET", path)).headers
        policy = dict(
            part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
        )
        for directive in ("default-src", "script-src", "style-src", "connect-src", "form-action"):
            assert policy[directive] == "'self'", directive
        for directive in ("object-src", "base-uri", "frame-ancestors"):
            assert policy[directive] == "'none'", directive
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert len(headers["x-request-id"]) == 32
        assert "strict-transport-security" not in headers


async def test_the_page_its_assets_and_no_other_file(stranger: Visitor, page: Path) -> None:
    assert "<title>Clapas" in (await stranger.call("GET", "/entites/x")).text
    asset = await stranger.call("GET", "/assets/app-1a2b3c.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    (page.parent / "secret.txt").write_text("root: not for the page")
    for path in (
        f"/assets/%2e%2e/%2e%2e/{page.parent.name}/secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/%2e%2e/secret.txt",
        f"/assets/{page.parent}/secret.txt",
        "/assets/nothing.js",
    ):
        answer = await stranger.call("GET", path)
        assert answer.status_code == 404 or "<title>Clapas" in answer.text, path
        assert "root:" not in answer.text


async def test_a_value_never_becomes_a_header(stranger: Visitor) -> None:
    answer = await stranger.call("GET", "/api/v1/platform%0d%0aSet-Cookie:%20a=b")
    assert "set-cookie" not in answer.headers


async def test_devices_are_made_changed_and_accepted(operator: Visitor) -> None:
    new = {"key": "70-B3-D5-7E-D0-00-00-01", "name": "Compteur", "longitude": 3.9, "latitude": 43.6}
    made = await operator.call("POST", "/api/v1/devices", json=new)
    assert (made.status_code, made.json()["key"]) == (201, "70b3d57ed0000001")
    again = await operator.call("POST", "/api/v1/devices", json=new)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    path = "/api/v1/devices/70b3d57ed0000001"
    changed = await operator.call("PATCH", path, json={"name": "Compteur 2"})
    assert (changed.json()["name"], changed.json()["longitude"]) == ("Compteur 2", 3.9)
    approved = await operator.call("POST", f"{path}/approve")
    assert approved.json()["lifecycle"] == "active"
    bad = await operator.call("POST", "/api/v1/devices", json={"key": "a b"})
    assert bad.json()["code"] == "invalid_input"


async def test_metrics_and_health(operator: Visitor, stranger: Visitor) -> None:
    assert (await stranger.call("GET", "/health")).json() == {"status": "ok"}
    assert (await stranger.call("GET", "/metrics")).status_code == 401
    assert "clapas_uptime_seconds" in (await operator.call("GET", "/metrics")).text


async def test_the_description_is_shown_without_a_script(stranger: Visitor) -> None:
    api = (await stranger.call("GET", "/api/openapi.json")).json()
    assert api["openapi"].startswith("3.1")
    assert {"/api/v1/uplinks", "/api/v1/live", "/api/v1/entities/{id}"} <= api["paths"].keys()
    page = (await stranger.call("GET", "/api/")).text
    assert "/api/v1/ledger" in page
    assert "<script" not in page


async def test_a_text_says_its_charset_once(services: Services, operator: Visitor) -> None:
    await furnish(services)
    table = {"Accept": "text/csv"}
    for path, kind in (
        ("/", "text/html"),
        ("/carte", "text/html"),
        ("/api", "text/html"),
        ("/api/style.css", "text/css"),
        ("/api/v1/entities", "text/csv"),
        ("/metrics", "text/plain; version=0.0.4"),
    ):
        answer = await operator.call("GET", path, headers=table if "/v1/" in path else {})
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8", path


async def test_a_wrong_address_below_a_door_of_programs_is_an_error_never_the_page(
    stranger: Visitor,
) -> None:
    for path in (
        "/api/v2/entities",
        "/sta/v9/Things",
        "/gbfs/2.3",
        "/bikestation/urn:ngsi-ld:station:001",
        "/ecocounter_timeseries/urn:ngsi-ld:EcoCounter:1/attrs",
    ):
        answer = await stranger.call("GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            404,
            "application/problem+json",
        )
        assert answer.json()["code"] == "not_found"
    assert (await stranger.call("GET", "/velos")).headers["content-type"].startswith("text/html")
