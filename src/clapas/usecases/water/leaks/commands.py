"""``clapas water leaks`` and ``clapas water evaluate leaks``."""

from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer

from clapas.usecases.outputs import check_outputs, write_whole
from clapas.usecases.water.command_line import Zone, a_number
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.batch import COLUMNS, Recordings, alert_table, recordings
from clapas.usecases.water.leaks.evaluate import is_held, run_trial
from clapas.usecases.water.leaks.inject import Plan
from clapas.usecases.water.leaks.levels import BURSTS, SURE, Levels
from clapas.usecases.water.leaks.nightly import Ledger, run_night
from clapas.usecases.water.leaks.plain import plain_trial
from clapas.usecases.water.leaks.score import burst_lines, leak_lines, plain_lines
from clapas.usecases.water.meters.commands import read_all
from clapas.usecases.water.meters.times import shown_time

Files = Annotated[
    list[Path], typer.Argument(help="CSV or CSV.gz: meter; datetime; index in litres.")
]
Bursts = Annotated[
    str,
    typer.Option(
        help="every: any two hours above 195 L/h; eager; early; sure: after 4 hours, fewest alerts."
    ),
]
LEAK_RATES = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
BURST_RATES = (220.0, 300.0, 500.0, 1000.0)


def levels_for(bursts: str) -> Levels:
    """The watched levels for 'every', 'eager', 'early' or 'sure' bursts."""
    for name, levels in BURSTS.items():
        if name == bursts:
            return levels
    raise typer.BadParameter(f"one of: {', '.join(BURSTS)}", param_hint="--bursts")


def find_leaks(
    files: Files,
    out: Annotated[Path, typer.Option(help="Where the alerts are written (CSV).")],
    *,
    zone: Zone = "Europe/Paris",
    bursts: Bursts = "every",
    state: Annotated[
        Path | None,
        typer.Option(help="What is known of each meter, kept from night to night (.npz)."),
    ] = None,
    price: Annotated[
        float,
        typer.Option(help="Price of water, sanitation included (€/m³).", callback=a_number),
    ] = 4.0,
) -> None:
    """Leaks after the meter: one line an alert, told with what was known at ``raised_at``."""
    levels = levels_for(bursts)
    check_outputs(out, state, inputs=files)
    table = read_all(files, zone)
    ledger = Ledger.load(state) if state and state.is_file() else Ledger.empty(levels)
    ledger, found = run_night(ledger, table.rows, levels=levels)
    alerts = alert_table(found, ledger.names)
    shown = alerts.with_columns(
        raised_at=shown_time(pl.col("raised_at"), local=table.local, zone=zone)
    )
    write_whole(out, shown.select(COLUMNS).write_csv())
    if state:
        ledger.save(state)
    typer.echo(
        f"{len(ledger.names)} meters, {table.rows.height} readings, {shown.height} alerts → {out}"
    )
    for line in [*_dearest(shown, price), *_surest(shown)]:
        typer.echo(line)


def _dearest(alerts: pl.DataFrame, price: float) -> list[str]:
    """The ten leaks that cost most a month."""
    leaks = alerts.filter(pl.col("kind") != "burst")
    ranked = leaks.with_columns(euros_month=(pl.col("rate_l_h") * 0.72 * price).round(0))
    return [
        f"  {row['meter']}  {row['kind']}  {row['rate_l_h']:.1f} L/h  "
        f"{row['rate_l_h'] * 24:.0f} L/day  {row['euros_month']:.0f} €/month  since about {row['raised_at']}"
        for row in ranked.sort("euros_month", descending=True).head(10).iter_rows(named=True)
    ]


def _surest(alerts: pl.DataFrame) -> list[str]:
    """How many bursts, and the ten that are the strangest for their meter: the others may well be a pool."""
    bursts = alerts.filter(pl.col("kind") == "burst")
    if bursts.is_empty():
        return []
    sure = bursts.filter(pl.col("confidence") >= SURE)
    title = f"{bursts.height} bursts (above 195 L/h for hours), of which {sure.height} at a confidence of {SURE} or more:"
    return [title] + [
        f"  {row['meter']}  {row['rate_l_h']:.0f} L/h  confidence {row['confidence']:.2f}  {row['raised_at']}"
        for row in sure.sort("confidence", descending=True).head(10).iter_rows(named=True)
    ]


def evaluate_leaks(
    files: Files,
    seed: Annotated[int, typer.Option(help="Seed of the injected leaks.", min=0)] = 1,
    *,
    split: Annotated[str, typer.Option(help="held: never tuned on; tuning; all.")] = "held",
    per_meter: Annotated[int, typer.Option(help="Leaks of each rate per meter.", min=1)] = 8,
    zone: Zone = "Europe/Paris",
    bursts: Bursts = "every",
) -> None:
    """Inject seeded leaks into real series; report detection, delay, alerts per 1,000 meter-days."""
    data = recordings(read_all(files, zone).rows)
    meters = chosen_meters(data, split)
    levels = levels_for(bursts)
    typer.echo(f"{split} meters: {len(meters)} of {len(data.names)}, seed {seed}")
    plan = Plan(rates=LEAK_RATES, per_meter=per_meter, days=18.0, seed=seed)
    leaks = run_trial(data, meters, levels=levels, plan=plan)
    if not len(leaks.leaks.line):
        raise BadTable(
            "no meter was heard every hour for three weeks and the six days after: no leak can be put into them"
        )
    plain = plain_trial(data, meters, leaks=leaks.leaks, plan=plan)
    short = Plan(
        rates=BURST_RATES,
        per_meter=per_meter,
        days=2.0,
        shapes=("steady",),
        seed=seed,
        coverage=0.9,
        coverage_days=0.5,
    )
    sudden = run_trial(data, meters, levels=levels, plan=short)
    report = leak_lines(leaks, LEAK_RATES) + plain_lines(plain) + burst_lines(sudden, BURST_RATES)
    for line in report:
        typer.echo(line)


def chosen_meters(data: Recordings, split: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row numbers of the meters of one side of the split ('held', 'tuning' or 'all')."""
    held = np.array([is_held(name) for name in data.names])
    sides: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {
        "held": held,
        "tuning": ~held,
        "all": np.ones(len(held), dtype=np.bool_),
    }
    if split not in sides:
        raise typer.BadParameter("one of: held, tuning, all", param_hint="--split")
    return np.flatnonzero(sides[split])
