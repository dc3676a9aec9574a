"""The security file says what the installation is, and names no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clapas.governance.homologation import bill_of_materials, clauses, document, facts
from clapas.governance.reorganise import all_accounts
from clapas.store.identity import IdentityStore

if TYPE_CHECKING:
    from clapas.web.services import Services


async def test_the_file_tells_accounts_keys_data_and_the_head_of_the_trail(
    services: Services, water: list[int]
) -> None:
    owner = await services.identity.accounts.of_login("operatrice")
    assert owner is not None
    key = await services.identity.keys.create(name="k", owner=owner.id, scopes=["read"])
    identity = IdentityStore(services.store.postgres)
    found = await facts(
        services.store,
        services.charter,
        accounts=await all_accounts(identity),
        keys=await identity.keys(limit=100),
        second_factor=0,
        settings={"web.https": True},
    )
    assert (found.enabled, found.keys, found.keys_unused) == (2, 1, 1)
    assert found.datasets == {"personnel": 1, "restreint": 1}
    assert found.audit_whole
    text = document(found)
    for part in ("Architecture", "Flux", "Cryptographie", "Risques résiduels", found.audit_head):
        assert part in text
    assert key.secret not in text
    assert "Réversibilité" in clauses()
    bill = bill_of_materials()
    names = {each["name"].lower() for each in bill["components"]}
    assert {"cedarpy", "litestar", "joserfc"} <= names
    assert json.dumps(bill)
