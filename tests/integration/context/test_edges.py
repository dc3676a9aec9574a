"""What lies at the edges: numbers that few hold, parameters that contradict, pages that are too large."""

import httpx
import pytest
from tests.integration.context.five import kind_of
from tests.integration.context.receiver import Receiver


@pytest.mark.clause("4.5.2")
async def test_numbers_beyond_64_bits(api: httpx.AsyncClient, urn: str, receiver: Receiver) -> None:
    """A number that few languages hold is kept, told and found again, and stands in nobody's way."""
    kind = kind_of(urn)
    subscription = {
        "type": "Subscription",
        "entities": [{"type": kind}],
        "notification": {"endpoint": {"uri": receiver.uri}},
    }
    made = await api.post("/subscriptions", json=subscription)
    body = f'{{"id": "{urn}", "type": "{kind}", "n": 123456789012345678901234567890}}'
    headers = {"content-type": "application/json"}
    assert (await api.post("/entities", content=body, headers=headers)).status_code == 201
    assert (await receiver.next())[1]["data"][0]["n"]["value"] == pytest.approx(1.2345678901e29)
    for path in (f"/entities/{urn}", f"/entities?type={kind}&q=n>1", f"/temporal/entities/{urn}"):
        assert (await api.get(path)).status_code == 200
    assert (await api.get(f"/entities?type={kind}&q=n<1")).json() == []
    endless = body.replace("123456789012345678901234567890", "1e999")
    assert (await api.post("/entities", content=endless, headers=headers)).status_code == 400
    await api.delete(made.headers["location"].removeprefix("/ngsi-ld/v1"))


@pytest.mark.clause("6.3.20")
@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("local=maybe", 400),
        ("count=1", 400),
        ("options=keyValues,concise", 400),
        ("options=keyValues,simplified", 200),
        ("limit=1001", 403),
        ("limit=1000", 200),
    ],
)
async def test_parameters_that_contradict(
    api: httpx.AsyncClient, parameters: str, status: int
) -> None:
    """A flag is true or false, there is one format, and a page is not larger than it may be."""
    assert (await api.get(f"/entities?type=Van&{parameters}")).status_code == status
