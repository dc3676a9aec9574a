"""Signing in at a real OpenID Connect provider, with ProConnect's traps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from tests.integration.identity.conftest import SECRET, provider, with_settings

from clapas.domain.errors import BadSetting
from clapas.engines.ports import free_port
from clapas.identity import FederationRefused, Settings
from clapas.identity.oidc import OidcProvider

if TYPE_CHECKING:
    from tests.integration.identity.conftest import Browser, Elsewhere

    from clapas.web.services import Services

START = "/api/v1/session/with/ville"
PROCONNECT = "/api/v1/session/with/proconnect"
MFA = ("eidas1-mfa", "eidas2")


def opened(services: Services, elsewhere: Elsewhere, **more: object) -> None:
    """The provider's word opens this platform."""
    rule = provider(elsewhere.issuer, **{"create": True, **more})
    with_settings(services, Settings(providers={"ville": rule}))


async def me(browser: Browser) -> dict[str, object]:
    found: dict[str, object] = (await browser.call("GET", "/api/v1/me")).json()
    return found


async def test_somebody_known_elsewhere_enters_with_the_roles_of_their_groups(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere, roles={"dpo-ville": "dpo", "ops": "operator"})
    await elsewhere.says(groups=["/dpo-ville"])
    assert (await browser.walk(f"{START}?vers=/charte")).status_code == 200
    assert urlsplit(browser.asked[-1]).path == "/charte"
    found = await me(browser)
    assert (found["kind"], found["name"], found["roles"]) == ("user", "Agent de la ville", ["dpo"])
    asked = parse_qs(urlsplit(browser.asked[1]).query)
    assert len(asked["state"][0]) >= 32
    assert len(asked["nonce"][0]) >= 32
    assert asked["code_challenge_method"] == ["S256"]
    await elsewhere.says(groups=[])
    await browser.walk(START)
    assert (await me(browser))["roles"] == ["reader"], "roles follow the groups"


async def test_keycloaks_realm_roles_are_groups(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere, kind="keycloak", roles={"intendance": "steward"})
    await elsewhere.says(realm_access={"roles": ["intendance", "default-roles-ville"]})
    await browser.walk(START)
    assert (await me(browser))["roles"] == ["steward"]


async def test_nobody_enters_uninvited_and_the_page_says_why(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere, create=False)
    await browser.walk(START)
    assert browser.asked[-1] == "/connexion?refus=not_invited&par=ville"
    assert (await me(browser))["kind"] == "anonymous"


async def test_a_verified_address_opens_the_account_whose_login_it_is(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere, create=True, link_email=True)
    await services.identity.accounts.add(login="agent@ville.example", roles=("dpo",))
    await elsewhere.says(email_verified=False)
    await browser.walk(START)
    assert "refus=login_taken" in browser.asked[-1], "an address that nobody verified opens nothing"
    await elsewhere.says(email_verified=True)
    await browser.walk(START)
    assert (await me(browser))["roles"] == ["dpo"]


async def test_proconnect_is_asked_for_nothing_that_it_does_not_know(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    rule = provider(
        elsewhere.issuer, kind="proconnect", client_id="proconnect", create=True, acr=MFA
    )
    with_settings(services, Settings(providers={"proconnect": rule}))
    await elsewhere.says(acr="eidas1-mfa")
    answer = await browser.walk(PROCONNECT)
    assert answer.status_code == 200, answer.text
    found = await me(browser)
    assert found["name"] == "Ana Roux", "read from a userinfo that is a signed JWT"
    asked = parse_qs(urlsplit(browser.asked[1]).query)
    assert "code_challenge" not in asked
    assert "essential" in asked["claims"][0]
    session = await services.identity.sessions.find(browser.client.cookies["clapas_session"])
    assert session is not None
    assert session.mfa, "the level that was demanded counts as two factors"
    assert session.account.service == "", "the trade service is never taken from elsewhere"


@pytest.mark.parametrize(
    ("said", "rule", "reason"),
    [
        ({"acr": "eidas1", "careless": True}, {"acr": MFA}, "acr"),
        ({"siret": "13000000000001"}, {"sirets": ("21340172201787",)}, "organisation"),
        ({"roles": ["agent_prive"]}, {"agent_roles": ("agent_public_territorial",)}, "role"),
    ],
)
async def test_proconnect_does_not_filter_who_enters_so_we_do(
    services: Services,
    elsewhere: Elsewhere,
    browser: Browser,
    said: dict[str, object],
    rule: dict[str, object],
    reason: str,
) -> None:
    given = {"kind": "proconnect", "client_id": "proconnect", "create": True, **rule}
    with_settings(services, Settings(providers={"proconnect": provider(elsewhere.issuer, **given)}))
    await elsewhere.says(**said)
    await browser.walk(PROCONNECT)
    assert browser.asked[-1].startswith(f"/connexion?refus={reason}")
    assert (await me(browser))["kind"] == "anonymous"


async def test_an_answer_is_taken_only_from_the_browser_that_asked(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere)
    first = await browser.client.get(START)
    place = first.headers["location"]
    for _ in range(6):
        answer = await browser.theirs.get(place)
        place = str(answer.url.join(answer.headers["location"]))
        if place.startswith("http://clapas.test"):
            break
    browser.client.cookies.delete("clapas_errand")
    assert "refus=errand" in (await browser.client.get(place)).headers["location"]
    await browser.client.get(START)
    assert "refus=state" in (await browser.client.get(place)).headers["location"]
    stolen = f"{START}?vers=//ailleurs.example"
    await browser.walk(stolen)
    assert browser.asked[-1] == "/", "no open redirect"


async def test_a_provider_that_does_not_answer_is_told_on_the_sign_in_page(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere)
    await browser.walk(START)
    assert (await me(browser))["kind"] == "user"
    door = services.identity.oidc["ville"]
    door.settings = provider(f"http://127.0.0.1:{free_port()}")
    door._metadata_until = 0.0
    place = (await browser.client.get(START)).headers["location"]
    assert place == "/connexion?refus=down&par=ville"
    assert (await me(browser))["kind"] == "user", "whoever is in stays in"
    answer = await browser.call("POST", "/api/v1/session/end")
    assert (answer.status_code, answer.json()["redirect"]) == (200, ""), "it ends here at least"
    assert (await me(browser))["kind"] == "anonymous"


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"aud": "another"}, "claims"),
    ({"aud": ["ville", "another"]}, "audience"),
    ({"iss": "https://another.example"}, "claims"),
    ({"nonce": "another"}, "nonce"),
    ({"nonce": None}, "claims"),
    ({"sub": None}, "claims"),
    ({"exp": None}, "claims"),
    ({"exp": 1_700_000_000}, "clock"),
    ({"iat": 9_000_000_000}, "clock"),
)


