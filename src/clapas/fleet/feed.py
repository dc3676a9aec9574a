"""The readings of the platform in place: a CSV of device, attribute, time and value, given or fetched.

Columns in any order, named in French or English; times as RFC 3339 or Unix seconds or milliseconds.
"""

import io
from datetime import UTC, datetime
from typing import Any

import httpx
import polars as pl

from clapas.domain.errors import EngineUnavailable, InvalidInput
from clapas.domain.identifiers import normalise_device
from clapas.domain.window import Window
from clapas.fleet.comparison import COLUMNS
from clapas.fleet.settings import Feed

LARGEST = 200_000_000
WORDS = {
    "device": ("device", "deveui", "dev_eui", "device_id", "appareil", "identifiant", "sensor"),
    "attribute": ("attribute", "attribut", "key", "metric", "channel", "mesure", "voie", "name"),
    "time": ("time", "timestamp", "ts", "date", "measured", "horodatage", "heure"),
    "value": ("value", "valeur", "v"),
}


async def fetch(feed: Feed, window: Window, *, client: httpx.AsyncClient) -> bytes:
    """The CSV of a period. Raises EngineUnavailable, InvalidInput when it is too large."""
    start, end = (each.astimezone(UTC).isoformat() for each in (window.start, window.end))
    url = feed.url.replace("{start}", _quoted(start)).replace("{end}", _quoted(end))
    headers = {"Authorization": f"Bearer {feed.token}"} if feed.token else {}
    parts = bytearray()
    try:
        async with client.stream("GET", url, headers=headers, timeout=feed.timeout_s) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                parts += part
                if len(parts) > LARGEST:
                    raise InvalidInput("the platform in place gives too much", limit=LARGEST)
    except httpx.HTTPError as error:
        raise EngineUnavailable(
            f"the platform in place does not answer: {type(error).__name__}", engine="shadow"
        ) from error
    return bytes(parts)


def _quoted(text: str) -> str:
    return text.replace("+", "%2B").replace(":", "%3A")


def readings(content: bytes, window: Window) -> pl.DataFrame:
    """Their readings within the window: device, attribute, time (ms), value. Raises InvalidInput."""
    if len(content) > LARGEST:
        raise InvalidInput("the file is too large", limit=LARGEST)
    head = content[:4096].split(b"\n", 1)[0]
    separator = max(";,\t|", key=lambda each: head.count(each.encode()))
    try:
        table = pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"this is not a CSV of readings with the columns {', '.join(WORDS)}",
            detail=str(error)[:200],
        ) from error
    found = {name: _column(table.columns, words) for name, words in WORDS.items()}
    missing = [name for name, column in found.items() if not column]
    if missing:
        raise InvalidInput(
            f"no column for {', '.join(missing)}", missing=missing, found=table.columns[:20]
        )
    frame = table.select(pl.col(column).alias(name) for name, column in found.items())
    low, high = (int(each.timestamp() * 1000) for each in (window.start, window.end))
    return (
        frame.with_columns(_keys(frame["device"]), _times(frame["time"]), _numbers(frame["value"]))
        .filter(pl.col("time").is_between(low, high, closed="left") & pl.col("value").is_not_null())
        .select(*COLUMNS)
        .cast(COLUMNS)  # type: ignore[arg-type]
    )


def _column(columns: list[str], words: tuple[str, ...]) -> str:
    plain = {each.strip().strip("\ufeff").lower(): each for each in columns}
    return next((plain[word] for word in words if word in plain), "")


def _keys(column: pl.Series) -> pl.Series:
    known = {text: normalise_device(text) for text in column.unique().drop_nulls()}
    return column.replace_strict(known, default=None, return_dtype=pl.String)


def _times(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() < len(column):
        return (
            pl.select(pl.when(numbers < 1e11).then(numbers * 1000).otherwise(numbers))
            .to_series()
            .cast(pl.Int64)
            .alias("time")
        )
    return pl.Series("time", [_moment(each) for each in column], dtype=pl.Int64)


def _moment(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


def _numbers(column: pl.Series) -> pl.Series:
    plain = column.str.strip_chars().str.replace(",", ".", literal=True).str.to_lowercase()
    truths = plain.replace({"true": "1", "false": "0", "vrai": "1", "faux": "0"})
    return truths.cast(pl.Float64, strict=False).alias("value")
