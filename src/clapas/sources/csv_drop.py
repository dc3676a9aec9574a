"""CSV files: a watched folder, or ``POST /in/csv_drop?file=<name>.csv``; loggers' exports as they are.

The form (separator, decimal comma, encoding, dates, header, columns) is found, or given in the query or
settings. Each line is logged alone, with its header and its form, so that one bad line is one reject and
a line is read the same way for ever. A line is named by its device and measured time.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import msgspec

from clapas.domain.message import RawMessage, Reading, Uplink, Value
from clapas.sources.contract import Connector, Example, Fetch
from clapas.sources.csv_form import NUMBER, Form, cells, decode, find, from_query, read_time
from clapas.sources.errors import BadTime, Incomplete, Malformed
from clapas.sources.wire import bounded, local_id, moment, query

MAX_FILE = 64 << 20
LINE = "line"
"""Query key of the line's number in its file."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder where files are dropped; a file that was read moves to its folder ``done``."""

    folder: str = ""
    pattern: str = "*.csv"
    interval_s: float = 10.0
    settled_s: float = 2.0
    """A file that changed more recently is still being written: it waits."""
    separator: str = ""
    decimal: str = ""
    order: str = ""
    """Of dates: 'iso', 'dmy' or 'mdy'; empty fields are found."""
    time: str = ""
    device: tuple[str, ...] = ()
    timezone: str = "UTC"


def split(message: RawMessage) -> Sequence[RawMessage]:
    """One message per line, with the header and the form; an unreadable file stays one message."""
    given = query(message.topic)
    if LINE in given or "cut" in given:
        return (message,)
    path = _path(message.topic, given)
    try:
        return tuple(_lines(message, path, given=given))
    except (Incomplete, Malformed):
        return (message,)


def _path(topic: str, given: dict[str, str]) -> str:
    """The topic's path, with the file's name when the query gives it."""
    path = topic.partition("?")[0]
    return f"{path}/{given['file'][:128]}" if given.get("file") else path


def _lines(message: RawMessage, path: str, *, given: dict[str, str]) -> Iterator[RawMessage]:
    lines = decode(message.payload).splitlines()
    found = find(lines, name=PurePosixPath(path).stem, given=given)
    header, form = lines[found.line], found.form.query()
    for place, line in enumerate(lines[found.line + 1 :], start=found.line + 2):
        if line.strip(found.form.separator + " \t"):
            key = f"{message.idempotency}#{place}" if message.idempotency else ""
            topic = f"{path}?{form}&{LINE}={place}"
            payload = f"{header}\n{line}".encode()
            yield msgspec.structs.replace(message, topic=topic, payload=payload, idempotency=key)


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink per line; the first line is the header."""
    body = bounded(message, MAX_FILE)
    given = query(message.topic)
    if LINE not in given:
        whole = tuple(_lines(message, _path(message.topic, given), given=given))
        return tuple(each for part in whole for each in parse(part))
    form = from_query(given)
    header, _, line = decode(body).partition("\n")
    names = cells(header, form.separator)
    row = cells(line.strip("\r\n"), form.separator)
    if len(row) < len(names):
        row += [""] * (len(names) - len(row))
    return (_uplink(dict(zip(names, row, strict=False)), form, message=message),)


def _uplink(row: dict[str, str], form: Form, *, message: RawMessage) -> Uplink:
    device = local_id(":".join(row[each] for each in form.device if row.get(each)) or form.fixed)
    measured = moment(_time(row, form), received=message.received, zone=_zone(form.timezone))
    special = {form.time, form.hour, *form.device, ""}
    readings = tuple(
        Reading(name[:128], _value(text, form.decimal))
        for name, text in row.items()
        if name not in special and text
    )
    if not readings:
        raise Incomplete("the line has no value")
    return Uplink(
        source="csv_drop",
        device=device,
        message_id=f"{device}@{measured.isoformat()}" if measured else None,
        measured=measured,
        values=readings,
        name=device,
    )


def _time(row: dict[str, str], form: Form) -> datetime:
    text = " ".join(each for each in (row.get(form.time, ""), row.get(form.hour, "")) if each)
    try:
        return read_time(text, form.order)
    except ValueError:
        raise BadTime(f"the time {text[:80]!r} cannot be read", time=text[:80]) from None


def _value(text: str, decimal: str) -> Value:
    """A number in the file's own writing (thousands may be spaced), else the text."""
    plain = text.replace("\u202f", "").replace("\u00a0", "")
    if decimal == ",":
        plain = plain.replace(",", ".")
    return float(plain) if NUMBER.match(plain) and "," not in plain else text[:1024]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Malformed("the time zone is unknown", timezone=name[:80]) from None


async def pull(settings: Settings, fetch: Fetch) -> Sequence[RawMessage]:  # noqa: ARG001
    """The lines of every file that waits; the runner moves them once the log has them."""
    if not settings.folder:
        return ()
    return await asyncio.to_thread(_waiting, settings)


def _waiting(settings: Settings) -> Sequence[RawMessage]:
    found: list[RawMessage] = []
    for path in sorted(Path(settings.folder).glob(settings.pattern)):
        if not path.is_file() or path.is_symlink() or _fresh(path, settings.settled_s):
            continue
        with path.open("rb") as file:
            body = file.read(MAX_FILE + 1)
        found.extend(split(RawMessage("csv_drop", f"{path.name}?{_given(settings)}", 0, body)))
    return found


def _fresh(path: Path, settled_s: float) -> bool:
    return time.time() - path.stat().st_mtime < settled_s


def _given(settings: Settings) -> str:
    form = Form(
        separator=settings.separator,
        decimal=settings.decimal,
        time=settings.time,
        device=settings.device,
        timezone=settings.timezone,
    ).query()
    kept = [each for each in form.split("&") if not each.startswith("order=")]
    return "&".join([*kept, f"order={settings.order}"] if settings.order else kept)


EXAMPLES = (
    Example(
        RawMessage(
            "csv_drop",
            "/in/csv_drop/cave.csv",
            1_767_268_802_000,
            "date;capteur;T;libellé\n31/12/2025 23:30;Cave 3;12,5;ok\n".encode("cp1252"),
        ),
        (
            Uplink(
                source="csv_drop",
                device="Cave_3",
                message_id="Cave_3@2025-12-31T23:30:00+00:00",
                measured=datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
                values=(Reading("T", 12.5), Reading("libellé", "ok")),
                name="Cave_3",
            ),
        ),
    ),
)

CONNECTOR = Connector(
    name="csv_drop",
    parse=parse,
    examples=EXAMPLES,
    http="csv_drop",
    split=split,
    settings=Settings,
    pull=pull,
)
