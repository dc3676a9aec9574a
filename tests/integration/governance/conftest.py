"""An installation with a water dataset: a record, meters with values and raw frames, people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.integration.web.conftest import (  # noqa: F401
    PASSWORD,
    Visitor,
    _signed_in,
    operator,
    page,
    reader,
    services,
    stranger,
)

from clapas.charter import AuditTrail, CharterKeeper
from clapas.domain.dataset import DAY_S, DatasetRecord, Dpia, Keep, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.message import Observation
from clapas.governance.vault import Vault
from clapas.store.values import RawRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from clapas.web.services import Services

WATER = DatasetRecord(
    id="eau",
    title="Index des compteurs",
    owner="eau",
    steward="intendante",
    deputy="adjoint",
    controller="régie des eaux",
    classification="personnel",
    subjects=("abonnés",),
    purposes=(
        Purpose(name="fuite", legal_basis="6.1.c", min_step=DAY_S),
        Purpose(name="conseil", legal_basis="6.1.a", min_step=3600, consent=True),
    ),
    retention=(
        Keep(step=0, days=7),
        Keep(step=3600, days=30, then="aggregate"),
        Keep(step=DAY_S, days=365),
    ),
    exception="privacy",
    review=date(2099, 1, 1),
    dpia=Dpia(status="done", reference="AIPD-1"),
)
PARKS = DatasetRecord(
    id="parcs",
    title="Parcs",
    owner="espaces-verts",
    steward="jardinière",
    deputy="x",
    controller="ville",
    classification="restreint",
    exception="security",
    review=date(2099, 1, 1),
)


def meter(number: int) -> str:
    return f"urn:ngsi-ld:WaterMeter:{number}"


@pytest.fixture
async def water(services: Services) -> list[int]:  # noqa: F811
    """Two meters with a value every hour of sixty days, and their raw frames."""
    store = services.store
    keeper = CharterKeeper(store.charter, services.charter)
    object.__setattr__(services, "keeper", keeper)
    object.__setattr__(services, "audit", AuditTrail(store.audit))
    object.__setattr__(services, "vault", Vault(store.governance, b"v" * 32))
    for record in (WATER, PARKS):
        await keeper.put(record, author="dpo")
    await store.entities.upsert(
        [
            Entity(
                id=meter(n), type="WaterMeter", name=f"Foyer {n}", dataset="eau", commune="34172"
            )
            for n in (1, 2)
        ]
    )
    keys = [SeriesKey(meter(n), "volume", "water_volume") for n in (1, 2)]
    known = await store.series.ensure(keys)
    numbers = [known[key].id for key in keys]
    for index in (1, 2):
        await store.postgres.run(
            "INSERT INTO device (id, key, dataset, name) VALUES (%(id)s, %(key)s, 'eau', 'chez moi')",
            id=uuid4(),
            key=f"compteur-{index}",
        )
        await store.postgres.run(
            "INSERT INTO binding (device, channel, entity, attribute) "
            "SELECT id, 'index', %(entity)s, 'volume' FROM device WHERE key = %(key)s",
            entity=meter(index),
            key=f"compteur-{index}",
        )
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=60)
    for index, number in enumerate(numbers, 1):
        times = [int((start + timedelta(hours=h)).timestamp() * 1000) for h in range(60 * 24)]
        await store.history.write(
            [
                RawRow(
                    log=1,
                    sequence=index * 10_000 + place,
                    source="native",
                    kind="uplink",
                    device=f"compteur-{index}",
                    model="m",
                    topic="up",
                    received=when,
                    payload=f"index {place}".encode(),
                    radio='[{"gateway":"g1","rssi":-100}]',
                    codec=3,
                )
                for place, when in enumerate(times)
            ],
            [
                Observation(
                    series=number,
                    measured=when,
                    received=when,
                    value=float(place),
                    log=1,
                    sequence=index * 10_000 + place,
                    codec=3,
                )
                for place, when in enumerate(times)
            ],
            outcomes=[],
        )
    return numbers


async def person(services: Services, login: str, role: str, **more: object) -> None:  # noqa: F811
    """An account of some service, with purposes."""
    row = await services.identity.accounts.add(login=login, roles=(role,), password=PASSWORD)
    import msgspec

    await services.identity.accounts.change(msgspec.structs.replace(row, **more))


@pytest.fixture
async def dpo(services: Services, page: Path) -> AsyncIterator[Visitor]:  # noqa: F811
    """The data protection officer, signed in."""
    await person(services, "dpo", "dpo", service="juridique")
    async with _signed_in(services, page, "dpo") as visitor:
        yield visitor
