"""Groups of commands that compute with heavy libraries: imported when somebody asks for them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import typer
from typer.core import TyperGroup


def late_group(load: Callable[[], typer.Typer], *, about: str) -> typer.Typer:
    """A group of commands whose ``load`` is called when its commands are asked for, and not before."""

    @cache
    def loaded() -> TyperGroup:
        app = load()
        app.callback()(_several)
        group = typer.main.get_command(app)
        if not isinstance(group, TyperGroup):
            raise TypeError("commands make a group")
        return group

    class Late(TyperGroup):
        """The group on the command line."""

        def list_commands(self, ctx: Any) -> list[str]:
            """The commands' names."""
            return loaded().list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """A command by its name."""
            return loaded().get_command(ctx, cmd_name)

    return typer.Typer(cls=Late, help=about, no_args_is_help=True)


def _several() -> None:
    """Makes a group of even a single command."""
