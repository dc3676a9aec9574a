"""A forgotten password, from the page's question to the mail and back: the link is read from a real mail."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from email import message_from_string, policy
from functools import partial
from typing import TYPE_CHECKING

from tests.unit.notify.test_channels import catch

from clapas.notify.channels import Mail
from clapas.notify.dispatch import Dispatcher
from clapas.notify.settings import Settings
from clapas.store.notify import Notices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.web.conftest import Visitor

    from clapas.web.services import Services

ADDRESS = "lectrice@chez-elle.example"
NEW = "le-vent-se-leve-1871"


@asynccontextmanager
async def mail_server(lines: list[str]) -> AsyncIterator[Settings]:
    """A mail server that keeps what it is told."""
    server = await asyncio.start_server(partial(catch, lines), "127.0.0.1", 0)
    async with server:
        yield Settings(
            smtp_host="127.0.0.1",
            smtp_port=server.sockets[0].getsockname()[1],
            smtp_tls=False,
            mail_from="clapas@ville.example",
            public_url="https://clapas.ville.example",
        )


def link_of(lines: list[str]) -> str:
    """The token of the link that the mail brings."""
    start = [each.upper() for each in lines].index("DATA") + 1
    mail = message_from_string(
        "\n".join(lines[start : lines.index(".", start)]), policy=policy.default
    )
    assert mail["To"] == ADDRESS
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(r"https://clapas\.ville\.example/entrer\?jeton=(\S+)", body.get_content())
    assert found is not None
    return found[1]


async def test_a_forgotten_password_is_chosen_again_by_the_link_of_a_mail(
    services: Services, reader: Visitor, stranger: Visitor
) -> None:
    body = {"address": ADDRESS, "current": "not the password"}
    assert (await reader.call("PUT", "/api/v1/me/recovery", json=body)).status_code == 401
    body = {"address": ADDRESS, "current": "la-mer-est-calme-42"}
    assert (await reader.call("PUT", "/api/v1/me/recovery", json=body)).status_code == 204

    for login in ("personne", "operatrice", "lecteur"):
        asked = await stranger.call("POST", "/api/v1/session/recover", json={"login": login})
        assert (asked.status_code, asked.content) == (202, b"null"), (
            "nobody learns who has an account"
        )

    lines: list[str] = []
    async with mail_server(lines) as settings:
        outbox = Notices(services.store.postgres)
        sent = await Dispatcher(outbox, {"mail": Mail(settings)}, settings=settings).send_due(
            "mail"
        )
    assert sent == 1, "only the one who keeps an address is written to"
    token = link_of(lines)

    entered = await stranger.call("POST", "/api/v1/session/one-time", json={"token": token})
    assert entered.json()["must_set_password"] is True
    chosen = await stranger.call("PUT", "/api/v1/me/password", json={"password": NEW})
    assert chosen.status_code == 204, chosen.text
    again = await stranger.call("POST", "/api/v1/session/one-time", json={"token": token})
    assert again.status_code == 401, "a link serves once"
    assert (await reader.call("GET", "/api/v1/me/recovery")).status_code == 401, "others are out"
    assert (await stranger.sign_in("lecteur")).status_code == 401, "the old password is over"
    assert (await stranger.sign_in("lecteur", NEW)).status_code == 200
