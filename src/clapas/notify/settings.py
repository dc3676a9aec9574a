"""Settings of notifications."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How messages leave. A channel without its settings is off; the page's inbox is always there."""

    public_url: str = ""
    """Address of this platform as people reach it, put before links."""
    smtp_host: str = ""
    """Mail server; empty: no mail."""
    smtp_port: int = 587
    """Its port."""
    smtp_user: str = ""
    """Its user, if it asks for one."""
    smtp_password: str = ""
    """Its password."""
    smtp_tls: bool = True
    """Ask for STARTTLS before anything is said."""
    mail_from: str = "clapas@localhost"
    """The sender of mails."""
    webhook_secret: str = ""
    """Key of the signatures of webhooks; empty: no webhook."""
    webhook_private: bool = False
    """Webhooks may go to addresses that are not public (receivers of one's own network)."""
    mqtt_url: str = ""
    """mqtt://user:password@host:port of the broker that alarms are published to; empty: none."""
    gateways: dict[str, str] = {}
    """Other channels by name: an Apprise URL where {address} stands for the person's address."""
    attempts: int = 10
    """How often a message is tried before it is given up."""
    retry_s: int = 30
    """Seconds before the second attempt; doubled each time, an hour at most."""
    timeout_s: int = 20
    """Seconds that one attempt may take."""
