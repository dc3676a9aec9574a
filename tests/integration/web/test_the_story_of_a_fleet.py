"""A spreadsheet imported, corrected, undone and imported again; one device installed in the street; a dead
gateway told once; a codec fix tried on real frames and rolled out. ``clapas bench fleet`` does it with 80,000."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.web.conftest import Visitor

from clapas.codecs import CodecPool
from clapas.domain.device import Model
from clapas.domain.window import milliseconds
from clapas.fleet.sealing import Sealer
from clapas.jobs import Worker, discover
from clapas.store import Commune, Place, RawRow, Seen
from clapas.web.services import Services

DEVICES = 2_000
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[3.8, 43.5], [4.0, 43.5], [4.0, 43.7], [3.8, 43.7], [3.8, 43.5]]],
}
OLD = "function decodeUplink(i){return {data:{temperature:i.bytes[0]}}}"
FIXED = "function decodeUplink(i){return {data:{temperature:i.bytes[0]-40}}}"
PIXEL = "iVBORw0KGgo="


def key(number: int) -> str:
    return f"70b3d57ed00{number:05x}"


def spreadsheet() -> bytes:
    """What a contractor sends: five lines in a hundred are wrong, each in its own way."""
    lines = ["DevEUI;Nom;Profil;AppKey;Latitude;Longitude;Service;Coût annuel"]
    for number in range(DEVICES):
        eui, model, place = key(number).upper(), "probe", "43,6;3,9"
        if number % 100 == 1:
            eui = eui[:-2]
        if number % 100 == 2:
            model = "prob"
        if number % 100 == 3:
            place = "3,9;43,6"
        if number % 100 == 4:
            place = "6279000;770000"
        name = "=1+1" if number % 100 == 5 else f"Sonde {number}"
        lines.append(f"{eui};{name};{model};{number:032x};{place};Eau;9,50")
    return "\r\n".join(lines).encode("cp1252")


class Office:
    """The agent: the API as the page calls it, and the worker that does the jobs."""

    def __init__(self, agent: Visitor, worker: Worker) -> None:
        self.agent = agent
        self._worker = worker

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = await self.agent.call(method, f"/api/v1{path}", **more)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    async def job(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        started = await self.ask("POST", path, json=body or {})
        while True:
            await self._worker.step()
            found: dict[str, Any] = await self.ask("GET", f"/jobs/{started['id']}")
            if found["finished"]:
                return found

    async def fleet(self) -> int:
        return sum((await self.ask("POST", "/fleet/count", json={})).values())


async def test_the_story_of_a_fleet(services: Services, operator: Visitor) -> None:
    store = services.store
    await store.territory.save(
        Place(name="Métropole", siren="", timezone="Europe/Paris"),
        [Commune(code="34172", name="Montpellier", contour=SQUARE)],
    )
    codec = await store.models.save_script("probe", OLD)
    await store.models.save([Model(id="probe", label="Sonde", codec=codec, interval_s=3600)])
    async with CodecPool.open(1) as codecs:
        tools = {Sealer: Sealer(b"s" * 32), CodecPool: codecs}
        office = Office(operator, Worker(store, discover(), tools=tools))
        await the_spreadsheet(office)
        await the_technician(services, office)
        await the_gateway(services, office)
        await the_codec(services, office)


async def the_spreadsheet(office: Office) -> None:
    received = await office.ask("POST", "/imports?name=parc.csv", content=spreadsheet())
    path = f"/imports/{received['number']}"
    plan = {name: received["preview"][name] for name in ("shape", "columns")}
    judged = (await office.job(f"{path}/check"))["result"]
    assert (judged["lines"], judged["bad"], judged["created"]) == (DEVICES, DEVICES // 20, 1900)
    assert judged["codes"] == dict.fromkeys(
        ("eui_length", "unknown_model", "coordinates_swapped", "coordinates_lambert93", "formula"), 20
    )  # fmt: skip
    lines = (await office.ask("GET", f"{path}/lines?code=unknown_model"))["items"]
    assert (lines[0]["line"], lines[0]["hint"]) == (4, "probe")

    refused = await office.job(f"{path}/apply")
    assert (refused["state"], await office.fleet()) == ("failed", 0), "nothing is half-imported"
    corrected = {**plan, "corrections": ["swapped", "lambert93"], "skip_bad": True}
    await office.ask("PUT", f"{path}/plan", json=corrected)
    assert (await office.job(f"{path}/apply"))["result"]["created"] == 1940
    assert await office.fleet() == 1940
    assert (await office.job(f"{path}/undo"))["state"] == "done"
    assert await office.fleet() == 0
    assert (await office.job(f"{path}/apply"))["result"]["keys"] == 1940
    found = (await office.ask("GET", "/fleet?q=sonde 1999"))["items"]
    assert [(e["device"]["key"], e["device"]["commune"]) for e in found] == [(key(1999), "34172")]


async def the_technician(services: Services, office: Office) -> None:
    """What the phone's page does, in its order (the page itself is in the tests of the pages)."""
    path = f"/devices/{key(0)}"
    await office.ask("POST", f"{path}/step", json={"lifecycle": "to_install"})
    await office.ask("PATCH", path, json={"longitude": 3.95, "latitude": 43.65})
    visit = {"kind": "install", "note": "posée au mât", "photo": PIXEL}
    await office.ask("POST", f"{path}/events", json=visit)
    assert (await office.ask("GET", path))["last_seen"] is None
    now = milliseconds(datetime.now(UTC))
    await services.store.registry.touch({key(0): Seen(received=now, gateway="roof")})
    assert (await office.ask("GET", path))["state"] == "online", "the first frame is seen"
    await office.ask("POST", f"{path}/step", json={"lifecycle": "active"})
    kinds = [each["kind"] for each in (await office.ask("GET", f"{path}/events"))["items"]]
    assert kinds == ["lifecycle", "install", "lifecycle", "import", "import"]


