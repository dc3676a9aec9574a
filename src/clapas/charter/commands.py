"""The commands of the charter: ``clapas charter check``."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    charter = typer.Typer(name="charter", help="The data charter.", no_args_is_help=True)
    charter.command("check")(check_articles)
    charter.callback()(_charter)
    app.add_typer(charter)


def _charter() -> None:
    """The data charter: its articles and the datasets' records."""


def check_articles(
    file: Annotated[
        Path | None, typer.Argument(help="Articles (Cedar); the template by default.")
    ] = None,
) -> int:
    """Check articles against the vocabulary, and list them."""
    from clapas.charter.articles import packaged_schema, packaged_text, read_policies

    text = _text_of(file) if file else packaged_text()
    policies = read_policies(text, schema=packaged_schema())
    for each in sorted(policies.articles.values(), key=lambda found: found.id):
        typer.echo(f"{each.id}  {each.effect:6}  {each.titre}  [{each.fondement}]")
    typer.echo(json.dumps({"version": policies.version, "checked": str(datetime.now(UTC).date())}))
    return 0


def _text_of(file: Path) -> str:
    """A file of articles. Raises InvalidInput."""
    from clapas.domain.errors import InvalidInput

    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}", path=str(file)) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file}: no text in UTF-8", path=str(file)) from error
