"""The embedded ClickHouse (chDB) as a child process that speaks the ClickHouse HTTP protocol."""

import asyncio
import secrets
import sys
from xml.sax.saxutils import escape

import msgspec

from clapas.domain.errors import EngineUnavailable
from clapas.engines.addresses import ClickHouseAddress
from clapas.engines.clickhouse_server.request import Users
from clapas.engines.directory import DataDirectory, write_private
from clapas.engines.errors import EngineMissing
from clapas.engines.ports import free_port
from clapas.engines.settings import Settings
from clapas.engines.supervisor import Child, Command

DATABASE = "clapas"
WRITER = "platform"
READER = "reader"
MEGABYTE = 1024 * 1024


async def clickhouse_child(
    settings: Settings, directory: DataDirectory
) -> tuple[Child, ClickHouseAddress, ClickHouseAddress]:
    """The child, not started yet, and the addresses of its writer and of its reader."""
    _require_chdb()
    port = await asyncio.to_thread(free_port)
    config = directory.run / "clickhouse.xml"
    write_private(config, _config(settings, directory).encode())
    users = Users(
        writer=WRITER,
        writer_password=secrets.token_hex(32),
        reader=READER,
        reader_password=secrets.token_hex(32),
        reader_seconds=settings.clickhouse_query_seconds,
        reader_memory=settings.clickhouse_query_memory_mb * MEGABYTE,
    )
    given = {
        "path": str(directory.path / "clickhouse"),
        "config_file": str(config),
        "port": port,
        "database": DATABASE,
        "users": users,
    }
    writer = ClickHouseAddress("127.0.0.1", port, WRITER, users.writer_password, DATABASE)
    reader = ClickHouseAddress("127.0.0.1", port, READER, users.reader_password, DATABASE)
    command = Command(
        name="clickhouse",
        argv=(sys.executable, "-m", "clapas.engines.clickhouse_server"),
        env={"TZ": "UTC", "PYTHONPATH": ":".join(path for path in sys.path if path)},
        stdin=msgspec.json.encode(given),
        stop_seconds=30,
        start_seconds=300,
    )
    return Child(command, ready=lambda: probe(writer), directory=directory), writer, reader


async def probe(address: ClickHouseAddress) -> str:
    """Its version, by a query. Raises EngineUnavailable."""
    import httpx

    scheme = "https" if address.secure else "http"
    async with httpx.AsyncClient(
        base_url=f"{scheme}://{address.host}:{address.port}", timeout=5, trust_env=False
    ) as client:
        try:
            answer = await client.post(
                "/", content="SELECT version()", auth=(address.user, address.password)
            )
        except httpx.HTTPError as error:
            raise EngineUnavailable(
                f"ClickHouse does not answer: {error}", engine="clickhouse"
            ) from error
    if answer.status_code != 200:
        raise EngineUnavailable(f"ClickHouse refuses: {answer.text[:300]}", engine="clickhouse")
    return f"ClickHouse {answer.text.strip()}"


def _require_chdb() -> None:
    from importlib.util import find_spec

    if find_spec("chdb") is None:
        message = "ClickHouse is not installed: install the package chdb-core, or set engines.clickhouse to an address"
        raise EngineMissing(message, engine="clickhouse")


def _config(settings: Settings, directory: DataDirectory) -> str:
    """The server's configuration file (measured settings: small caches, every insert forced to disk)."""
    values = {
        "timezone": "UTC",
        "max_server_memory_usage": settings.clickhouse_memory_mb * MEGABYTE,
        "mark_cache_size": 256 * MEGABYTE,
        "uncompressed_cache_size": 64 * MEGABYTE,
        "background_pool_size": 4,
        "background_schedule_pool_size": 8,
        "merge_tree": {"fsync_after_insert": 1, "fsync_part_directory": 1},
        "backups": {"allowed_path": str(directory.path / "run")},
    }
    return f"<clickhouse>{_xml(values)}</clickhouse>\n"


def _xml(values: dict[str, object]) -> str:
    return "".join(
        f"<{name}>{_xml(value) if isinstance(value, dict) else escape(str(value))}</{name}>"
        for name, value in values.items()
    )