async def the_gateway(services: Services, office: Office) -> None:
    keys = [key(number) for number in range(100, 400) if not 1 <= number % 100 <= 5]
    values = {"query": {"keys": keys}, "action": "lifecycle", "values": {"lifecycle": "active"}}
    assert (await office.job("/fleet/bulk", values))["failures"] == 0
    before = milliseconds(datetime.now(UTC) - timedelta(hours=9))
    registry = services.store.registry
    await registry.touch({each: Seen(received=before, gateway="tower") for each in keys})
    await office.ask("POST", "/repairs/look")
    found = (await office.ask("GET", "/repairs"))["items"]
    assert [(each["kind"], each["subject"], each["count"]) for each in found] == [
        ("gateway_silent", "tower", len(keys))
    ]
    assert await office.ask("GET", "/repairs/count") == {"gateway_silent": 1}


async def the_codec(services: Services, office: Office) -> None:
    store = services.store
    now = milliseconds(datetime.now(UTC))
    frames = [
        RawRow(log=1, sequence=n, source="x", received=now, payload=b"", device=key(0), model="probe",
               frame=bytes([50 + n]), f_port=1)
        for n in range(1, 6)
    ]  # fmt: skip
    await store.history.write(frames, [], outcomes=[])
    fix = {"script": FIXED, "uplinks": 100, "devices": 3}
    trial = await office.ask("POST", "/models/probe/codec/try", json=fix)
    assert (trial["frames"], trial["same"], len(trial["changed"])) == (5, 0, 5)
    assert {tuple(each["changes"]["temperature"]) for each in trial["changed"]} == {
        (50 + n, 10 + n) for n in range(1, 6)
    }
    rollout = await office.ask("POST", "/models/probe/codec", json=fix)
    assert (rollout["state"], rollout["devices"]) == ("trial", 3)
    reach = await office.ask("GET", "/models/probe/reach")
    assert reach["devices"] == 1940, "a trial does not hide its devices"
    await office.ask("POST", f"/rollouts/{rollout['id']}/everywhere")
    assert (await store.models.get("probe")).codec.version == 2
    async with asyncio.timeout(20):
        while (await store.registry.resolve([key(0)]))[key(0)].script != FIXED:
            await asyncio.sleep(0.05)
    await office.ask("POST", f"/rollouts/{rollout['id']}/back")
    assert (await store.models.get("probe")).codec.version == 1
