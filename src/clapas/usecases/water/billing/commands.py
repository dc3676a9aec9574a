"""``clapas water overconsumption``: the abnormal periods of a table of indexes, each with its reason."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, make_folder, write_whole
from clapas.usecases.water.billing.dossier import Dossier, render_dossier
from clapas.usecases.water.billing.periods import Reading, periods
from clapas.usecases.water.billing.review import REASONS, Review, review
from clapas.usecases.water.billing.signature import signed, signer_of
from clapas.usecases.water.billing.warsmann import month_after, relief
from clapas.usecases.water.command_line import above_zero, tell
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.meters.cells import read_text_table
from clapas.usecases.water.meters.tables import Table, read_readings

COLUMNS = (
    "meter", "start", "end", "days", "volume_m3", "reference_m3", "reference_from", "ratio", "naive_reference_m3",
    "naive", "verdict", "context", "reason", "certificate_due_if_informed_at_reading", "water_cap_m3", "sanitation_cap_m3",
)  # fmt: skip

REASON = "Dossier de consommation anormale"


def find_overconsumption(
    indexes: Annotated[
        Path, typer.Argument(help="CSV or CSV.gz: meter; date; index (m³ for dates without hours).")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where the periods are written (CSV).")],
    leaks: Annotated[
        Path | None, typer.Option(help="Known leaks, left out of references: meter,start,end.")
    ] = None,
    comparable: Annotated[
        float | None, typer.Option(help="Comparable dwellings: m³ a day.", callback=above_zero)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Write ordinary periods too.")] = False,
    dossiers: Annotated[
        Path | None, typer.Option(help="Folder for the files of abnormal periods (PDF).")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="PKCS#12 certificate that signs the files.")
    ] = None,
    passphrase: Annotated[
        str, typer.Option(envvar="CLAPAS_CERTIFICATE_PASSPHRASE", help="Its passphrase.")
    ] = "",
    service: Annotated[
        str, typer.Option(help="Name of the water service on the files.")
    ] = "Service de l’eau",
) -> None:
    """Abnormal volumes by law (CGCT L.2224-12-4 III bis) beside a naive rule, each with its reason."""
    check_outputs(out, inputs=[indexes, leaks, certificate])
    if certificate:
        signer_of(certificate, passphrase.encode())
    if dossiers:
        make_folder(dossiers)
    table = read_readings(indexes)
    tell(indexes, table.problems)
    known = read_leaks(leaks) if leaks else {}
    reviews = review_table(table, known, comparable=comparable)
    kept = [each for each in reviews if every or each.naive or each.verdict == "abnormal"]
    lines = pl.DataFrame(
        [row(each) for each in kept], schema=COLUMNS, orient="row", infer_schema_length=None
    )
    write_whole(out, lines.write_csv())
    abnormal = [each for each in reviews if each.verdict == "abnormal"]
    typer.echo(
        f"{len(reviews)} periods: {sum(each.naive for each in reviews)} by the naive rule, "
        f"{len(abnormal)} abnormal by law → {out}"
    )
    for context, count in Counter(f"{each.verdict}, {each.context}" for each in kept).most_common():
        typer.echo(f"  {count:4}  {context}")
    for each in abnormal if dossiers else []:
        path = Path(str(dossiers)) / file_name(each)
        pdf = render_dossier(Dossier(review=each, service=service, informed=None, proof=""))
        write_whole(
            path,
            signed(pdf, certificate, passphrase=passphrase.encode(), reason=REASON)
            if certificate
            else pdf,
        )


def file_name(each: Review) -> str:
    """The file of a period: its meter, without what a file's name cannot hold, and its last day."""
    meter = re.sub(r"[^\w-]", "_", each.period.meter)[:80]
    return f"{meter}-{each.period.end.isoformat()}.pdf"


def review_table(
    table: Table, leaks: dict[str, tuple[tuple[date, date], ...]], *, comparable: float | None
) -> list[Review]:
    """Reviews of every meter of a table."""
    days = table.rows.with_columns(
        day=pl.col("at").dt.convert_time_zone(table.zone).dt.date(),
        index=pl.col("index_l") / 1000.0,
    )
    reviews = []
    for (meter,), rows in days.group_by("meter", maintain_order=True):
        readings = [Reading(day, index) for day, index in rows.select("day", "index").iter_rows()]
        found = periods(str(meter), readings)
        reviews += review(found, comparable_day=comparable, leaks=leaks.get(str(meter), ()))
    return reviews


def read_leaks(path: Path) -> dict[str, tuple[tuple[date, date], ...]]:
    """Known leaks by meter; raises :class:`BadTable` when a line is not meter,start,end."""
    table = read_text_table(path)
    if not {"meter", "start", "end"} <= set(table.columns):
        raise BadTable(
            f"{path}: columns meter, start, end are needed; found {table.columns}", path=str(path)
        )
    found: dict[str, tuple[tuple[date, date], ...]] = {}
    for line, each in enumerate(table.iter_rows(named=True), start=2):
        try:
            span = (date.fromisoformat(each["start"]), date.fromisoformat(each["end"]))
        except (TypeError, ValueError) as error:
            raise BadTable(f"{path}: line {line}: {error}", path=str(path)) from error
        found[each["meter"]] = (*found.get(each["meter"], ()), span)
    return found


def row(each: Review) -> tuple[object, ...]:
    """One line of the output."""
    period, mean = each.period, each.reference.volume
    caps = relief(period.volume, mean) if mean is not None and each.verdict == "abnormal" else None
    return (
        period.meter, period.start.isoformat(), period.end.isoformat(), period.days, round(period.volume, 3),
        None if mean is None else round(mean, 2), each.reference.source,
        None if each.ratio is None else round(each.ratio, 2),
        None if each.naive_mean is None else round(each.naive_mean, 2), each.naive, each.verdict, each.context,
        REASONS[each.context][0], month_after(period.end).isoformat() if caps else None,
        round(caps.water, 2) if caps else None, round(caps.sanitation, 2) if caps else None,
    )  # fmt: skip
