"""A service is merged, split, renamed on a day: what that gives and takes is told before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.integration.governance.conftest import person
from tests.integration.web.conftest import _signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

TODAY = datetime.now(UTC).date()


async def test_a_merge_is_tried_agreed_by_another_and_applied_on_its_day(
    services: Services, water: list[int], operator: Visitor, page: Path
) -> None:
    await person(services, "jardinier", "reader", service="espaces-verts")
    await person(services, "arbres", "reader", service="arbres")
    await person(services, "autre", "operator", service="informatique")
    plan = {
        "kind": "merge",
        "at": TODAY.isoformat(),
        "deliberation": "2026-200",
        "moves": [
            {"service": "espaces-verts", "into": "nature"},
            {"service": "arbres", "into": "nature"},
        ],
    }
    effect = (await operator.call("POST", "/api/v1/reorganisations/dry-run", json=plan)).json()
    assert {(e["id"], e["after"]) for e in effect["moved"]} == {
        ("parcs", "nature"),
        ("jardinier", "nature"),
        ("arbres", "nature"),
    }
    assert {(each["name"], each["dataset"]) for each in effect["gained"]} == {("arbres", "parcs")}
    assert effect["lost"] == []
    wrong = {**plan, "kind": "split"}
    assert (await operator.call("POST", "/api/v1/reorganisations", json=wrong)).status_code == 400
    made = (await operator.call("POST", "/api/v1/reorganisations", json=plan)).json()["id"]
    agree = f"/api/v1/reorganisations/{made}/approve"
    assert (await operator.call("POST", agree)).status_code == 409, "one's own plan"
    async with _signed_in(services, page, "autre") as other:
        assert (await other.call("POST", agree)).status_code == 204
    record = services.charter.record("parcs")
    assert record is not None
    assert (record.owner, record.version) == ("nature", 2)
    async with _signed_in(services, page, "arbres") as agent:
        me = (await agent.call("GET", "/api/v1/me")).json()
        assert me["service"] == "nature"
        why = (await agent.call("GET", "/api/v1/charter/why?dataset=parcs")).json()
        assert why["allow"]
    rows = (await operator.call("GET", "/api/v1/reorganisations")).json()
    assert rows[0]["state"] == "applied"


async def test_what_a_split_forgets_is_an_orphan_and_waits_for_its_day(
    services: Services, water: list[int], operator: Visitor, page: Path
) -> None:
    await person(services, "fontaine", "reader", service="eau")
    await person(services, "egout", "reader", service="eau")
    await person(services, "autre", "operator")
    plan = {
        "kind": "split",
        "at": (TODAY + timedelta(days=30)).isoformat(),
        "moves": [
            {"service": "eau", "into": "potable", "accounts": ["fontaine"], "datasets": ["eau"]},
            {"service": "eau", "into": "usees", "accounts": ["personne"], "datasets": ["rien"]},
        ],
    }
    effect = (await operator.call("POST", "/api/v1/reorganisations/dry-run", json=plan)).json()
    orphans = {(each["kind"], each["id"]) for each in effect["orphans"]}
    assert ("account", "egout") in orphans
    made = (await operator.call("POST", "/api/v1/reorganisations", json=plan)).json()["id"]
    async with _signed_in(services, page, "autre") as other:
        assert (
            await other.call("POST", f"/api/v1/reorganisations/{made}/approve")
        ).status_code == 204
    record = services.charter.record("eau")
    assert record is not None
    assert record.owner == "eau", "its day has not come"
    assert (await operator.call("DELETE", f"/api/v1/reorganisations/{made}")).status_code == 204


async def test_a_merge_carries_the_organisations_of_accounts(
    services: Services, water: list[int], operator: Visitor, page: Path
) -> None:
    await person(services, "autre", "operator", service="informatique")
    invited = {"login": "ana", "roles": ["reader"], "organisation": "sivom"}
    refused = await operator.call("POST", "/api/v1/accounts", json=invited)
    assert (refused.status_code, refused.json()["values"]) == (400, {"field": "organisation"})
    for name, code in (("sivom", "1"), ("syndicat", "2")):
        body = {"id": name, "name": name.title(), "kind": "partner", "code": code}
        kept = await operator.call("PUT", f"/api/v1/organisations/{name}", json=body)
        assert kept.status_code == 200, kept.text
    assert (await operator.call("POST", "/api/v1/accounts", json=invited)).status_code == 201
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await services.store.postgres.run("DELETE FROM organisation WHERE id = 'sivom'")
    wild = {"name": "Carte", "organisation": "inconnue"}
    refused = await operator.call("POST", "/api/v1/applications", json=wild)
    assert (refused.status_code, refused.json()["values"]) == (400, {"field": "organisation"})
    program = {"name": "Carte", "organisation": "syndicat"}
    assert (await operator.call("POST", "/api/v1/applications", json=program)).status_code == 201
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await services.store.postgres.run("DELETE FROM organisation WHERE id = 'syndicat'")
    plan = {
        "kind": "merge",
        "at": TODAY.isoformat(),
        "deliberation": "2026-201",
        "moves": [
            {"service": "sivom", "into": "union"},
            {"service": "syndicat", "into": "union"},
        ],
    }
    effect = (await operator.call("POST", "/api/v1/reorganisations/dry-run", json=plan)).json()
    assert [(e["kind"], e["name"] or e["id"], e["after"]) for e in effect["moved"]] == [
        ("member", "ana", "union"),
        ("application", "Carte", "union"),
    ]
    assert "application" not in {each["kind"] for each in effect["orphans"]}
    made = (await operator.call("POST", "/api/v1/reorganisations", json=plan)).json()["id"]
    async with _signed_in(services, page, "autre") as other:
        agree = f"/api/v1/reorganisations/{made}/approve"
        assert (await other.call("POST", agree)).status_code == 204
    known = {e["id"]: e for e in (await operator.call("GET", "/api/v1/organisations")).json()}
    assert (known["union"]["kind"], known["union"]["ended"]) == ("partner", None)
    assert known["sivom"]["ended"] == known["syndicat"]["ended"] == TODAY.isoformat()
    account = await services.identity.accounts.of_login("ana")
    assert account is not None
    assert account.organisation == "union"
    program = (await operator.call("GET", "/api/v1/applications")).json()["items"][0]
    assert (program["name"], program["organisation"]) == ("Carte", "union")


async def test_programs_that_a_split_forgets_are_orphans_with_their_keys(
    services: Services, water: list[int], operator: Visitor
) -> None:
    """An application stays with a service that ends; so does the key of somebody who goes nowhere."""
    body = {"id": "eau", "name": "Eau", "kind": "direction"}
    assert (await operator.call("PUT", "/api/v1/organisations/eau", json=body)).status_code == 200
    program = {"name": "Télérelève", "organisation": "eau"}
    made = (await operator.call("POST", "/api/v1/applications", json=program)).json()
    given = await operator.call("POST", f"/api/v1/applications/{made['id']}/keys")
    assert given.status_code == 201, given.text
    await person(services, "egout", "reader", service="eau")
    forgotten = await services.identity.accounts.of_login("egout")
    assert forgotten is not None
    await services.identity.keys.create(name="Pompe", owner=forgotten.id, scopes=["read:entity"])
    plan = {
        "kind": "split",
        "at": TODAY.isoformat(),
        "moves": [
            {"service": "eau", "into": "potable", "accounts": ["x"], "datasets": ["eau"]},
            {"service": "eau", "into": "usees", "accounts": ["y"], "datasets": ["rien"]},
        ],
    }
    effect = (await operator.call("POST", "/api/v1/reorganisations/dry-run", json=plan)).json()
    orphans = {(each["kind"], each["name"] or each["id"]) for each in effect["orphans"]}
    assert {("application", "Télérelève"), ("key", "Pompe"), ("account", "egout")} <= orphans
    assert len([each for each in effect["orphans"] if each["kind"] == "key"]) == 2
    whole = {**plan, "kind": "rename", "moves": [{"service": "eau", "into": "cycle"}]}
    effect = (await operator.call("POST", "/api/v1/reorganisations/dry-run", json=whole)).json()
    assert [each for each in effect["orphans"] if each["kind"] in {"application", "key"}] == []
    assert ("application", "cycle") in {(e["kind"], e["after"]) for e in effect["moved"]}
