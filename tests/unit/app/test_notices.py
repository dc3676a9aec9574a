"""What runs only when it is configured, how the pages hear of it, and what leaves the machine."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from clapas.app import ROLES, chosen_roles, outgoing
from clapas.config import Configuration, load
from clapas.domain.errors import BadSetting
from clapas.engines import ClickHouseAddress, EngineAddresses, NatsAddress, PostgresAddress
from clapas.engines.refusals import Refusals
from clapas.notices import notices, source_setups
from clapas.ops.keeping.schedule import HEALTH, BackupHealth
from clapas.orders import Orders
from clapas.sources.runner import Health
from clapas.web.settings import Settings
from clapas.web.tls import served

REMOTE = """
[sources]
proxy = "http://proxy.example.fr:3128"
ca_file = "/etc/ssl/ville.pem"
[sources.remote.velos]
connector = "gbfs"
url = "https://example.fr/gbfs.json"
[ops]
backup_folder = "/mnt/copies"
"""


def settings(folder: Path, text: str = REMOTE) -> Configuration:
    (folder / "clapas.toml").write_text(text)
    return load(folder, environment={})


def orders(folder: Path, text: str = REMOTE) -> Orders:
    clickhouse = ClickHouseAddress("h", 1, "u", "p", "d")
    addresses = EngineAddresses(
        PostgresAddress("postgresql://h/d"),
        clickhouse,
        clickhouse,
        NatsAddress("nats://h:1", "u", "p", "h", 1883, ""),
    )
    (folder / "run").mkdir(exist_ok=True)
    return Orders(
        role="web",
        addresses=addresses,
        configuration=settings(folder, text),
        directory=str(folder),
    )


def test_side_processes_run_only_when_something_is_configured(tmp_path: Path) -> None:
    assert chosen_roles(settings(tmp_path, "")) == ROLES
    assert chosen_roles(settings(tmp_path)) == (*ROLES, "sources", "keeping")


def test_every_outgoing_client_is_told_of_proxy_and_authority(tmp_path: Path) -> None:
    assert outgoing(settings(tmp_path, "")) == {}
    told = outgoing(settings(tmp_path))
    assert told["HTTPS_PROXY"] == "http://proxy.example.fr:3128"
    assert told["SSL_CERT_FILE"] == told["REQUESTS_CA_BUNDLE"] == "/etc/ssl/ville.pem"
    assert "127.0.0.1" in told["NO_PROXY"]


async def test_the_health_of_remote_sources_reaches_the_pages(tmp_path: Path) -> None:
    given = orders(tmp_path)
    _, silent = await source_setups(given)
    assert "does not answer" in silent.error
    ill = Health(name="velos", connector="gbfs", state="error", detail="example.fr answers 500")
    (tmp_path / "run" / "sources.json").write_bytes(msgspec.json.encode([ill]))
    _, told = await source_setups(given)
    assert (told.name, told.error) == ("gbfs", "velos: example.fr answers 500")
    os.utime(tmp_path / "run" / "sources.json", (time.time() - 600,) * 2)
    _, stale = await source_setups(given)
    assert "does not answer" in stale.error


async def test_a_device_is_told_where_the_broker_listens(tmp_path: Path) -> None:
    (door,) = await source_setups(orders(tmp_path, ""))
    assert (door.name, door.settings) == ("mqtt_device", {"host": "h", "port": 1883})
    everywhere = orders(tmp_path, '[engines]\nmqtt_host = "0.0.0.0"')
    (door,) = await source_setups(everywhere)
    assert door.settings == {"port": 1883}, "the page's own host name is the one to type"


async def test_a_failed_and_a_missing_backup_are_told(tmp_path: Path) -> None:
    given = orders(tmp_path)
    assert await notices(given) == []
    failed = BackupHealth(error="no space is left", tried=datetime.now(UTC))
    (tmp_path / HEALTH).write_bytes(msgspec.json.encode(failed))
    assert [each.kind for each in await notices(given)] == ["backup"]
    old = BackupHealth(last_ok=datetime.now(UTC) - timedelta(days=2))
    (tmp_path / HEALTH).write_bytes(msgspec.json.encode(old))
    (late,) = await notices(given)
    assert (late.kind, late.since) == ("backup_late", old.last_ok)


async def test_forbidden_publishes_are_counted_from_the_brokers_log(tmp_path: Path) -> None:
    log = tmp_path / "nats.log"
    line = b'[1] [ERR] 127.0.0.1:5 - mid:5 - "x" - Publish Violation - User "u", Subject "up.b"\n'
    log.write_bytes(line)
    counted = Refusals(log)
    assert counted.read().total == 0
    with log.open("ab") as file:
        file.write(line + b"[1] [INF] other\n" + line[:40])
    assert counted.read().total == 1
    with log.open("ab") as file:
        file.write(line[40:])
    assert counted.read().total == 2
    log.rename(tmp_path / "nats.log.1")
    log.write_bytes(line)
    assert (counted.read().total, counted.read().last_day) == (3, 3)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "broker.json").write_bytes(msgspec.json.encode(counted.read()))
    (told,) = await notices(orders(tmp_path, ""))
    assert (told.kind, told.values) == ("refused", {"count": 3})


def test_a_certificate_and_its_key_go_together(tmp_path: Path) -> None:
    assert served(Settings()).https is False
    with pytest.raises(BadSetting, match=r"web\.key"):
        served(Settings(certificate="a"))
    (tmp_path / "a").write_text("not a certificate")
    with pytest.raises(BadSetting, match="cannot be used"):
        served(Settings(certificate=str(tmp_path / "a"), key=str(tmp_path / "a")))