@pytest.mark.parametrize(("wrong", "reason"), WRONG, ids=str)
async def test_an_identity_that_is_not_for_us_now_is_refused(
    services: Services, elsewhere: Elsewhere, wrong: dict[str, object], reason: str
) -> None:
    """OpenID Connect Core 1.0 §3.1.3.7: signed by the provider, and still not what was asked for."""
    door = OidcProvider("ville", provider(elsewhere.issuer, algorithms=("RS256", "HS256")))
    _, errand = await door.start(redirect="http://clapas.test/back", back="/")
    now = int(time.time())
    good = {
        "iss": elsewhere.issuer,
        "aud": "ville",
        "sub": "1",
        "nonce": errand.nonce,
        "iat": now,
        "exp": now + 60,
    }
    said = {name: value for name, value in {**good, **wrong}.items() if value is not None}
    token = jwt.encode({"alg": "HS256"}, said, OctKey.import_key(SECRET))
    with pytest.raises(FederationRefused) as refused:
        await door._id_token(token, errand)
    assert refused.value.values["reason"] == reason
    await door._id_token(jwt.encode({"alg": "HS256"}, good, OctKey.import_key(SECRET)), errand)


async def test_signing_out_here_says_where_to_sign_out_there(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere)
    await browser.walk(START)
    answer = (await browser.call("POST", "/api/v1/session/end")).json()
    asked = parse_qs(urlsplit(answer["redirect"]).query)
    assert asked["post_logout_redirect_uri"] == ["http://clapas.test/connexion"]
    assert len(asked["state"][0]) >= 32
    assert asked["id_token_hint"][0].count(".") == 2
    assert (await browser.theirs.get(answer["redirect"])).status_code == 200
    assert (await me(browser))["kind"] == "anonymous"


async def test_the_provider_ends_sessions_and_nobody_else_does(
    services: Services, elsewhere: Elsewhere, browser: Browser
) -> None:
    opened(services, elsewhere)
    await browser.walk(START)
    door = services.identity.oidc["ville"]
    session = await services.identity.sessions.find(browser.client.cookies["clapas_session"])
    assert session is not None
    origin = await services.identity.federation.store.origin(session.id)
    assert origin is not None
    assert origin.sid
    now = int(time.time())
    claims = {
        "iss": elsewhere.issuer,
        "aud": "ville",
        "iat": now,
        "exp": now + 120,
        "jti": "1",
        "sid": origin.sid,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    forged = jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))
    path = f"{START}/logout"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.client.post(path, content=f"logout_token={forged}", headers=form)
    assert answer.status_code == 400
    assert (await me(browser))["kind"] == "user"
    door.settings = provider(elsewhere.issuer, algorithms=("RS256", "HS256"))
    changes: tuple[dict[str, object], ...] = (
        {"nonce": "x"},
        {"iat": now - 600},
        {"events": {}},
        {"aud": "another"},
    )
    for wrong in changes:
        bad = jwt.encode({"alg": "HS256"}, {**claims, **wrong}, OctKey.import_key(SECRET))
        answer = await browser.client.post(path, content=f"logout_token={bad}", headers=form)
        assert answer.status_code == 400, wrong
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))
    answer = await browser.client.post(path, content=f"logout_token={token}", headers=form)
    assert answer.status_code == 200, answer.text
    assert (await me(browser))["kind"] == "anonymous"


async def test_a_token_that_another_key_signed_or_that_is_not_signed_is_refused(
    services: Services, elsewhere: Elsewhere
) -> None:
    door = OidcProvider("ville", provider(elsewhere.issuer))
    claims = {"iss": elsewhere.issuer, "aud": "ville", "sub": "1", "exp": time.time() + 60}
    for header, key in (
        ({"alg": "RS256"}, RSAKey.generate_key(2048)),
        ({"alg": "HS256"}, OctKey.import_key(SECRET)),
    ):
        with pytest.raises(FederationRefused):
            await door.verified(jwt.encode(header, claims, key))
    with pytest.raises(FederationRefused):
        await door.verified("eyJhbGciOiJub25lIn0.e30.")


def test_an_issuer_over_plain_http_is_a_bad_setting() -> None:
    with pytest.raises(BadSetting):
        OidcProvider("x", provider("http://sso.ville.example"))
