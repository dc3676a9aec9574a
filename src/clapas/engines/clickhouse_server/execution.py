"""Run one statement on its own chDB connection: results stream out, inserts are whole or nothing, leaving cancels.

Every call into chDB blocks without the interpreter's lock, so it runs in a thread; meanwhile the client is
watched, and when it leaves, its query is killed by a mark in front of its text.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from clapas.engines.clickhouse_server.sessions import SessionKey, Sessions, quote
from clapas.engines.clickhouse_server.statement import SESSION_VERBS, Insert, verb, without_format

T = TypeVar("T")
STREAMED = frozenset(
    {
        "native",
        "rowbinary",
        "tabseparated",
        "tsv",
        "csv",
        "jsoneachrow",
        "ndjson",
        "jsonlines",
        "arrowstream",
    }
)
ROWS_VERBS = frozenset({"SELECT", "WITH", "("})
ARROW_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End of an Arrow IPC stream (Arrow columnar format, IPC streaming format)."""
KILL_PAUSE = 0.2


class ClientLeft(Exception):
    """The client closed its connection before the answer."""


class Outcome(msgspec.Struct):
    """What a finished statement did, for the summary header."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0


class Runner:
    """Runs statements; ``left`` completes when the client is gone."""

    def __init__(self, sessions: Sessions, threads: ThreadPoolExecutor) -> None:
        self._sessions = sessions
        self._threads = threads

    async def blocking(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def insert(
        self,
        key: SessionKey,
        insert: Insert,
        *,
        chunks: AsyncIterator[bytes],
        left: Callable[[], bool],
    ) -> Outcome:
        """Insert data; nothing is committed when the client leaves before the end.

        The data wait in memory, in a file without a name, for a plain statement to read them: chDB's own
        stream of an insert reports rows as written even when their commit failed (disk full, too many parts).
        """
        with os.fdopen(os.memfd_create("insert", os.MFD_CLOEXEC), "wb", buffering=0) as data:
            async for chunk in chunks:
                await self.blocking(lambda part=chunk: data.write(part))  # type: ignore[misc]
            if left():
                raise ClientLeft
            text = insert.from_file(f"/proc/self/fd/{data.fileno()}")
            connection = await self.blocking(lambda: self._sessions.take(key))
            reusable = False
            try:
                result = await self.blocking(lambda: connection.query(text))
                reusable = True
            finally:
                await self._return(key, connection, reusable=reusable)
        return Outcome(written_rows=result.rows_written(), written_bytes=result.bytes_written())

    async def select(
        self,
        key: SessionKey,
        sql: str,
        *,
        parameters: dict[str, str],
        form: str,
        gone: Awaitable[object],
    ) -> AsyncIterator[bytes | Outcome]:
        """Pieces of the answer in ``form``, then the outcome. Raises ClientLeft when ``gone`` completes first."""
        statement, named = without_format(sql)
        name = named or form
        mark = f"/*clapas:{uuid.uuid4().hex}*/ "
        connection = await self.blocking(lambda: self._sessions.take(key))
        query = Query(
            self, connection, mark=mark, parameters=parameters, gone=asyncio.ensure_future(gone)
        )
        reusable = False
        try:
            if name.lower() in STREAMED and verb(statement) in ROWS_VERBS:
                pieces = query.streamed(statement, name)
            else:
                pieces = query.whole(statement if named else sql, name)
            async for piece in pieces:
                yield piece
            reusable = verb(sql) not in SESSION_VERBS and "TEMPORARY" not in sql.upper()
        finally:
            await query.close()
            await self._return(key, connection, reusable=reusable)

    async def kill(self, mark: str) -> None:
        """Cancel the queries whose text begins with this mark."""

        def run() -> None:
            key = SessionKey("", (), readonly=False)
            connection = self._sessions.take(key)
            connection.query(f"KILL QUERY WHERE startsWith(query, {quote(mark)}) ASYNC")
            self._sessions.give_back(key, connection, reusable=True)

        await self.blocking(run)

    async def _return(self, key: SessionKey, connection: Any, *, reusable: bool) -> None:
        back = self.blocking(lambda: self._sessions.give_back(key, connection, reusable=reusable))
        await asyncio.shield(back)


class Query:
    """One running query; its blocking steps end early when the client leaves."""

    def __init__(
        self,
        runner: Runner,
        connection: Any,
        *,
        mark: str,
        parameters: dict[str, str],
        gone: "asyncio.Future[object]",
    ) -> None:
        self._runner = runner
        self._connection = connection
        self._mark = mark
        self._parameters = parameters
        self._gone = gone
        self._stream: Any = None

    async def whole(self, sql: str, form: str) -> AsyncIterator[bytes | Outcome]:
        """The answer in one piece: formats with a frame around the rows, and statements without rows."""
        text, parameters = self._mark + sql, self._parameters
        result = await self._step(lambda: self._connection.query(text, form, params=parameters))
        body = await self._runner.blocking(result.bytes)
        if body:
            yield body
        yield Outcome(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
        )

    async def streamed(self, sql: str, form: str) -> AsyncIterator[bytes | Outcome]:
        """The answer block by block, as it is made; the blocks of Arrow are joined to one stream."""
        text, parameters = self._mark + sql, self._parameters
        self._stream = await self._step(
            lambda: self._connection.send_query(text, form, params=parameters)
        )
        arrow = form.lower() == "arrowstream"
        outcome = Outcome()
        first = True
        while (block := await self._step(self._fetch)) is not None:
            body, rows = block
            outcome.result_rows += rows
            yield arrow_part(body, first=first) if arrow else body
            first = False
        if arrow and first:
            async for piece in self.whole(schema_only(sql), "ArrowStream"):
                yield piece
            return
        if arrow:
            yield ARROW_END
        yield outcome

    async def close(self) -> None:
        """Cancel what still runs."""
        if self._stream is not None:
            await asyncio.shield(self._runner.blocking(self._stream.cancel))

    def _fetch(self) -> tuple[bytes, int] | None:
        result = self._stream.fetch()
        return None if result is None else (result.bytes(), int(result.rows_read()))

    async def _step(self, call: Callable[[], T]) -> T:
        """Wait for a blocking call; when the client leaves first, kill the query and wait for its end."""
        running = asyncio.ensure_future(self._runner.blocking(call))
        waited: set[asyncio.Future[Any]] = {running, self._gone}
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise ClientLeft
        except BaseException:
            await asyncio.shield(self._kill_until(running))
            raise
        return running.result()

    async def _kill_until(self, running: "asyncio.Future[Any]") -> None:
        while not running.done():
            await self._runner.kill(self._mark)
            await asyncio.wait({running}, timeout=KILL_PAUSE)
        running.exception()


def schema_only(sql: str) -> str:
    """The same columns without rows."""
    return f"SELECT * FROM ({sql}) LIMIT 0"  # noqa: S608 (the statement was accepted already)


def arrow_part(block: bytes, *, first: bool) -> bytes:
    """One block's Arrow stream without its end, and without its schema when it is not the first."""
    end = len(block) - len(ARROW_END) if block.endswith(ARROW_END) else len(block)
    if first:
        return block[:end]
    return block[8 + int.from_bytes(block[4:8], "little") : end]
