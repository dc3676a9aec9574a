"""A forgotten password: a one-time link to the address that the person keeps for this alone.

The answer is the same whether the login exists or not. The second factor, when there is one, is asked for
again when the link is opened; one who lost both asks an administrator.
"""

from datetime import UTC, datetime

import msgspec
from litestar import get, post, put
from litestar.params import JSONBody

from clapas.domain.errors import InvalidInput
from clapas.domain.window import milliseconds
from clapas.store.identity import AccountRow
from clapas.store.notify import Notice, Notices
from clapas.web.api.session import address_of, own_account, own_site
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

MAIL = "mail"
LINK_S = 3600
SUBJECT = {"fr": "Clapas : nouveau mot de passe", "en": "Clapas: new password"}
BODY = {
    "fr": "Quelqu’un, sans doute vous, a demandé un nouveau mot de passe. Ce lien sert une fois, pendant une heure.",
    "en": "Somebody, probably you, asked for a new password. This link works once, within an hour.",
}


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Whose password."""

    login: str


class RecoveryAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the link goes, '' = nowhere; the present password when it changes."""

    address: str = ""
    current: str = ""


@get(
    "/api/v1/me/recovery",
    tags=["session"],
    opt=asks("read", "account"),
    summary="My address for a forgotten password",
)
async def shown(request: Call) -> RecoveryAddress:
    """One's own address."""
    session = own_account(request)
    kept = services_of(request).identity.federation.store
    return RecoveryAddress(address=await kept.recovery_address(session.account.id))


@put(
    "/api/v1/me/recovery",
    status_code=204,
    tags=["session"],
    opt=asks("write", "account"),
    summary="Choose that address",
)
async def choose(request: Call, data: JSONBody[RecoveryAddress]) -> None:
    """Keep the address; the present password is asked for, since it opens the account."""
    session, identity = own_account(request), services_of(request).identity
    address = data.address.strip()
    if address and (address.count("@") != 1 or len(address) > 200 or not address.isprintable()):
        raise InvalidInput("not a mail address", field="address")
    await identity.accounts.verify(session.account, data.current, address=address_of(request))
    await identity.federation.store.set_recovery_address(session.account.id, address)


@post(
    "/api/v1/session/recover",
    status_code=202,
    tags=["session"],
    opt=asks("write", "session", csrf=False),
    summary="A forgotten password",
)
async def recover(request: Call, data: JSONBody[Forgotten]) -> None:
    """Send a one-time link, if the account keeps an address for it."""
    own_site(request)
    identity, address = services_of(request).identity, address_of(request)
    asked = f"recovery from {address}"
    await identity.accounts.lockout.check(asked, address)
    await identity.accounts.lockout.failed(asked, address)
    account = await identity.accounts.of_login(data.login[:100])
    if account is None or not account.enabled:
        return
    to = await identity.federation.store.recovery_address(account.id)
    if to:
        await _send(request, account, to=to)


async def _send(request: Call, account: AccountRow, *, to: str) -> None:
    services = services_of(request)
    token = await services.identity.accounts.one_time(account.login, seconds=LINK_S)
    now, language = milliseconds(datetime.now(UTC)), account.language
    notice = Notice(
        kind="recovery",
        person=str(account.id),
        channel=MAIL,
        address=to,
        subject=SUBJECT.get(language, SUBJECT["fr"]),
        body=BODY.get(language, BODY["fr"]),
        link=f"/entrer?jeton={token}",
        created=now,
        due=now,
    )
    await Notices(services.store.postgres).add([notice])


HANDLERS = (shown, choose, recover)
