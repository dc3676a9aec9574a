"""The command ``clapas water``: batch tools for analysts, on files.

Its parts compute with heavy libraries: they are loaded when somebody asks for them, not with the
command line.
"""

from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup


def register(app: typer.Typer) -> None:
    """Add ``clapas water …`` to the command line."""
    water = typer.Typer(
        cls=Water, help="Water: leaks, meters, overconsumption, districts.", no_args_is_help=True
    )
    app.add_typer(water, name="water")


class Water(TyperGroup):
    """The group, whose commands are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands' names."""
        return loaded().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name."""
        return loaded().get_command(ctx, cmd_name)


@cache
def loaded() -> TyperGroup:
    """The commands themselves."""
    from clapas.usecases.water.billing import commands as billing
    from clapas.usecases.water.leaks import commands as leaks
    from clapas.usecases.water.meters import commands as meters
    from clapas.usecases.water.network import commands as network

    water = typer.Typer()
    evaluate = typer.Typer(help="Score the detectors on seeded truth.", no_args_is_help=True)
    water.command("leaks")(leaks.find_leaks)
    evaluate.command("leaks")(leaks.evaluate_leaks)
    water.command("health")(meters.find_signs)
    water.command("consumption")(meters.write_consumption)
    water.command("overconsumption")(billing.find_overconsumption)
    water.command("districts")(network.find_bursts)
    evaluate.command("network")(network.evaluate_network)
    water.add_typer(evaluate, name="evaluate")
    group = typer.main.get_command(water)
    if not isinstance(group, TyperGroup):
        raise TypeError("several commands make a group")
    return group
