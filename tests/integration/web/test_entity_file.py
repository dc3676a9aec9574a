"""A thing of the city has an owner service, tags, and a place among the others: commune > site > equipment."""

from tests.integration.web.conftest import Visitor

from clapas.domain.device import Entity
from clapas.web.services import Services

COMMUNE = "urn:ngsi-ld:City:34172"
SITE = "urn:ngsi-ld:Building:piscine"
POOL = "urn:ngsi-ld:Device:bassin-1"
FILE = f"/api/v1/entities/{POOL}/file"


async def a_pool(services: Services) -> None:
    await services.store.entities.upsert(
        [
            Entity(id=COMMUNE, type="City", name="Montpellier"),
            Entity(id=SITE, type="Building", name="Piscine", relations={"commune": COMMUNE}),
            Entity(id=POOL, type="Device", name="Grand bassin"),
        ]
    )


async def test_a_thing_is_given_to_a_service_and_to_a_site(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    await a_pool(services)
    wanted = {
        "service": "Sports",
        "tags": {"contrat": "Énergie-7", "étage": "2"},
        "relations": {"site": SITE},
    }
    assert (await reader.call("PUT", FILE, json=wanted)).status_code == 403
    written = await operator.call("PUT", FILE, json=wanted)
    assert written.status_code == 200, written.text
    seen = (await reader.call("GET", FILE)).json()
    assert (seen["file"]["service"], seen["file"]["tags"]) == (
        "Sports",
        {"contrat": "Énergie-7", "étage": "2"},
    )
    assert [(each["relation"], each["name"], each["depth"]) for each in seen["above"]] == [
        ("site", "Piscine", 1),
        ("commune", "Montpellier", 2),
    ]
    assert (seen["may_write"], written.json()["may_write"]) == (False, True)
    parts = (await reader.call("GET", f"/api/v1/entities/{SITE}/parts")).json()["items"]
    assert [(each["relation"], each["id"]) for each in parts] == [("site", POOL)]
    again = await operator.call("PUT", FILE, json={"service": "Sports"})
    assert again.json()["above"] == []


async def test_it_is_found_by_its_service_and_tags_after_its_feed_named_it_again(
    services: Services, operator: Visitor
) -> None:
    await a_pool(services)
    tagged = {"service": "Sports", "tags": {"contrat": "Énergie-7"}}
    await operator.call("PUT", FILE, json=tagged)
    await services.store.entities.upsert([Entity(id=POOL, type="Device", name="Bassin renommé")])
    for words in ("sports", "contrat=energie-7", "renomme"):
        found = (await operator.call("GET", "/api/v1/entities", params={"q": words})).json()
        assert [each["id"] for each in found["items"]] == [POOL], words


async def test_what_cannot_be_is_refused(services: Services, operator: Visitor) -> None:
    await a_pool(services)
    for wrong, field in (
        ({"relations": {"site": "urn:ngsi-ld:Building:nowhere"}}, "relations"),
        ({"relations": {"site": POOL}}, "relations"),
        ({"relations": {"": SITE}}, "relations"),
        ({"tags": {"a b": "x"}}, "tags"),
    ):
        answer = await operator.call("PUT", FILE, json=wrong)
        assert (answer.status_code, answer.json()["values"]["field"]) == (400, field), answer.text
    many = {f"t{number}": "x" for number in range(31)}
    assert (await operator.call("PUT", FILE, json={"tags": many})).status_code in {400, 422}
    missing = await operator.call("GET", "/api/v1/entities/urn:ngsi-ld:Device:none/file")
    assert missing.status_code == 404


async def test_things_that_are_part_of_each_other_do_not_turn_for_ever(
    services: Services, operator: Visitor
) -> None:
    await a_pool(services)
    loop = Entity(id=COMMUNE, type="City", relations={"loop": POOL})
    await services.store.entities.upsert([loop])
    await operator.call("PUT", FILE, json={"relations": {"site": SITE}})
    above = (await operator.call("GET", FILE)).json()["above"]
    assert [each["id"] for each in above] == [SITE, COMMUNE]
