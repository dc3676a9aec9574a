"""People: the second factor, invited accounts, lent roles; and what each of them may see."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from tests.integration.web.conftest import PEPPER

from clapas.charter import AuditTrail, event_of
from clapas.charter.audit import AuditEvent, Kept, verify
from clapas.commands.account import readmitted
from clapas.domain.access import SYSTEM, Resource
from clapas.domain.errors import InvalidInput, NotFound
from clapas.store.audit import AuditStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

PASSWORD = "la-mer-est-calme-42"


def code(secret: str, *, later: int = 0) -> str:
    """The code that the telephone shows."""
    clock = TOTP(base64.b32decode(secret), 6, SHA1(), 30)  # noqa: S303
    return clock.generate(time.time() + later).decode()


async def test_a_second_factor_is_asked_for_and_each_code_works_once(
    reader: Visitor, stranger: Visitor
) -> None:
    secret = (await reader.call("POST", "/api/v1/me/factor")).json()["secret"]
    wrong = await reader.call("POST", "/api/v1/me/factor/confirm", json={"code": "000000"})
    assert wrong.status_code == 400
    first = code(secret)
    done = await reader.call("POST", "/api/v1/me/factor/confirm", json={"code": first})
    assert done.status_code == 200, done.text
    recovery = done.json()["codes"]
    assert (await reader.call("GET", "/api/v1/me/factor")).json() == {
        "enabled": True,
        "given": True,
    }
    assert (await reader.call("POST", "/api/v1/me/factor")).status_code == 409

    async def enter(totp: str) -> tuple[int, str]:
        body = {"login": "lecteur", "password": PASSWORD, "totp": totp}
        answer = await stranger.call("POST", "/api/v1/session", json=body)
        return answer.status_code, answer.json().get("code", "")

    assert await enter("") == (401, "second_factor_needed")
    assert await enter(first) == (401, "sign_in_failed"), "a code works once"
    assert (await enter(code(secret, later=30)))[0] == 200
    assert (await enter(recovery[0]))[0] == 200
    assert await enter(recovery[0]) == (401, "sign_in_failed"), "a recovery code works once"


async def test_guessing_codes_locks_out_although_the_password_is_right(
    reader: Visitor, stranger: Visitor
) -> None:
    secret = (await reader.call("POST", "/api/v1/me/factor")).json()["secret"]
    await reader.call("POST", "/api/v1/me/factor/confirm", json={"code": code(secret)})
    body = {"login": "lecteur", "password": PASSWORD, "totp": "abcdef"}
    answers = [(await stranger.call("POST", "/api/v1/session", json=body)).json() for _ in range(7)]
    assert answers[-1]["code"] == "locked_out"


async def test_a_role_is_lent_by_somebody_else_and_for_a_time(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    asked = {"role": "operator", "reason": "fuite majeure cette nuit", "seconds": 600}
    made = (await reader.call("POST", "/api/v1/glass", json=asked)).json()["id"]
    assert [each["who"] for each in (await operator.call("GET", "/api/v1/glass")).json()] == [
        "lecteur"
    ], "whoever grants knows to whom"
    assert (await reader.call("GET", "/api/v1/me")).json()["may"] == []
    assert "administer account" in (await operator.call("GET", "/api/v1/me")).json()["may"]
    own = await reader.call("POST", f"/api/v1/glass/{made}/approve")
    assert own.status_code == 403
    assert (await reader.call("GET", "/api/v1/keys")).status_code == 403
    assert (await operator.call("POST", f"/api/v1/glass/{made}/approve")).status_code == 204
    assert (await reader.call("GET", "/api/v1/keys")).status_code == 200
    assert (await operator.call("DELETE", f"/api/v1/glass/{made}")).status_code == 204
    assert (await reader.call("GET", "/api/v1/keys")).status_code == 403
    mine = {**asked, "reason": "je me l'accorde à moi-même"}
    made = (await operator.call("POST", "/api/v1/glass", json=mine)).json()["id"]
    assert (await operator.call("POST", f"/api/v1/glass/{made}/approve")).status_code == 403
    assert services.identity.glass is not None


async def test_an_invited_officer_reads_the_charter_and_the_trail_but_no_key(
    operator: Visitor, stranger: Visitor
) -> None:
    body = {"login": "dpo", "name": "Déléguée", "roles": ["dpo"], "service": "juridique"}
    invited = (await operator.call("POST", "/api/v1/accounts", json=body)).json()
    assert invited["account"]["service"] == "juridique"
    token = invited["link"].partition("jeton=")[2]
    entered = await stranger.call("POST", "/api/v1/session/one-time", json={"token": token})
    assert entered.status_code == 200
    assert (await stranger.call("GET", "/api/v1/charter")).json()["template"] is True
    assert (await stranger.call("GET", "/api/v1/audit")).status_code == 200
    assert (await stranger.call("GET", "/api/v1/audit/verify")).json()["ok"] is True
    assert (await stranger.call("GET", "/api/v1/keys")).status_code == 403
    said = (await stranger.call("GET", "/api/v1/charter/why?kind=key&action=administer")).json()
    assert said["allow"] is False
    assert said["articles"][0]["id"] == "CH-00"


async def test_the_trail_cannot_be_changed(services: Services, operator: Visitor) -> None:
    trail = AuditTrail(services.store.audit)
    for number in range(3):
        trail.note(
            event_of(SYSTEM, "write", resource=Resource(kind="x", id=str(number)), allowed=True)
        )
    await trail.flush()
    assert (await verify(services.store.audit)).events == 3
    for attack in ("UPDATE audit_event SET who = 'x'", "DELETE FROM audit_event"):
        refused = False
        try:
            await services.store.postgres.run(attack)
        except Exception as error:  # noqa: BLE001
            refused = "append-only" in str(error)
        assert refused, attack
    await services.store.postgres.run("ALTER TABLE audit_event DISABLE TRIGGER USER")
    await services.store.postgres.run("UPDATE audit_event SET event = '{}' WHERE seq = 2")
    assert (await verify(AuditStore(services.store.postgres))).broken_at == 2


async def test_a_trail_written_anew_is_not_the_one_that_was_kept(services: Services) -> None:
    def event(number: int) -> AuditEvent:
        thing = Resource(kind="x", id=str(number))
        return event_of(SYSTEM, "write", resource=thing, allowed=True)

    store, trail = services.store.audit, AuditTrail(services.store.audit)
    await trail.keep(event(1))
    kept = Kept.read(f"1:{(await verify(store)).head}")
    await trail.keep(event(2))
    found = await verify(store, kept)
    assert (found.events, found.broken_at, found.rewritten) == (2, None, False)
    await services.store.postgres.run("ALTER TABLE audit_event DISABLE TRIGGER USER")
    await services.store.postgres.run("TRUNCATE audit_event")
    assert (await verify(store, kept)).rewritten
    await trail.keep(event(9))
    assert (await verify(store)).broken_at is None
    assert (await verify(store, kept)).rewritten
    for wrong in ("", "1", "1:ab", "x:" + "0" * 64):
        with pytest.raises(InvalidInput):
            Kept.read(wrong)


async def test_nobody_gives_themselves_a_role(services: Services, operator: Visitor) -> None:
    """Whoever administers may not also guard: another account does (separation of duties)."""
    [me] = [
        a
        for a in (await operator.call("GET", "/api/v1/accounts")).json()["items"]
        if a["login"] == "operatrice"
    ]
    wanted = {
        **{k: me[k] for k in ("login", "name", "organisation", "enabled")},
        "roles": ["operator", "guardian"],
    }
    refused = await operator.call("PUT", f"/api/v1/accounts/{me['id']}", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "own_role")
    again = await operator.call(
        "PUT", f"/api/v1/accounts/{me['id']}", json={**wanted, "roles": me["roles"], "name": "Ana"}
    )
    assert (again.status_code, again.json()["name"]) == (200, "Ana")
    other = {"login": "garde", "name": "Garde", "roles": ["guardian"]}
    assert (await operator.call("POST", "/api/v1/accounts", json=other)).status_code == 201


async def test_whoever_is_locked_out_gets_a_link_on_the_machine_itself(
    services: Services, operator: Visitor, stranger: Visitor, tmp_path: Path
) -> None:
    """The sole administrator lost password and telephone: one command, told in the trail first."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "pepper").write_bytes(PEPPER)
    account = await services.identity.accounts.of_login("operatrice")
    assert account is not None
    await _second_factor(operator)
    guesses = [await stranger.sign_in("operatrice", "pas le bon") for _ in range(6)]
    assert guesses[-1].json()["code"] == "locked_out"
    token = await readmitted(services.store, tmp_path, login="Operatrice")
    services.identity.sessions.forget()
    assert (await operator.call("GET", "/api/v1/keys")).status_code == 401, "its sessions ended"
    assert not await services.identity.factors.works(account.id)
    event = msgspec.json.decode((await services.store.audit.latest(limit=1))[0].event)
    told = event["who"], event["action"], event["what"], event["id"]
    assert told == ("command line", "administer", "account", str(account.id))
    body = {"token": token}
    entered = await stranger.call("POST", "/api/v1/session/one-time", json=body)
    assert entered.json()["user"]["login"] == "operatrice"
    new = {"password": "trois pierres et un figuier"}
    assert (await stranger.call("PUT", "/api/v1/me/password", json=new)).status_code == 204
    again = await stranger.sign_in("operatrice", new["password"])
    assert again.status_code == 200, "the lock-out went with what was lost"
    spent = await stranger.call("POST", "/api/v1/session/one-time", json=body)
    assert spent.json()["code"] == "link_spent"
    with pytest.raises(NotFound):
        await readmitted(services.store, tmp_path, login="personne")


