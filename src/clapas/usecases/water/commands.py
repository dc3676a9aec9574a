"""The command ``clapas water``: batch tools for analysts, on files."""

import typer

from clapas.usecases.late import late_group


def register(app: typer.Typer) -> None:
    """Add ``clapas water …`` to the command line."""
    about = "Water: leaks, meters, overconsumption, districts."
    app.add_typer(late_group(_water, about=about), name="water")


def _water() -> typer.Typer:
    from clapas.usecases.water.billing import commands as billing
    from clapas.usecases.water.leaks import commands as leaks
    from clapas.usecases.water.meters import commands as meters
    from clapas.usecases.water.meters import receiver
    from clapas.usecases.water.network import commands as network
    from clapas.usecases.water.network import daily, yearly

    water = typer.Typer()
    evaluate = typer.Typer(help="Score the detectors on seeded truth.", no_args_is_help=True)
    water.command("leaks")(leaks.find_leaks)
    evaluate.command("leaks")(leaks.evaluate_leaks)
    water.command("health")(meters.find_signs)
    water.command("consumption")(meters.write_consumption)
    water.command("telegrams")(receiver.read_telegrams)
    water.command("overconsumption")(billing.find_overconsumption)
    water.command("districts")(network.find_bursts)
    water.command("balance")(daily.write_balance)
    water.command("rpqs")(yearly.write_rpqs)
    evaluate.command("network")(network.evaluate_network)
    water.add_typer(evaluate, name="evaluate")
    return water
