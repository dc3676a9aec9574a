"""The command ``clapas museum``: batch tools for keepers and analysts, on files."""

import typer

from clapas.usecases.late import late_group


def register(app: typer.Typer) -> None:
    """Add ``clapas museum …`` to the command line."""
    about = "Museum: the climate of rooms and showcases."
    app.add_typer(late_group(_museum, about=about), name="museum")


def _museum() -> typer.Typer:
    from clapas.usecases.museum.analysis import commands

    return commands()
