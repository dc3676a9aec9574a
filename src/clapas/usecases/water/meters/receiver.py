"""``clapas water telegrams``: what a receiver logged, as the readings that the other tools take."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from clapas.codecs.errors import BadTelegram
from clapas.codecs.wmbus import Telegram, read_telegram
from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.command_line import Zone
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import read_text_table

MOST_HEX = 600


def read_telegrams(
    log: Annotated[
        Path, typer.Argument(help="CSV: received (ISO 8601), telegram (hex, without CRC blocks).")
    ],
    out: Annotated[Path, typer.Option(help="Where the readings are written (CSV, litres).")],
    *,
    zone: Zone = "Europe/Paris",
) -> None:
    """wM-Bus telegrams in the clear to readings: the index now, and the dated indexes of before."""
    check_outputs(out, inputs=[log])
    table = read_text_table(log)
    if not {"received", "telegram"} <= set(table.columns):
        raise BadTable(f"{log}: columns received and telegram are needed", path=str(log))
    rows: set[tuple[str, datetime, float]] = set()
    refused = 0
    for line in table.iter_rows(named=True):
        try:
            rows |= readings_of(line["received"] or "", line["telegram"] or "", zone=ZoneInfo(zone))
        except BadTelegram as error:
            refused += 1
            typer.echo(f"  {error}", err=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(("meter", "datetime", "index"))
    writer.writerows((meter, at.isoformat(), litres) for meter, at, litres in sorted(rows))
    write_whole(out, text.getvalue())
    typer.echo(f"{len(rows)} readings, {refused} not read → {out}")


def readings_of(received: str, text: str, *, zone: ZoneInfo) -> set[tuple[str, datetime, float]]:
    """Meter, instant (UTC) and litres of a logged line. Raises :class:`BadTelegram`."""
    try:
        moment = datetime.fromisoformat(received)
        frame = bytes.fromhex(text[:MOST_HEX])
    except ValueError as error:
        raise BadTelegram(f"neither a time nor a telegram: {received[:40]!r}") from error
    when = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    told: Telegram = read_telegram(frame)
    found = {
        (told.meter, each.at.replace(tzinfo=zone).astimezone(UTC), each.litres)
        for each in told.before
        if each.at is not None
    }
    if told.now is not None:
        found.add((told.meter, when, told.now.litres))
    return found
