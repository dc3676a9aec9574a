"""The pages of reference, made from the code: settings, commands, error codes, quantities.

``python scripts/reference.py --write`` writes docs/reference/; without it, the names of stale pages are
printed and the exit status is 1. A test runs the same comparison.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from clapas import config
from clapas.cli import application
from clapas.domain.errors import ClapasError
from clapas.domain.quantities import QUANTITIES

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"
FOLDER = ROOT / "docs" / "reference"
MADE = "This page is made from the code by `./clapas docs`; a test checks that it is current.\n"
ACTORS = {"owner": "owner of the device or request", "operator": "operator", "us": "us"}


def settings_page() -> Iterator[str]:
    """Every table and key with its default and meaning."""
    yield "# Settings\n"
    yield MADE
    yield (
        "In `clapas.toml` of the data directory, or in the environment: `CLAPAS_<TABLE>__<KEY>`, in TOML or JSON, which wins."
        " `clapas config` prints them all as a file, `clapas config --check` validates yours.\n"
    )
    for name, table in config.rooms().items():
        yield f"## `[{name}]`\n"
        yield _flat(inspect.getdoc(table) or "") + "\n"
        yield "| key | default | meaning |\n|---|---|---|"
        yield from _keys(table, "")
        yield ""


def _keys(table: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    meanings = config.key_meanings(table)
    for field in msgspec.structs.fields(table):
        given = field.default_factory
        default = field.default if given is msgspec.NODEFAULT else given()
        meaning = _flat(meanings.get(field.name, ""))
        if isinstance(default, msgspec.Struct):
            yield from _keys(type(default), f"{prefix}{field.name}.")
        else:
            shown = (
                "" if default in (None, msgspec.NODEFAULT) else f"`{config.toml_value(default)}`"
            )
            yield f"| `{prefix}{field.name}` | {_cell(shown)} | {_cell(meaning)} |"


def commands_page() -> Iterator[str]:
    """Every command with its arguments and options."""
    yield "# Commands\n"
    yield MADE
    yield "Exit status: 0 done, 1 done with findings, 2 wrong use, 3 the operator must act, 70 a defect, 130 stopped.\n"
    yield from _command(typer.main.get_command(application()), "clapas")


def _command(command: Any, path: str) -> Iterator[str]:
    if getattr(command, "hidden", False):
        return
    yield f"## `{path}`\n"
    yield _flat(command.help or "") + "\n"
    rows = [_parameter(each) for each in command.params if each.name != "help"]
    if rows:
        yield "| parameter | default | meaning |\n|---|---|---|"
        yield from rows
        yield ""
    if hasattr(command, "list_commands"):
        context = typer.Context(command)
        for name in sorted(command.list_commands(context)):
            yield from _command(command.get_command(context, name), f"{path} {name}")


def _parameter(found: Any) -> str:
    names = ", ".join(f"`{each}`" for each in (*found.opts, *found.secondary_opts))
    if found.param_type_name == "argument":
        names = f"`{found.name.upper()}`"
    default = found.default
    plain = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
    shown = f"`{default}`" if plain and str(default) else "required" if found.required else ""
    return f"| {names} | {_cell(shown)} | {_cell(_flat(getattr(found, 'help', '') or ''))} |"


def errors_page() -> Iterator[str]:
    """Every error code, who must act, and the reasons of rejects."""
    yield "# Error codes\n"
    yield MADE
    yield (
        "Answers are `application/problem+json` (RFC 9457) with `code`, `actor` and `values`; the page words the"
        " code in the reader's language. NGSI-LD keeps the standard's own form, but for a quota that is used up.\n"
    )
    yield "| code | who must act | HTTP | meaning |\n|---|---|---|---|"
    for code, kind in sorted(error_codes().items()):
        meaning = _flat((kind.__doc__ or "").split("\n\n")[0])
        yield f"| `{code}` | {ACTORS[kind.actor]} | {kind.status} | {_cell(meaning)} |"
    yield ""
    yield "## Reasons of rejected messages\n"
    yield "A message is rejected with one of the codes above that its connector gave, or one of the pipeline's:\n"
    for reason in reject_reasons():
        yield f"- `{reason}`"
    yield ""


def error_codes() -> dict[str, type[ClapasError]]:
    """Every code with its class, found in the modules that define one."""
    for path in sorted((SOURCES / "clapas").rglob("*.py")):
        if re.search(r"^    code = \"", path.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(SOURCES).with_suffix("").parts))
    found: dict[str, type[ClapasError]] = {}
    waiting: list[type[ClapasError]] = [ClapasError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("clapas.") and "code" in vars(kind):
            found[kind.code] = kind
    return found


def reject_reasons() -> list[str]:
    """The reasons that the main path itself gives."""
    texts = [path.read_text("utf-8") for path in (SOURCES / "clapas" / "pipeline").glob("*.py")]
    return sorted({each for text in texts for each in re.findall(r'Refusal\("(\w+)"', text)})


def quantities_page() -> Iterator[str]:
    """The vocabulary of quantities."""
    yield "# Quantities\n"
    yield MADE
    yield (
        "One internal unit each, which is also the NGSI-LD one; codes of UN/CEFACT Recommendation 20. *Shown* is"
        " how people read it.\n"
    )
    yield "| key | français | English | unit | code | kind | plausible | shown | NGSI-LD |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for key, each in sorted(QUANTITIES.items()):
        shown = f"× {each.shown_scale:g} {each.shown_unit}".strip() if each.shown_unit else ""
        yield (
            f"| `{key}` | {each.fr} | {each.en} | {each.unit} | {each.code} | {each.kind} |"
            f" {each.low:g} … {each.high:g} | {shown} | `{each.ngsi}` |"
        )
    yield ""


PAGES = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "errors.md": errors_page,
    "quantities.md": quantities_page,
}


def pages() -> dict[str, str]:
    """The text of every page by its name."""
    return {name: "\n".join(make()).rstrip() + "\n" for name, make in PAGES.items()}


def stale() -> list[str]:
    """The pages whose file is not what the code says."""
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write the pages, or name those that are stale."""
    if "--write" in sys.argv:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (FOLDER / name).write_text(text, "utf-8")
        return 0
    found = stale()
    sys.stdout.write("".join(f"docs/reference/{name} is stale: ./clapas docs\n" for name in found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
