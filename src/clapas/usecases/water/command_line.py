"""What the water commands share: options and what they accept, how unreadable lines and progress are told."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from clapas.usecases.errors import BadTable
from clapas.usecases.tables import MAX_PROBLEMS, Problem, known_zone


def a_zone(name: str) -> str:
    """The name of a time zone; anything else is wrong use."""
    try:
        return known_zone(name)
    except BadTable as error:
        raise typer.BadParameter(str(error)) from error


def a_number(value: float | None) -> float | None:
    """A finite number, zero or more; anything else is wrong use."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value} is no number of zero or more")
    return value


def above_zero(value: float | None) -> float | None:
    """A finite number above zero; anything else is wrong use."""
    if value is not None and a_number(value) == 0:
        raise typer.BadParameter("the number must be above zero")
    return value


def tell(path: Path | str, problems: Iterable[Problem]) -> None:
    """Name on the error stream what could not be read of a file."""
    said = list(problems)
    for problem in said:
        typer.echo(f"{path}: {problem}", err=True)
    if len(said) >= MAX_PROBLEMS:
        typer.echo(f"{path}: only the first {MAX_PROBLEMS} lines are told", err=True)


Zone = Annotated[str, typer.Option(help="Zone of the times written without one.", callback=a_zone)]
