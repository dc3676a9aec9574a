"""The process that owns the embedded ClickHouse; its settings arrive as JSON on standard input."""

import os
import sys
from urllib.parse import urlencode

import msgspec
import uvicorn

from clapas.engines.clickhouse_server.app import App
from clapas.engines.clickhouse_server.request import Users
from clapas.engines.clickhouse_server.sessions import SessionKey, Sessions, identifier


class Settings(msgspec.Struct, frozen=True):
    """What the parent says: where the files are, where to listen, who may ask."""

    path: str
    config_file: str
    port: int
    database: str
    users: Users


def main() -> None:
    """Open the base, make its database, serve until told to stop."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    os.environ["TZ"] = "UTC"
    sessions = Sessions(f"{settings.path}?{urlencode({'config-file': settings.config_file})}")
    key = SessionKey("", (), readonly=False)
    connection = sessions.take(key)
    connection.query(
        f"CREATE DATABASE IF NOT EXISTS {identifier(settings.database)} ENGINE = Atomic"
    )
    names = (
        connection.query("SELECT lower(name) FROM system.table_functions", "TSV")
        .bytes()
        .decode()
        .split()
    )
    version = connection.query("SELECT version()", "TSV").bytes().decode().strip()
    sessions.give_back(key, connection, reusable=True)
    config = uvicorn.Config(
        App(sessions, settings.users, table_functions=frozenset(names), version=version),
        host="127.0.0.1",
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=900,
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run()
    sessions.close()


if __name__ == "__main__":
    main()
