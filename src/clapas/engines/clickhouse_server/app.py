"""The ClickHouse HTTP protocol over ASGI, as far as clickhouse-connect and curl use it.

(ClickHouse documentation, HTTP interface: statement in the URL or the body, ``param_`` values, settings as
URL parameters, ``FORMAT``, the headers X-ClickHouse-*, an error's text and code.)
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from clapas.engines.clickhouse_server.execution import ClientLeft, Outcome, Runner
from clapas.engines.clickhouse_server.packing import Unpacking
from clapas.engines.clickhouse_server.request import BadRequest, Request, Users, read_request
from clapas.engines.clickhouse_server.sessions import SessionKey, Sessions
from clapas.engines.clickhouse_server.statement import (
    READ_VERBS,
    Refused,
    guard_reader,
    insert_with_data,
    verb,
    without_format,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
BODY_LIMIT = 512 * 1024 * 1024
HELD_BACK = 256 * 1024
AT_ONCE = 12
WAITING = 200
SETTINGS_PROBE = re.compile(
    r"\s*SELECT name, value, readonly(?: as readonly)? FROM system\.settings(?: LIMIT \d+)?\s*(?:FORMAT Native)?\s*"
)
STATUS = {
    516: 403,
    60: 404,
    81: 404,
    202: 503,
    452: 403,
    497: 403,
    159: 408,
    241: 500,
    27: 400,
    36: 400,
    43: 400,
}
STATUS |= {
    46: 400,
    47: 400,
    53: 400,
    62: 400,
    115: 404,
    164: 403,
    394: 499,
    117: 400,
    6: 400,
    26: 400,
    33: 400,
    271: 400,
    432: 400,
}


class App:
    """The ASGI application over one engine."""

    def __init__(
        self, sessions: Sessions, users: Users, *, table_functions: frozenset[str], version: str
    ) -> None:
        self._users = users
        self._table_functions = table_functions
        self._runner = Runner(sessions, ThreadPoolExecutor(4 * AT_ONCE, thread_name_prefix="chdb"))
        self._turns = {True: asyncio.Semaphore(AT_ONCE), False: asyncio.Semaphore(AT_ONCE)}
        self._waiting = 0
        self._version = version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        if scope["path"] == "/ping" or (
            not scope["query_string"] and scope["method"] in {"GET", "HEAD"}
        ):
            await exchange.answer(200, b"Ok.\n")
            return
        try:
            await self._serve(exchange)
        except ClientLeft:
            return
        except BadRequest as error:
            await exchange.fail(error.code, str(error))
        except Refused as error:
            await exchange.fail(164, f"default: {error}. (READONLY)")
        except RuntimeError as error:
            code, message = chdb_error(error)
            await exchange.fail(code, message)
        except Exception as error:
            if type(error).__name__ != "ChdbError":
                raise
            code, message = chdb_error(error)
            await exchange.fail(code, message)

    async def _serve(self, exchange: "Exchange") -> None:
        request = read_request(exchange.query_string, exchange.headers, users=self._users)
        if self._waiting > WAITING:
            raise BadRequest(202, "Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)")
        self._waiting += 1
        try:
            async with self._turns[request.reader]:
                await self._run(exchange, request)
        finally:
            self._waiting -= 1

    async def _run(self, exchange: "Exchange", request: Request) -> None:
        key = request.key(self._users)
        insert = insert_with_data(request.url_query)
        if insert is not None and not request.reader:
            outcome = await self._runner.insert(
                key, insert, chunks=exchange.body(), left=exchange.has_left
            )
            await exchange.answer(200, b"", outcome=outcome)
            return
        body, form = await exchange.whole_body()
        sql = "\n".join(part for part in (request.url_query, form.get("query", "")) if part)
        head = (
            insert_with_data(body[:65_536].decode(errors="replace"))
            if not sql and not request.reader
            else None
        )
        if head is not None:
            data = body[len(body[:65_536].decode(errors="replace")[: head.data_from].encode()) :]
            outcome = await self._runner.insert(
                key, head, chunks=once(data), left=exchange.has_left
            )
            await exchange.answer(200, b"", outcome=outcome)
            return
        sql = "\n".join(part for part in (sql, text_of(body)) if part)
        if not sql.strip():
            raise BadRequest(62, "Empty query. (SYNTAX_ERROR)")
        parameters = request.parameters | {
            name[6:]: text for name, text in form.items() if name.startswith("param_")
        }
        await self._answer(exchange, request, key=key, sql=sql, parameters=parameters)

    async def _answer(
        self,
        exchange: "Exchange",
        request: Request,
        *,
        key: SessionKey,
        sql: str,
        parameters: dict[str, str],
    ) -> None:
        if request.reader:
            guard_reader(sql, self._table_functions)
            if SETTINGS_PROBE.fullmatch(sql):
                key = msgspec.structs.replace(key, readonly=False)
        if exchange.method == "GET" and verb(sql) not in READ_VERBS:
            raise BadRequest(164, "Cannot execute this query by GET: use POST. (READONLY)")
        form = without_format(sql)[1] or request.default_format or "TabSeparated"
        gone = asyncio.ensure_future(exchange.left())
        try:
            await exchange.stream(
                self._runner.select(key, sql, parameters=parameters, form=form, gone=gone), form
            )
        finally:
            gone.cancel()


class Exchange:
    """One HTTP exchange: the request's body, the answer's parts."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method = str(scope["method"])
        self.query_string = scope["query_string"].decode("latin-1")
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self._receive = receive
        self._send = send
        self._left = False
        self._begun = False
        self._tag = secrets.token_hex(8)

    def has_left(self) -> bool:
        """Whether the client closed its connection while its body was read."""
        return self._left

    async def left(self) -> None:
        """Return when the client closes its connection; call it after the body was read."""
        while not self._left:
            self._left = (await self._receive())["type"] == "http.disconnect"

    async def body(self) -> AsyncIterator[bytes]:
        """The body's parts, decompressed."""
        unpacking = Unpacking(self.headers.get("content-encoding", ""))
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._left = True
                return
            for part in unpacking.pieces(message.get("body", b"")):
                size += len(part)
                if size > BODY_LIMIT:
                    raise BadRequest(
                        307, f"The body is larger than {BODY_LIMIT} bytes. (TOO_MANY_BYTES)"
                    )
                yield part
            if not message.get("more_body"):
                break
        unpacking.end()

    async def whole_body(self) -> tuple[bytes, dict[str, str]]:
        """The body, or the fields of a form."""
        content = b"".join([part async for part in self.body()])
        if self._left:
            raise ClientLeft
        kind = self.headers.get("content-type", "")
        # As ClickHouse has it: what curl -d sends is called a form and is the statement itself.
        if kind.startswith("multipart/form-data"):
            return b"", form_fields(kind, content)
        return content, {}

    async def stream(self, parts: AsyncIterator[bytes | Outcome], form: str) -> None:
        """Send the parts as they come; the first 256 KB are held back, so that most errors keep their status."""
        held: list[bytes] = []
        size = 0
        outcome: Outcome | None = None
        try:
            async for part in parts:
                if isinstance(part, Outcome):
                    outcome = part
                elif self._begun:
                    await self._part(part, more=True)
                else:
                    held.append(part)
                    size += len(part)
                    if size > HELD_BACK:
                        await self._begin(200, form, outcome=None)
                        await self._part(b"".join(held), more=True)
                        held.clear()
        finally:
            await parts.aclose()  # type: ignore[attr-defined]
        if not self._begun:
            await self._begin(200, form, outcome=outcome)
        await self._part(b"".join(held), more=False)

    async def answer(self, status: int, body: bytes, *, outcome: Outcome | None = None) -> None:
        """A short answer."""
        await self._begin(status, "TabSeparated", outcome=outcome)
        await self._part(body, more=False)

    async def fail(self, code: int, message: str) -> None:
        """An error with its code; after the answer has begun, as ClickHouse marks it inside the body."""
        text = f"Code: {code}. DB::Exception: {message}\n".encode()
        if self._begun:
            tag = self._tag.encode()
            frame = b"__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (
                tag,
                text,
                len(text),
                tag,
            )
            await self._part(b"\r\n" + frame, more=False)
            return
        await self._begin(STATUS.get(code, 500), "TabSeparated", outcome=None, code=code)
        await self._part(text, more=False)

    async def _begin(
        self, status: int, form: str, *, outcome: Outcome | None, code: int = 0
    ) -> None:
        self._begun = True
        headers = {
            "Content-Type": "text/plain; charset=UTF-8"
            if status != 200
            else "application/octet-stream",
            "X-ClickHouse-Format": form,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Exception-Tag": self._tag,
        }
        if outcome is not None:
            summary = {name: str(value) for name, value in msgspec.structs.asdict(outcome).items()}
            headers["X-ClickHouse-Summary"] = msgspec.json.encode(summary).decode()
        if code:
            headers["X-ClickHouse-Exception-Code"] = str(code)
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _part(self, content: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": content, "more_body": more})


async def once(content: bytes) -> AsyncIterator[bytes]:
    """One part."""
    yield content


def form_fields(kind: str, content: bytes) -> dict[str, str]:
    """The text fields of a form; files (external tables) are refused."""
    from python_multipart import create_form_parser
    from python_multipart.exceptions import FormParserError

    fields: dict[str, str] = {}

    def on_field(field: Any) -> None:
        fields[text_of(field.field_name or b"")] = text_of(field.value or b"")

    def on_file(_file: Any) -> None:
        raise BadRequest(48, "External tables are not supported. (NOT_IMPLEMENTED)")

    try:
        parser = create_form_parser({"Content-Type": kind.encode()}, on_field, on_file)
        parser.write(content)
        parser.finalize()
    except FormParserError as error:
        raise BadRequest(36, f"The form cannot be read: {error}. (BAD_ARGUMENTS)") from error
    return fields


def text_of(content: bytes) -> str:
    """A statement's or a field's text. Raises BadRequest when it is none."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(36, "The statement is not UTF-8. (BAD_ARGUMENTS)") from error


def chdb_error(error: BaseException) -> tuple[int, str]:
    """ClickHouse's error code and sentence in what chDB raised."""
    found = re.search(r"Code: (\d+)\. DB::Exception: (.*)", str(error), re.DOTALL)
    if found is None:
        return 1002, f"{error} (UNKNOWN_EXCEPTION)"
    return int(found[1]), found[2].strip()
