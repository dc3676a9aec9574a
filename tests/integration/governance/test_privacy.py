"""Persons' rights over real engines: retention with proof, consent, objection, access, erasure, the vault."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.integration.governance.conftest import WATER, meter, person
from tests.integration.web.conftest import _signed_in

from clapas.charter import Exit, Reading
from clapas.domain.access import Principal, RowFilter
from clapas.domain.dataset import Publication, Purpose
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.window import Window
from clapas.governance import apply_retention
from clapas.governance.tasks import TASKS
from clapas.jobs import Worker
from clapas.pipeline.replay import replay
from clapas.store.errors import RawExpired
from clapas.store.values import StateRow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

ALL = RowFilter(everything=True)


async def values(services: Services, number: int) -> int:
    now = datetime.now(UTC)
    found = await services.store.history.read(
        ALL, [number], window=Window(start=now - timedelta(days=90), end=now), step="raw"
    )
    return sum(len(each.times) for each in found)


async def test_retention_follows_the_record_and_leaves_a_proof_and_a_trace(
    services: Services, water: list[int], operator: Visitor, dpo: Visitor
) -> None:
    before = await values(services, water[0])
    now = datetime.now(UTC)
    deleted = await apply_retention(services.store, [WATER], now=now)
    assert deleted["eau/observation"] > 0
    assert deleted["eau/raw"] > deleted["eau/observation"], (
        "frames go after a week, values after a month"
    )
    assert await values(services, water[0]) < before
    assert await apply_retention(services.store, [WATER], now=now) == {}, "safe to repeat"
    proofs = (await dpo.call("GET", "/api/v1/privacy/proofs?dataset=eau")).json()
    assert {each["kept"]: each["rows"] for each in proofs}["raw"] == deleted["eau/raw"]
    assert all(len(each["digest"]) == 64 for each in proofs)
    with pytest.raises(Exception, match="append-only"):
        await services.store.postgres.run("DELETE FROM deletion_proof")
    # a value that stays, whose frame is gone: hash, radio data and codec still show where it is from
    when = int((now - timedelta(days=20)).replace(minute=0, second=0, microsecond=0).timestamp())
    record = msgspec.structs.replace(
        WATER, version=2, purposes=(), classification="restreint", subjects=()
    )
    assert services.keeper is not None
    await services.keeper.put(record, author="dpo")
    path = f"/api/v1/observations/{water[0]}/{when * 1000}/provenance"
    told = (await operator.call("GET", path)).json()
    assert told["frame"] is None
    assert len(told["gone"]["sha256"]) == 64
    assert "-100" in told["gone"]["radio"]
    assert told["gone"]["codec"] == 3
    assert told["gone"]["deleted"] > 0


async def test_replay_says_from_when_it_can_start(services: Services, water: list[int]) -> None:
    now = datetime.now(UTC)
    await apply_retention(services.store, [WATER], now=now)

    class Ports:
        store = services.store

    with pytest.raises(RawExpired) as refused:
        async for _ in replay(Ports(), Window(start=now - timedelta(days=30), end=now)):  # type: ignore[arg-type]
            pass
    start = refused.value.values["start"]
    assert now - timedelta(days=9) < datetime.fromtimestamp(start / 1000, UTC) < now


async def test_a_purpose_with_consent_gives_only_those_who_gave_it(
    services: Services, water: list[int], dpo: Visitor
) -> None:
    agent = Principal(kind="user", id="a", service="eau", purposes=frozenset({"conseil"}), mfa=True)
    now = datetime.now(UTC)
    asked = Reading(window=Window(start=now - timedelta(days=5), end=now), step="hour")

    async def given(purpose: str) -> set[int]:
        way = Exit(charter=services.charter, principal=agent, purpose=purpose)
        series = list((await services.store.series.by_id(ALL, water)).values())
        return {each.series for each in await way.history(services.store, series, asked=asked)}

    await services.store.rollups.refresh()
    assert await given("conseil") == set()
    body = {
        "subject": "compteur-1",
        "dataset": "eau",
        "purpose": "conseil",
        "evidence": "formulaire 12",
    }
    assert (
        await dpo.call("POST", "/api/v1/consents", json={**body, "evidence": ""})
    ).status_code == 400
    assert (await dpo.call("POST", "/api/v1/consents", json=body)).status_code == 201
    assert await given("conseil") == {water[0]}
    assert (await dpo.call("POST", "/api/v1/consents/withdraw", json=body)).status_code == 204
    assert await given("conseil") == set(), "withdrawn: obeyed by the next call"
    await dpo.call("POST", "/api/v1/consents", json=body)
    against = {"subject": meter(1), "dataset": "eau", "reason": "art. 21"}
    assert (await dpo.call("POST", "/api/v1/objections", json=against)).status_code == 201
    assert await given("conseil") == set(), "an objection wins"


async def test_a_person_is_handed_over_what_is_kept_then_erased(
    services: Services, water: list[int], dpo: Visitor, reader: Visitor
) -> None:
    wanted = {"kind": "access", "subject": "compteur-1", "reference": "courrier 2026-118"}
    assert (await reader.call("POST", "/api/v1/privacy/requests", json=wanted)).status_code == 403
    unknown = {**wanted, "subject": "personne"}
    assert (await dpo.call("POST", "/api/v1/privacy/requests", json=unknown)).status_code == 404
    made = (await dpo.call("POST", "/api/v1/privacy/requests", json=wanted)).json()
    place = f"/api/v1/privacy/requests/{made['id']}/file"
    assert (await dpo.call("GET", place)).status_code == 404, "not ready"
    worker = Worker(services.store, TASKS)
    assert await worker.step()
    body = (await dpo.call("GET", place)).content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        told = msgspec.json.decode(archive.read("subject.json"))
        lines = archive.read("values.csv").decode().splitlines()
    assert told["devices"][0]["key"] == "compteur-1"
    assert len(lines) == 60 * 24 + 1
    assert meter(2) not in archive.namelist()
    assert meter(2) not in "".join(lines)
    other = await values(services, water[1])
    erase = {"kind": "erasure", "subject": "compteur-1", "reference": "courrier 2026-119"}
    made = (await dpo.call("POST", "/api/v1/privacy/requests", json=erase)).json()
    assert await worker.step()
    assert await values(services, water[0]) == 0
    assert await values(services, water[1]) == other, "nobody else loses anything"
    assert await services.store.raw.by_sequences([(1, 10_001)]) == []
    assert await services.store.governance.remains(1, 10_001) is None
    row = next(
        each
        for each in (await dpo.call("GET", "/api/v1/privacy/requests")).json()
        if each["id"] == made["id"]
    )
    assert row["done"]
    assert row["subject"] == "", "whom it was about is forgotten too"
    proofs = (await dpo.call("GET", "/api/v1/privacy/proofs")).json()
    proof = services.identity.subject_proof("compteur-1").hex()
    assert any(each["subject"] == proof and each["kept"] == "observation" for each in proofs)


async def test_the_vault_opens_to_its_guardian_alone_and_the_trail_says_so(
    services: Services, water: list[int], operator: Visitor, page: Path
) -> None:
    assert (
        await operator.call("GET", "/api/v1/vault/compteur-1?reason=curiosite")
    ).status_code == 403
    await person(services, "gardienne", "guardian")
    async with _signed_in(services, page, "gardienne") as guardian:
        answer = await guardian.call("PUT", "/api/v1/vault/compteur-1", json={"identity": "x"})
        assert answer.status_code == 403, "a second factor is demanded"
        found = await services.identity.sessions.find(guardian.client.cookies["clapas_session"])
        assert found is not None
        await services.store.postgres.run(
            "UPDATE session SET mfa = true WHERE id = %(id)s", id=found.id
        )
        services.identity.sessions.forget()
        answer = await guardian.call(
            "PUT", "/api/v1/vault/compteur-1", json={"identity": "Mme Roux"}
        )
        assert answer.status_code == 204, answer.text
        answer = await guardian.call("GET", "/api/v1/vault/compteur-1?reason=fuite cette nuit")
        assert answer.json() == {"identity": "Mme Roux"}
    assert services.audit is not None
    await services.audit.flush()
    events = [each.event.decode() for each in await services.store.audit.latest(limit=100)]
    assert any("fuite cette nuit" in each for each in events)
    assert not any("Roux" in each for each in events), "never a value"
    row = await services.store.governance.person("compteur-1")
    assert row is not None
    assert b"Roux" not in row


async def test_the_yearly_report_is_written_from_what_is_there(
    services: Services, water: list[int], dpo: Visitor
) -> None:
    year = datetime.now(UTC).year
    told = (await dpo.call("GET", f"/api/v1/charter/report/{year}")).json()
    assert told["datasets"]["personnel"] == 1
    checks = {each["name"]: each["kept"] for each in told["checks"]}
    assert checks["the_trail_is_whole"]
    assert checks["every_record_is_valid"]


async def test_figures_over_several_persons_leave_out_those_who_object_or_did_not_consent(
    services: Services, water: list[int], dpo: Visitor, stranger: Visitor
) -> None:
    while await services.store.rollups.refresh(force=True):
        pass
    await person(services, "agent", "reader", service="eau", purposes=["fuite", "conseil"])
    agent = await services.identity.accounts.of_login("agent")
    assert agent is not None
    opened = await services.identity.sessions.open(agent, address="", agent="", mfa=True)
    stranger.client.cookies.set("clapas_session", opened.token)
    day = datetime.now(UTC).date()
    asked = f"quantity=water_volume&measure=range&from={day - timedelta(days=5)}&to={day}"

    async def counted(purpose: str = "fuite") -> set[int]:
        answer = await stranger.call(
            "GET",
            f"/api/v1/datasets/eau/figures?{asked}",
            headers={"X-Clapas-Purpose": purpose},
        )
        assert answer.status_code == 200, answer.text
        return {each["subjects"] for each in answer.json()["figures"]}

    assert await counted() == {2}
    against = {"subject": "compteur-1", "dataset": "eau", "reason": "art. 21"}
    assert (await dpo.call("POST", "/api/v1/objections", json=against)).status_code == 201
    assert await counted() == {1}
    assert await counted("conseil") == set(), "this purpose counts those who consented to it"
    said = {"subject": "compteur-2", "dataset": "eau", "purpose": "conseil", "evidence": "courrier"}
    assert (await dpo.call("POST", "/api/v1/consents", json=said)).status_code == 201
    assert await counted("conseil") == {1}
    assert services.keeper is not None
    by_type = msgspec.structs.replace(WATER, version=2, publication=Publication(by="type"))
    await services.keeper.put(by_type, author="dpo")
    answer = await stranger.call(
        "GET", f"/api/v1/datasets/eau/figures?{asked}", headers={"X-Clapas-Purpose": "fuite"}
    )
    assert {each["commune"] for each in answer.json()["figures"]} == {"WaterMeter"}


async def test_trades_figures_leave_out_those_who_object_and_are_in_the_trail(
    services: Services, water: list[int], dpo: Visitor, stranger: Visitor
) -> None:
    assert services.keeper is not None
    fine = msgspec.structs.replace(
        WATER, version=2, purposes=(Purpose(name="fuite", legal_basis="6.1.e"),)
    )
    await services.keeper.put(fine, author="dpo")
    homes = [f"urn:ngsi-ld:WaterConsumptionObserved:{n}" for n in (1, 2)]
    await services.store.entities.upsert(
        [Entity(id=each, type="WaterConsumptionObserved", dataset="eau") for each in homes]
    )
    known = await services.store.series.ensure(
        [SeriesKey(each, "leak", "water_leak") for each in homes]
    )
    now = int(datetime.now(UTC).timestamp() * 1000)
    await services.store.state.upsert(
        [StateRow(each.id, key.entity, key.attribute, 1.0, now, now) for key, each in known.items()]
    )
    await person(services, "agent", "reader", service="eau", purposes=["fuite"])
    agent = await services.identity.accounts.of_login("agent")
    assert agent is not None
    opened = await services.identity.sessions.open(agent, address="", agent="", mfa=True)
    stranger.client.cookies.set("clapas_session", opened.token)

    async def counted(**headers: str) -> list[str]:
        answer = await stranger.call("GET", "/api/v1/trades/water/figures?days=1", headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["entity"] for each in answer.json()["items"]]

    leak = {"X-Clapas-Purpose": "fuite"}
    assert await counted() == [], "personal data is given for a declared purpose alone"
    assert await counted(**leak) == homes
    against = {"subject": homes[0], "dataset": "eau", "reason": "art. 21"}
    assert (await dpo.call("POST", "/api/v1/objections", json=against)).status_code == 201
    assert await counted(**leak) == homes[1:]
    assert services.audit is not None
    await services.audit.flush()
    events = [msgspec.json.decode(row.event) for row in await services.store.audit.latest(limit=50)]
    read = [each["scope"]["entities"] for each in events if each.get("purpose") == "fuite"]
    assert sorted(read) == [1, 2], "how many were read, and for what"
    await services.keeper.put(
        msgspec.structs.replace(WATER, version=3, purposes=WATER.purposes[:1]), author="dpo"
    )
    assert await counted(**leak) == [], "figures are made of what may be given as it is"
