"""Names under one meaning: the platform's @context, IRIs that stand for others, the lint that tells (clause 5.13)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from clapas.charter import Charter
from clapas.context.rekey import entity
from clapas.context.routes import open_door
from clapas.context.settings import CONFORMANCE, Settings
from clapas.context.vocabulary import followed, platform_context
from clapas.domain.quantities import QUANTITIES
from clapas.store import Store

PLATFORM = "/ngsi-ld/v1/jsonldContexts/platform"
LD = {"Content-Type": "application/ld+json"}


def link(address: str) -> dict[str, str]:
    """The header that names a @context."""
    rel = "http://www.w3.org/ns/json-ld#context"
    return {"Link": f'<{address}>; rel="{rel}"; type="application/ld+json"'}


async def test_the_platforms_context(api: httpx.AsyncClient) -> None:
    """It stands at an address that does not change, names every quantity, and stays."""
    terms = (await api.get("/jsonldContexts/platform")).json()["@context"]
    assert {each.ngsi for each in QUANTITIES.values()} <= set(terms)
    assert terms["AirQualityObserved"].startswith("https://smartdatamodels.org/")
    assert (await api.delete("/jsonldContexts/platform")).status_code == 400


@pytest.mark.shared
def test_terms_of_the_public_models(shared: Path) -> None:
    """What the public models name has their IRI."""
    path = shared / "smartdatamodels" / "platform-context-DRAFT.jsonld"
    draft = json.loads(path.read_text(encoding="utf-8"))["@context"]
    base = "https://smartdatamodels.org/"
    public = {name: iri for name, iri in platform_context().items() if iri.startswith(base)}
    assert len(public) > 80
    for name, iri in public.items():
        assert draft[name].replace("sdm:", base) == iri


@pytest.mark.parametrize(
    "iri",
    [
        "https://smartdatamodels.org/dataModel.Weather/temperature",
        "https://smartdatamodels.org/temperature",
        "https://uri.etsi.org/ngsi-ld/default-context/temperature",
    ],
)
async def test_one_temperature(api: httpx.AsyncClient, urn: str, iri: str) -> None:
    """Written under any @context of the public models, it is found under any other."""
    kind = f"Kind{urn[-8:]}"
    body = {"id": urn, "type": kind, "t": {"type": "Property", "value": 21}}
    answer = await api.post("/entities", json=body | {"@context": {"t": iri}}, headers=LD)
    assert answer.status_code == 201, answer.text
    plain = await api.get("/entities", params={"type": kind, "q": "temperature==21"})
    assert plain.json()[0]["temperature"]["value"] == 21
    asked = {"type": kind, "attrs": "temperature"}
    named = await api.get("/entities", params=asked, headers=link(f"http://broker{PLATFORM}"))
    assert named.json()[0]["temperature"]["value"] == 21


async def test_the_operators_aliases(store: Store, urn: str) -> None:
    """The operator's table brings old names to new ones, and the lint tells who still writes old ones."""
    table = {"https://old.example/level": "https://new.example/level"}
    settings = msgspec.structs.replace(CONFORMANCE, aliases=table, lint="warn")
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        base = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as api:
            body: dict[str, Any] = {"id": urn, "type": "Tank", "level": 4}
            body["@context"] = {name: f"https://old.example/{name}" for name in ("Tank", "level")}
            answer = await api.post("/entities", json=body, headers=LD)
            assert answer.headers["ngsild-lint"] == "alias level=https://new.example/level"
            shown = (await api.get(f"/entities/{urn}")).json()
            assert shown["https://new.example/level"]["value"] == 4
            details = await api.get("/jsonldContexts/platform", params={"details": "true"})
            assert table.items() <= details.json()["extraInfo"]["aliases"].items()


async def test_what_was_kept_before_an_alias(
    store: Store, api: httpx.AsyncClient, urn: str
) -> None:
    """Entities, their evolution and registrations are brought to the new name, once, at the next start."""
    old, new = (f"https://{age}.example/{urn[-12:]}" for age in ("old", "new"))
    level = {"type": "Property", "value": 4, f"{old}/by": {"type": "Property", "value": "gauge"}}
    body = {"id": urn, "type": f"{old}/Tank", f"{old}/level": level}
    assert (await api.post("/entities", json=body)).status_code == 201
    await api.patch(f"/entities/{urn}/attrs", json={f"{old}/level": {**level, "value": 5}})
    source = {
        "id": f"{urn}:source",
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": f"{old}/Tank"}]}],
        "endpoint": "http://127.0.0.1:9",
    }
    assert (await api.post("/csourceRegistrations", json=source)).status_code == 201
    table = {f"{old}/{name}": f"{new}/{name}" for name in ("Tank", "level", "by")}
    settings = msgspec.structs.replace(CONFORMANCE, aliases=table)
    async with open_door(store, None, charter=Charter.standard(), settings=settings) as door:
        transport = httpx.ASGITransport(app=door)
        base = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as named:
            asked = {"type": f"{new}/Tank", "local": "true"}
            there = f"/csourceRegistrations/{urn}:source"
            async with asyncio.timeout(10):
                while old in (await named.get(there)).text:
                    await asyncio.sleep(0.05)
            await named.delete(there)
            found = (await named.get("/entities", params=asked)).json()[0]
            assert found[f"{new}/level"][f"{new}/by"]["value"] == "gauge"
            over = (await named.get(f"/temporal/entities/{urn}")).json()
            assert sorted(each["value"] for each in over[f"{new}/level"]) == [4, 5]
            assert old not in json.dumps([found, over])


def test_what_stands_under_both_names() -> None:
    """The new name's instances stay; the old one's come where there was none; values are not names."""
    doc = {
        "@type": ["a:T", "b:T"],
        "a:x": [{"type": "Property", "value": "a:x"}, {"value": 2, "datasetId": "urn:d"}],
        "b:x": [{"type": "Property", "value": 1}],
    }
    assert entity(doc, {"a:x": "b:x", "a:T": "b:T"}) == {
        "@type": ["b:T"],
        "b:x": [{"type": "Property", "value": 1}, {"value": 2, "datasetId": "urn:d"}],
    }


def test_circles_of_aliases_end() -> None:
    """A chain gives its last name; a circle gives something."""
    assert followed({"a": "b", "b": "c"}) == {"a": "c", "b": "c"}
    assert set(followed({"a": "b", "b": "a"})) <= {"a", "b"}


@pytest.mark.clause("5.13.2")
@pytest.mark.parametrize("context", [{"size": 5}, {"size": {"@id": 5}}, [3], "not an address"])
async def test_wrong_contexts_are_refused(api: httpx.AsyncClient, context: Any) -> None:
    """A definition that JSON-LD does not know is the sender's mistake."""
    answer = await api.post("/jsonldContexts", json={"@context": context}, headers=LD)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad request data")


async def test_whoever_reads_open_data_may_read_what_its_names_mean(store: Store) -> None:
    """The platform's own @context is the entrance's; the list of contexts and those of others are not."""
    async with open_door(store, None, charter=Charter.standard(), settings=Settings()) as door:
        transport = httpx.ASGITransport(app=door)
        base = "http://broker/ngsi-ld/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base) as stranger:
            shown = await stranger.get("/jsonldContexts/platform")
            assert "temperature" in shown.json()["@context"]
            for closed in ("/jsonldContexts", "/jsonldContexts/another"):
                assert (await stranger.get(closed)).status_code == 401
            assert (await stranger.delete("/jsonldContexts/platform")).status_code == 401
