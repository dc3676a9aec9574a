"""Prepared chDB connections: made once for (user, database, settings), kept for the next same request.

A chDB connection is one session and one lock, so every running statement has its own: a point query never
waits behind a heavy one. ClickHouse's protocol is stateless here: SET and USE last for their request only.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.]{0,120}")
KEPT = 24


class SessionKey(msgspec.Struct, frozen=True):
    """What a connection is prepared for; ``settings`` are sorted (name, value) pairs."""

    database: str
    settings: tuple[tuple[str, str], ...]
    readonly: bool


class Sessions:
    """A pool of prepared connections; every method may block, and is called from worker threads."""

    def __init__(self, connection_string: str) -> None:
        from chdb import connect

        self._connect: Callable[[], Any] = lambda: connect(connection_string)
        self._idle: OrderedDict[int, tuple[SessionKey, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: SessionKey) -> Any:
        """A connection prepared for ``key``. Raises ChdbError when a setting is refused."""
        with self._lock:
            for number, (kept, connection) in self._idle.items():
                if kept == key:
                    del self._idle[number]
                    return connection
        connection = self._connect()
        try:
            for statement in _preparation(key):
                connection.query(statement)
        except Exception:
            connection.close()
            raise
        return connection

    def give_back(self, key: SessionKey, connection: Any, *, reusable: bool) -> None:
        """Keep the connection for the next request, or close it."""
        closing = [] if reusable else [connection]
        with self._lock:
            if reusable:
                self._idle[id(connection)] = (key, connection)
            while len(self._idle) > KEPT:
                closing.append(self._idle.popitem(last=False)[1][1])
        for old in closing:
            old.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            left = [connection for _key, connection in self._idle.values()]
            self._idle.clear()
        for connection in left:
            connection.close()


def _preparation(key: SessionKey) -> list[str]:
    statements = [
        f"SET {name} = {quote(value)}" for name, value in key.settings if NAME.fullmatch(name)
    ]
    if key.database:
        statements.append(f"USE {identifier(key.database)}")
    if key.readonly:
        statements.append("SET readonly = 1")
    return statements


def quote(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(text: str) -> str:
    """A quoted name of ClickHouse."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"
