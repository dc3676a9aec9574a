"""The command ``clapas mobility``: batch tools for analysts, on files."""

import typer

from clapas.usecases.late import late_group


def register(app: typer.Typer) -> None:
    """Add ``clapas mobility …`` to the command line."""
    about = "Mobility: car parks, bikes, counters, traffic."
    app.add_typer(late_group(_mobility, about=about), name="mobility")


def _mobility() -> typer.Typer:
    from clapas.usecases.mobility.bays import commands as bays
    from clapas.usecases.mobility.counters import commands as counters
    from clapas.usecases.mobility.places import commands as places
    from clapas.usecases.mobility.traffic import commands as traffic

    mobility = typer.Typer()
    mobility.command("forecast", epilog=places.FORECAST_EPILOG)(places.forecast_places)
    mobility.command("frozen", epilog=places.FROZEN_EPILOG)(places.find_frozen)
    mobility.command("rebalance")(places.rebalance)
    mobility.command("evaluate")(places.evaluate_places)
    mobility.command("bays", epilog=bays.EPILOG)(bays.bays)
    mobility.command("counters", epilog=counters.EPILOG)(counters.count)
    mobility.command("traffic", epilog=traffic.EPILOG)(traffic.traffic)
    return mobility
