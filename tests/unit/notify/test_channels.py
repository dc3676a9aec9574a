"""The ways out, against a catcher that speaks the protocol; CAP and Atom as their standards say."""

import asyncio
import hashlib
import hmac
from xml.etree import ElementTree as ET

import msgspec
import pytest

from clapas.notify.cap import CAP, Bulletin, atom, cap, fr_alert
from clapas.notify.channels import Mail, Webhook, channels, signature
from clapas.notify.errors import NotDelivered
from clapas.notify.settings import Settings
from clapas.store.notify import Notice

NOTICE = Notice(
    id=7, person="ana", channel="mail", address="ana@example.org", subject="[Majeure] Fuite à Grabels",
    body="Débit élevé", link="/alarmes?alarm=7", created=1_700_000_000_000, due=0,
)  # fmt: skip


async def catch(
    lines: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A mail server that takes everything."""
    writer.write(b"220 catcher\r\n")
    data = False
    while line := await reader.readline():
        text = line.decode().rstrip("\r\n")
        lines.append(text)
        if data and text != ".":
            continue
        answer = {"DATA": b"354 go\r\n", "QUIT": b"221 bye\r\n"}.get(text.upper(), b"250 ok\r\n")
        data = text.upper() == "DATA"
        writer.write(answer)
    writer.close()


async def test_a_mail_arrives_and_a_repeated_one_keeps_its_identity() -> None:
    lines: list[str] = []
    server = await asyncio.start_server(lambda r, w: catch(lines, r, w), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls=False, mail_from="clapas@example.org", public_url="https://clapas.example.org")  # fmt: skip
    await Mail(settings).send(NOTICE)
    server.close()
    await server.wait_closed()
    text = "\n".join(lines)
    assert "rcpt to:<ana@example.org>" in text.lower()
    assert "Message-ID: <clapas-notice-7@example.org>" in text
    assert "Auto-Submitted: auto-generated" in text
    assert (
        "https://clapas.example.org/alarmes?alarm=3D7" in text.replace("=\n", "")
        or "alarm=7" in text
    )
    with pytest.raises(NotDelivered):
        await Mail(settings).send(NOTICE)


async def test_a_thing_whose_name_has_two_lines_is_told_by_mail_too() -> None:
    lines: list[str] = []
    server = await asyncio.start_server(lambda r, w: catch(lines, r, w), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls=False, mail_from="clapas@example.org")  # fmt: skip
    named = "[Majeure] Fuite : place\r\nBcc: all@example.org\x01\u2028Sud"
    await Mail(settings).send(msgspec.structs.replace(NOTICE, subject=named))
    server.close()
    await server.wait_closed()
    assert "Subject: [Majeure] Fuite : place Bcc: all@example.org Sud" in lines
    assert not [line for line in lines if line.startswith("Bcc")]


def test_a_webhook_is_signed_so_that_the_receiver_can_check() -> None:
    expected = hmac.new(b"key", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b"key", b'{"a":1}', at=1_700_000_000) == f"t=1700000000,v1={expected}"


async def test_a_webhook_reaches_the_own_network_only_when_the_operator_says_so() -> None:
    asked = asyncio.Event()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"X-Clapas-Signature: t=" in await reader.readuntil(b"\r\n\r\n")
        asked.set()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    address = f"http://localhost:{server.sockets[0].getsockname()[1]}/hook"
    notice = msgspec.structs.replace(NOTICE, channel="webhook", address=address)
    with pytest.raises(NotDelivered, match="private"):
        await Webhook(Settings(webhook_secret="k")).send(notice)
    assert not asked.is_set()
    await Webhook(Settings(webhook_secret="k", webhook_private=True)).send(notice)
    assert asked.is_set()
    server.close()
    await server.wait_closed()


async def test_a_webhook_follows_no_redirection() -> None:
    """A public address may not send the platform's post elsewhere (CWE-918)."""
    asked: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).split()[1])
        writer.write(b"HTTP/1.1 307 Elsewhere\r\nLocation: /inside\r\nContent-Length: 0\r\n")
        writer.write(b"Connection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    notice = msgspec.structs.replace(NOTICE, channel="webhook", address=address)
    with pytest.raises(NotDelivered, match="307"):
        await Webhook(Settings(webhook_secret="k", webhook_private=True)).send(notice)
    assert asked == [b"/hook"]
    server.close()
    await server.wait_closed()


def test_only_what_is_set_up_is_open() -> None:
    assert set(channels(Settings())) == {"inbox"}
    assert set(channels(Settings(webhook_secret="k", gateways={"sms": "json://x/{address}"}))) == {
        "inbox", "webhook", "sms",
    }  # fmt: skip


def test_cap_1_2_and_its_feed() -> None:
    corners = ((3.8, 43.6), (3.9, 43.6), (3.9, 43.7))
    bulletin = Bulletin(identifier="clapas-243400017-12-2", sender="3M", sent=1_700_000_000_000, event="Crue",
                        description="Le Lez déborde", severity="critical", area="Lattes", kind="Cancel",
                        polygon=corners, previous=("clapas-243400017-12-1", 1_699_999_000_000))  # fmt: skip
    message = ET.fromstring(cap(bulletin))  # noqa: S314 - our own text
    space = {"c": CAP}
    assert message.findtext("c:sent", namespaces=space) == "2023-11-14T22:13:20-00:00"
    references = message.findtext("c:references", namespaces=space)
    assert references == "3M,clapas-243400017-12-1,2023-11-14T21:56:40-00:00"
    polygon = message.findtext("c:info/c:area/c:polygon", namespaces=space)
    assert polygon == "43.60000,3.80000 43.60000,3.90000 43.70000,3.90000 43.60000,3.80000"
    feed = atom([bulletin], title="3M", address="https://x/api/v1/alarms/feed.atom", updated=0)
    assert b"https://x/api/v1/alarms/12/cap.xml" in feed
    assert fr_alert(bulletin)["sent"] is False