async def test_a_disabled_administrator_is_enabled_on_the_machine_only_when_asked(
    services: Services, tmp_path: Path
) -> None:
    account = await services.identity.accounts.of_login("lecteur")
    assert account is not None
    disabled = msgspec.structs.replace(account, enabled=False)
    await services.identity.accounts.change(disabled)
    with pytest.raises(NotFound, match="--operator"):
        await readmitted(services.store, tmp_path, login="lecteur")
    await readmitted(services.store, tmp_path, login="lecteur", operator=True)
    found = await services.identity.accounts.get(account.id)
    assert (found.enabled, "operator" in found.roles) == (True, True)


async def test_the_last_administrator_stays_one(services: Services, operator: Visitor) -> None:
    account = await services.identity.accounts.of_login("operatrice")
    assert account is not None
    path = f"/api/v1/accounts/{account.id}"
    for wrong in ({"roles": ["reader"]}, {"roles": ["operator"], "enabled": False}):
        assert (await operator.call("PUT", path, json=wrong)).status_code == 409
    other = {"login": "relève", "roles": ["operator"]}
    assert (await operator.call("POST", "/api/v1/accounts", json=other)).status_code == 201
    assert (await operator.call("PUT", path, json={"roles": ["reader"]})).status_code == 200


async def _second_factor(who: Visitor) -> None:
    secret = (await who.call("POST", "/api/v1/me/factor")).json()["secret"]
    done = await who.call("POST", "/api/v1/me/factor/confirm", json={"code": code(secret)})
    assert done.status_code == 200, done.text
