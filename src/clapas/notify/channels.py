"""The ways out: mail, signed webhook, MQTT, and whatever Apprise knows, behind one port.

A webhook's body is signed: ``X-Clapas-Signature: t=<seconds>,v1=<hex>`` where v1 is the HMAC-SHA256 of
``<seconds>.<body>`` under the shared secret (the form of the Standard Webhooks family), so that the
receiver knows who speaks and refuses what is repeated later.
"""

import asyncio
import hashlib
import hmac
import importlib
import smtplib
import ssl
import time
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol
from urllib.parse import quote, urlsplit

import aiomqtt
import httpx
import msgspec

from clapas.notify.errors import NotDelivered
from clapas.notify.hosts import is_private
from clapas.notify.settings import Settings
from clapas.store.notify import Notice


class Channel(Protocol):
    """One way out."""

    async def send(self, notice: Notice) -> None:
        """Deliver, or raise NotDelivered."""
        ...


def channels(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings open."""
    found: dict[str, Channel] = {"inbox": Inbox()}
    if settings.smtp_host:
        found["mail"] = Mail(settings)
    if settings.webhook_secret:
        found["webhook"] = Webhook(settings)
    if settings.mqtt_url:
        found["mqtt"] = Mqtt(settings)
    for name, url in settings.gateways.items():
        found[name] = Gateway(url)
    return found


def ways(settings: Settings) -> tuple[str, ...]:
    """The channels that ask a person for an address."""
    return tuple(name for name in channels(settings) if name != "inbox")


class Inbox:
    """The page itself: being in the table is being delivered."""

    async def send(self, notice: Notice) -> None:
        """Nothing more to do."""


class Mail:
    """SMTP, one connection a message; a repeated attempt keeps the same Message-ID."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, notice: Notice) -> None:
        """See :class:`Channel`."""
        try:
            await asyncio.to_thread(self._deliver, self._message(notice))
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}", channel="mail") from error

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.mail_from
        message["To"] = notice.address
        message["Subject"] = _one_line(notice.subject)
        message["Date"] = formatdate(notice.created / 1000, localtime=False)
        domain = self._settings.mail_from.rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<clapas-notice-{notice.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        link = f"{self._settings.public_url}{notice.link}" if self._settings.public_url else ""
        message.set_content(f"{notice.body}\n\n{link}\n" if link else f"{notice.body}\n")
        return message

    def _deliver(self, message: EmailMessage) -> None:
        settings = self._settings
        with smtplib.SMTP(
            settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s
        ) as server:
            if settings.smtp_tls:
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(message)


def _one_line(text: str) -> str:
    """A header is one line without control characters (RFC 5322, 2.2); the name of a thing may be neither."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


class Webhook:
    """A signed POST to the person's address."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.webhook_secret.encode()
        self._timeout = settings.timeout_s
        self._private = settings.webhook_private

    async def send(self, notice: Notice) -> None:
        """See :class:`Channel`; the id lets the receiver drop what it had already."""
        if not self._private and await is_private(urlsplit(notice.address).hostname or ""):
            raise NotDelivered("this address is private", channel="webhook")
        body = msgspec.json.encode(
            {
                "id": notice.id,
                "alarm": notice.alarm,
                "kind": notice.kind,
                "subject": notice.subject,
                "body": notice.body,
                "created": notice.created,
            }
        )
        headers = {
            "Content-Type": "application/json",
            "X-Clapas-Signature": signature(self._secret, body, at=int(time.time())),
        }
        try:
            async with httpx.AsyncClient(timeout=self._timeout, follow_redirects=False) as client:
                answer = await client.post(notice.address, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered(f"{type(error).__name__}: {error}", channel="webhook") from error
        if not answer.is_success:
            raise NotDelivered(f"HTTP {answer.status_code}", channel="webhook")


def signature(secret: bytes, body: bytes, *, at: int) -> str:
    """The header's value for a body at a time (seconds)."""
    signed = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class Mqtt:
    """A QoS 1 publish to the topic that is the person's address."""

    def __init__(self, settings: Settings) -> None:
        self._url = urlsplit(settings.mqtt_url)
        self._timeout = settings.timeout_s

    async def send(self, notice: Notice) -> None:
        """See :class:`Channel`."""
        body = msgspec.json.encode(
            {
                "alarm": notice.alarm,
                "kind": notice.kind,
                "subject": notice.subject,
                "body": notice.body,
            }
        )
        try:
            async with aiomqtt.Client(
                self._url.hostname or "localhost",
                self._url.port or 1883,
                username=self._url.username,
                password=self._url.password,
                timeout=self._timeout,
            ) as client:
                await client.publish(notice.address, body, qos=1)
        except aiomqtt.MqttError as error:
            raise NotDelivered(str(error), channel="mqtt") from error


class Gateway:
    """Any service that Apprise knows: SMS operators, chats, push."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, notice: Notice) -> None:
        """See :class:`Channel`."""
        # The library takes a second to load: the other channels do not wait for it.
        apprise = await asyncio.to_thread(importlib.import_module, "apprise")
        sender = apprise.Apprise()
        if not sender.add(self._url.replace("{address}", quote(notice.address, safe=""))):
            raise NotDelivered("Apprise does not know this kind of address", channel=notice.channel)
        if not await sender.async_notify(body=notice.body, title=notice.subject):
            raise NotDelivered("the service did not take it", channel=notice.channel)
