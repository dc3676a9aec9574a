"""Signing in, staying, leaving; and what an attacker would try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from tests.integration.web.conftest import Visitor

from clapas.web.application import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from clapas.web.services import Services

PASSWORD = "la-mer-est-calme-42"


async def test_a_person_signs_in_reads_and_leaves(stranger: Visitor) -> None:
    assert (await stranger.call("GET", "/api/v1/ledger")).status_code == 401
    answer = await stranger.sign_in("Operatrice")
    assert answer.status_code == 200
    assert answer.json()["roles"] == ["operator"]
    cookie = answer.headers.get_list("set-cookie")[0]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await stranger.call("GET", "/api/v1/me")).json()["kind"] == "user"
    assert (await stranger.call("GET", "/api/v1/ledger")).status_code == 200
    assert (await stranger.call("DELETE", "/api/v1/session")).status_code == 204
    assert (await stranger.call("GET", "/api/v1/me")).json()["kind"] == "anonymous"


async def test_the_one_time_link_opens_once_and_a_password_is_chosen(
    services: Services, stranger: Visitor
) -> None:
    token = await services.identity.accounts.one_time("lecteur")
    body = {"token": token}
    entered = await stranger.call("POST", "/api/v1/session/one-time", json=body)
    assert entered.status_code == 200
    assert entered.json()["must_set_password"] is True
    again = await stranger.call("POST", "/api/v1/session/one-time", json=body)
    assert (again.status_code, again.json()["code"]) == (401, "link_spent")
    chosen = {"password": "une-phrase-assez-longue"}
    assert (await stranger.call("PUT", "/api/v1/me/password", json=chosen)).status_code == 204
    stranger.client.cookies.clear()
    assert (await stranger.sign_in("lecteur", chosen["password"])).status_code == 200


async def test_a_password_is_changed_only_with_the_present_one_and_ends_other_sessions(
    reader: Visitor, stranger: Visitor
) -> None:
    assert (await stranger.sign_in("lecteur")).status_code == 200
    new = {"password": "une-phrase-assez-longue"}
    refused = await reader.call("PUT", "/api/v1/me/password", json=new)
    assert refused.status_code == 401
    weak = {"password": "court", "current": PASSWORD}
    refused = await reader.call("PUT", "/api/v1/me/password", json=weak)
    assert (refused.status_code, refused.json()["code"]) == (400, "weak_password")
    done = await reader.call("PUT", "/api/v1/me/password", json={**new, "current": PASSWORD})
    assert done.status_code == 204
    assert (await reader.call("GET", "/api/v1/me")).json()["kind"] == "user"
    assert (await stranger.call("GET", "/api/v1/me")).json()["kind"] == "anonymous"


async def test_over_https_cookies_and_pages_stay_there(services: Services, page: Path) -> None:
    object.__setattr__(services, "settings", msgspec.structs.replace(services.settings, https=True))
    transport = httpx.ASGITransport(app=create_app(services, static=page))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://clapas.test") as client:
        answer = await Visitor(client).sign_in("lecteur")
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        assert all("Secure" in each for each in cookies)
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


async def test_a_planted_session_is_never_taken_up(services: Services, stranger: Visitor) -> None:
    stranger.client.cookies.set("clapas_session", "x" * 43, domain="clapas.test")
    answer = await stranger.sign_in("lecteur")
    assert answer.status_code == 200
    assert answer.cookies["clapas_session"] != "x" * 43


async def test_signing_in_again_ends_the_session_before(stranger: Visitor) -> None:
    await stranger.sign_in("lecteur")
    first = stranger.client.cookies["clapas_session"]
    await stranger.sign_in("lecteur")
    stranger.client.cookies.clear()
    stranger.client.cookies.set("clapas_session", first, domain="clapas.test")
    assert (await stranger.call("GET", "/api/v1/me")).json()["kind"] == "anonymous"


async def test_a_change_without_the_csrf_value_is_refused(operator: Visitor) -> None:
    body = {"key": "compteur-1"}
    for headers in (
        {"X-Clapas-CSRF": ""},
        {"X-Clapas-CSRF": "ab" * 32},
        {"X-Clapas-CSRF": "not hex"},
    ):
        answer = await operator.call("POST", "/api/v1/devices", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused")
    cross = await operator.call(
        "POST", "/api/v1/devices", json=body, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert cross.json()["code"] == "csrf_refused"
    assert (await operator.call("POST", "/api/v1/devices", json=body)).status_code == 201


async def test_another_site_cannot_sign_somebody_in(stranger: Visitor) -> None:
    body = {"login": "lecteur", "password": PASSWORD}
    headers = {"Origin": "https://elsewhere.example"}
    answer = await stranger.call("POST", "/api/v1/session", json=body, headers=headers)
    assert answer.json()["code"] == "csrf_refused"


async def test_brute_force_is_locked_out_whether_the_login_exists_or_not(
    stranger: Visitor,
) -> None:
    for login in ("lecteur", "nobody-of-that-name"):
        answers = [await stranger.sign_in(login, "faux-mot-de-passe") for _ in range(5)]
        assert {each.json()["code"] for each in answers} == {"sign_in_failed"}
        locked = await stranger.sign_in(login)
        assert (locked.status_code, locked.json()["code"]) == (429, "locked_out")
        assert int(locked.headers["retry-after"]) > 0
    assert (await stranger.sign_in("operatrice")).status_code == 200


async def test_nobody_closes_the_session_of_another(
    services: Services, operator: Visitor, reader: Visitor
) -> None:
    (session,) = (await operator.call("GET", "/api/v1/me/sessions")).json()
    answer = await reader.call("DELETE", f"/api/v1/me/sessions/{session['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await operator.call("GET", "/api/v1/me")).json()["kind"] == "user"


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_a_wrong_key_is_refused_and_never_taken_for_nobody(
    stranger: Visitor, header: str
) -> None:
    value = "clp_abcdefgh_" + "0" * 43
    headers = {header: f"Bearer {value}" if header == "Authorization" else value}
    answer = await stranger.call("GET", "/api/v1/platform", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_no_secret_is_kept_in_clear(services: Services, stranger: Visitor) -> None:
    answer: httpx.Response = await stranger.sign_in("lecteur")
    token = answer.cookies["clapas_session"]
    async with services.store.postgres.pool.connection() as connection:
        for table in ("account", "session", "one_time", "service_key", "device_credential"):
            cursor = await connection.execute(f"TABLE {table}".encode())
            kept = repr(await cursor.fetchall())
            assert token not in kept
            assert PASSWORD not in kept
