"""The command ``clapas mobility``: batch tools for analysts, on files."""

import typer

from clapas.usecases.mobility.bays import commands as bays
from clapas.usecases.mobility.counters import commands as counters
from clapas.usecases.mobility.places import commands as places


def register(app: typer.Typer) -> None:
    """Add ``clapas mobility …`` to the command line."""
    mobility = typer.Typer(help="Mobility: car parks, bikes, counters.", no_args_is_help=True)
    mobility.command("forecast", epilog=places.FORECAST_EPILOG)(places.forecast_places)
    mobility.command("frozen", epilog=places.FROZEN_EPILOG)(places.find_frozen)
    mobility.command("rebalance")(places.rebalance)
    mobility.command("evaluate")(places.evaluate_places)
    mobility.command("bays", epilog=bays.EPILOG)(bays.bays)
    mobility.command("counters", epilog=counters.EPILOG)(counters.count)
    app.add_typer(mobility, name="mobility")
