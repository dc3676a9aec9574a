"""The command line: every room's ``commands.py`` adds its own, found by its place.

An error is one clear sentence, then who must act. Exit status: 0 done, 1 done with findings, 2 wrong use or
the request must change, 3 the operator must act, 70 a defect of Clapas, 130 stopped by Ctrl-C.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

import clapas
from clapas.domain.errors import ClapasError

EXIT_STATUS = {"owner": 2, "operator": 3, "us": 70}
WHO = {
    "owner": "Change the request, then try again.",
    "operator": "The person who runs this platform must act.",
    "us": "This is a defect of Clapas: please report it.",
}
PARTS = ("__init__", "data", "doors")
"""Of ``clapas.commands``: no commands of their own."""
HELP = """The open platform of a connected territory.

Start with 'clapas demo' to see a lively territory, or 'clapas up' for your own."""


def application() -> typer.Typer:
    """The command line with the commands of every room."""
    app = typer.Typer(
        name="clapas", help=HELP, no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_options)
    for module in command_modules():
        load_commands(module).register(app)
    _register_own(app)
    return app


def command_modules() -> list[str]:
    """The modules ``commands`` of rooms, of parts of ``ops`` and of trades, and the composed ones."""
    composed = Path(next(iter(importlib.import_module("clapas.commands").__path__)))
    found = [
        f"clapas.commands.{path.stem}" for path in composed.glob("*.py") if path.stem not in PARTS
    ]
    for package in ("clapas", "clapas.ops", "clapas.usecases"):
        folder = Path(next(iter(importlib.import_module(package).__path__)))
        found += [f"{package}.{path.parent.name}.commands" for path in folder.glob("*/commands.py")]
    return sorted(found)


def load_commands(name: str) -> ModuleType:
    """A module of commands, without importing the room around it: the command line stays quick."""
    package, _, last = name.rpartition(".")
    folder = Path(next(iter(clapas.__path__))).joinpath(*package.split(".")[1:])
    spec = importlib.util.spec_from_file_location(name, folder / f"{last}.py")
    if name in sys.modules or spec is None or spec.loader is None:
        return importlib.import_module(name)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """The entry point of the program ``clapas``."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit status."""
    if arguments == ["--version"]:
        print(f"clapas {clapas.__version__}")
        return 0
    try:
        result: Any = application()(arguments, standalone_mode=False, prog_name="clapas")
    except ClapasError as error:
        print(f"clapas: {str(error).rstrip('.')}.\n{WHO[error.actor]}", file=sys.stderr)
        return EXIT_STATUS[error.actor]
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        if not callable(getattr(error, "show", None)):
            raise
        error.show()  # type: ignore[attr-defined]
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0


def _print_version(asked: bool) -> None:
    if asked:
        print(f"clapas {clapas.__version__}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


def _register_own(app: typer.Typer) -> None:
    @app.command("config")
    def config(
        check: Annotated[
            bool,
            typer.Option("--check", help="Validate the settings instead of printing the default."),
        ] = False,
        data: Annotated[
            Path, typer.Option("--data", help="Data directory, whose clapas.toml is read.")
        ] = Path("clapas-data"),
        file: Annotated[
            Path | None, typer.Option("--config", help="Settings file to read instead.")
        ] = None,
    ) -> None:
        """Print every setting with its meaning and default, as a file to start from."""
        from clapas import config as settings

        if check:
            settings.load(data, file)
            print("the settings are accepted")
        else:
            print(settings.annotated_default())
