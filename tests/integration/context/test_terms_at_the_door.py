"""The conditions of datasets at the NGSI-LD door: what may not be given whole and at once is not given there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from clapas.api_gateway import ApiGateway
from clapas.charter import Charter
from clapas.context.routes import open_door
from clapas.context.settings import Settings
from clapas.domain.dataset import DatasetRecord
from clapas.domain.device import Entity
from clapas.identity import Identity
from clapas.store import Store
from clapas.store.api_gateway import ApiGatewayStore, ApplicationRow
from clapas.store.identity import IdentityStore

Read = Callable[..., Awaitable[tuple[int, int, int]]]
WEEK = timedelta(days=7)


@pytest.fixture
async def partner(store: Store) -> AsyncIterator[Read]:
    """What a partner's key sees of a car park: statuses of a retrieval and of its evolution, how many a query finds."""
    mark = uuid4().hex[:8]
    record = DatasetRecord(
        id=f"parkings-{mark}", title="Parkings", owner="mobilité", classification="restreint"
    )
    park = Entity(id=f"urn:ngsi-ld:OffStreetParking:{mark}", type=f"P{mark}", dataset=record.id)
    await store.entities.upsert([park])
    charter = Charter.standard()
    identity = Identity(
        IdentityStore(store.postgres),
        pepper=b"p" * 32,
        allowed=lambda *asked: charter.decide(*asked).allow,
    )
    owner = await identity.accounts.add(
        login=f"partner-{mark}", roles=("operator",), password="la-mer-est-calme-42"
    )
    gateway = ApiGateway(ApiGatewayStore(store.postgres), identity.keys, charter=charter)

    async def key(owner: UUID, **plan: Any) -> str:
        charter.adopt(records=[record])
        row = ApplicationRow(id=uuid4(), name="Horizon", owner=owner, plan="partenaire", **plan)
        made = await gateway.create(row)
        wish = await gateway.subscribe(
            made, record.id, purpose="show free places in town", expires=datetime.now(UTC) + WEEK
        )
        await gateway.decide(wish.id, state="approved", by="owner")
        return (await gateway.key(made, owner=owner)).secret

    async with open_door(store, identity, charter=charter, settings=Settings()) as door:
        transport = httpx.ASGITransport(app=door)
        base = "http://broker.test/ngsi-ld/v1"

        async def read(terms: dict[str, Any] | None = None, **plan: Any) -> tuple[int, int, int]:
            secret = await key(owner.id, **plan)
            charter.adopt(records=[msgspec.structs.replace(record, **(terms or {}))])
            headers = {"Authorization": f"Bearer {secret}"}
            async with httpx.AsyncClient(
                transport=transport, base_url=base, headers=headers
            ) as client:
                one = await client.get(f"/entities/{park.id}")
                past = await client.get(f"/temporal/entities/{park.id}")
                found = await client.get("/entities", params={"type": park.type})
                return one.status_code, past.status_code, len(found.json())

        yield read


async def test_a_partner_reads_what_the_plan_gives(partner: Read) -> None:
    """Without a condition, the partner reads the entity and its evolution."""
    assert await partner() == (200, 200, 1)


@pytest.mark.parametrize(
    "plan", [{"delay": 3600}, {"attributes": ["occupancy"]}, {"decimals": 0}], ids=str
)
async def test_a_plan_with_a_condition(partner: Read, plan: dict[str, Any]) -> None:
    """A plan that delays, chooses attributes or rounds gives nothing where it cannot be applied."""
    assert await partner(**plan) == (404, 404, 0)


@pytest.mark.parametrize(
    "terms", [{"min_step": 900}, {"masked": frozenset({"owner"})}], ids=["step", "mask"]
)
async def test_a_record_with_a_condition(partner: Read, terms: dict[str, Any]) -> None:
    """Nor does a record with a least time step or masked attributes."""
    assert await partner(terms) == (404, 404, 0)
