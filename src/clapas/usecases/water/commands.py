"""The command ``clapas water``: batch tools for analysts, on files."""

import typer

from clapas.usecases.late import late_group

ABOUT = (
    "Water: leaks, meters, overconsumption, districts. Tables are CSV or CSV.gz; see docs/water.md."
)
READINGS = "READINGS.csv: meter;datetime;index, in litres (m³ when the column says index_m3)."


def register(app: typer.Typer) -> None:
    """Add ``clapas water …`` to the command line."""
    app.add_typer(late_group(_water, about=ABOUT), name="water")


def _water() -> typer.Typer:
    from clapas.usecases.water.billing import commands as billing
    from clapas.usecases.water.leaks import commands as leaks
    from clapas.usecases.water.meters import commands as meters
    from clapas.usecases.water.meters import receiver
    from clapas.usecases.water.network import commands as network
    from clapas.usecases.water.network import daily, yearly

    water = typer.Typer()
    evaluate = typer.Typer(help="Score the detectors on seeded truth.", no_args_is_help=True)
    for group, name, command, example in (
        (water, "leaks", leaks.find_leaks, f"leaks READINGS.csv --out alerts.csv. {READINGS}"),
        (water, "health", meters.find_signs, f"health READINGS.csv --out health.csv. {READINGS}"),
        (water, "consumption", meters.write_consumption, "consumption READINGS.csv --out days.csv --hours hours.csv"),
        (water, "telegrams", receiver.read_telegrams, "telegrams LOG.csv --out readings.csv"),
        (water, "overconsumption", billing.find_overconsumption, "overconsumption INDEXES.csv --out periods.csv --dossiers files/"),
        (water, "districts", network.find_bursts, "districts FLOWS.csv --levels LEVELS.csv --inp TOWN.inp --out alarms.csv"),
        (water, "balance", daily.write_balance, "balance FLOWS.csv --zones ZONES.csv --out balance.csv"),
        (water, "rpqs", yearly.write_rpqs, "rpqs VOLUMES.csv --out table.csv"),
        (evaluate, "leaks", leaks.evaluate_leaks, "evaluate leaks READINGS.csv --seed 11"),
        (evaluate, "network", network.evaluate_network, "evaluate network TOWN.inp --scenarios 6 --seed 31 --sensors sensors.txt"),
    ):  # fmt: skip
        group.command(name, epilog=f"Example: clapas water {example}")(command)
    water.add_typer(evaluate, name="evaluate")
    return water
