"""Configuration: one TOML file and environment variables, read once, frozen, validated before anything starts.

Every room that has a ``settings.py`` with a class ``Settings`` has the table of its name; a trade's is
``[usecases.<trade>]``. The environment wins over the file: ``CLAPAS_ENGINES__MQTT_PORT=1884`` sets
``engines.mqtt_port``. The annotated default that ``clapas config`` prints is made from the classes.
"""

import ast
import importlib
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from clapas.domain.errors import BadSetting

FILE_NAME = "clapas.toml"
PREFIX = "CLAPAS_"
SECRET_NAMES = re.compile(r"password|secret|seed|token|private")
CREDENTIALS = re.compile(r"//[^/@]*@")
Table = type[msgspec.Struct]


def rooms() -> dict[str, Table]:
    """The settings classes by the name of their table, found by their place."""
    return dict(sorted(_discover("clapas", "")))


def _discover(package: str, prefix: str) -> Iterator[tuple[str, Table]]:
    for folder in importlib.import_module(package).__path__:
        for info in pkgutil.iter_modules([folder]):
            name = f"{package}.{info.name}"
            if (Path(folder) / info.name / "settings.py").exists():
                yield (
                    prefix + info.name,
                    _settings_class(f"{name}.settings", Path(folder) / info.name),
                )
            if name == "clapas.usecases":
                yield from _discover(name, "usecases.")


def _settings_class(name: str, folder: Path) -> Table:
    """The class, without importing the room around it: reading settings stays quick."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, folder / "settings.py")
        if spec is None or spec.loader is None:
            raise ImportError(name)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    found: Table = sys.modules[name].Settings
    return found


if TYPE_CHECKING:

    class Configuration(msgspec.Struct, frozen=True):
        """All settings, one attribute for each room (a trade's is ``usecases_<trade>``)."""

        def __getattr__(self, name: str) -> Any: ...

else:

    def __getattr__(name: str) -> Any:
        if name == "Configuration":
            return _configuration()
        raise AttributeError(name)


@cache
def _configuration() -> "type[Configuration]":
    """The class of all settings, made of the rooms that are there."""
    fields = [
        (name.replace(".", "_"), table, msgspec.field(default_factory=table))
        for name, table in rooms().items()
    ]
    made = msgspec.defstruct("Configuration", fields, frozen=True, kw_only=True, module=__name__)
    made.__doc__ = "All settings, one attribute for each room."
    return made  # type: ignore[return-value]


def load(
    data: Path, file: Path | None = None, *, environment: Mapping[str, str] | None = None
) -> "Configuration":
    """Read ``file`` (else ``clapas.toml`` of the data directory, when it is there) and the environment.

    Raises BadSetting, which names the key, the value and what is accepted.
    """
    given = _read_file(file or data / FILE_NAME, must_exist=file is not None)
    tables = rooms()
    for key, value in _from_environment(
        environment if environment is not None else os.environ, tables
    ):
        _put(given, key, value=value)
    trades = given.pop("usecases", {})
    given |= (
        {f"usecases.{name}": table for name, table in trades.items()}
        if isinstance(trades, dict)
        else {}
    )
    for name in given:
        if name not in tables:
            raise _bad(name, given[name], accepted=f"one of the tables {', '.join(tables)}")
    made = {
        name.replace(".", "_"): _table(name, given.get(name, {}), table=table)
        for name, table in tables.items()
    }
    return _configuration()(**made)


def _read_file(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise BadSetting(f"the settings file {path} does not exist", key=str(path)) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"the settings file {path} cannot be read: {error}", key=str(path)
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"the settings file {path} is not TOML: {error}", key=str(path)) from error


def _from_environment(
    environment: Mapping[str, str], tables: Mapping[str, Table]
) -> Iterator[tuple[list[str], Any]]:
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        key = name.removeprefix(PREFIX).lower().split("__")
        if key[0] not in tables and key[0] != "usecases":
            raise _bad(
                name,
                text,
                accepted=f"{PREFIX}<TABLE>__<KEY>, where TABLE is one of {', '.join(tables).upper()}",
            )
        yield key, _parsed(text)


def _parsed(text: str) -> Any:
    """An environment's text as TOML or JSON writes values; anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(text, type=dict[str, Any])
        return text


def _put(given: dict[str, Any], key: list[str], *, value: Any) -> None:
    table = given
    for part in key[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise _bad(".".join(key), value, accepted=f"{part} to be a table")
        table = inner
    table[key[-1]] = value


def _table(name: str, given: Any, *, table: Table) -> msgspec.Struct:
    if not isinstance(given, dict):
        raise _bad(name, given, accepted="a table of settings")
    _refuse_unknown(name, given, table=table)
    for field in msgspec.structs.fields(table):
        if field.type is str and isinstance(given.get(field.name), int | float):
            given = {**given, field.name: str(given[field.name])}
    try:
        return msgspec.convert(given, table)
    except msgspec.ValidationError as error:
        raise _not_accepted(name, given, error=error) from error


def _refuse_unknown(name: str, given: Mapping[str, Any], *, table: Table) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(table)}
    for key, value in given.items():
        if key not in known:
            raise _bad(f"{name}.{key}", value, accepted=f"one of the keys {', '.join(known)}")
        inner = known[key]
        if (
            isinstance(value, dict)
            and isinstance(inner, type)
            and issubclass(inner, msgspec.Struct)
        ):
            _refuse_unknown(f"{name}.{key}", value, table=inner)


def _not_accepted(name: str, given: Any, *, error: msgspec.ValidationError) -> BadSetting:
    what, _, place = str(error).partition(" - at ")
    path = place.strip("`").removeprefix("$").lstrip(".")
    value = given
    for part in re.findall(r"[^.\[\]]+", path):
        value = value.get(part) if isinstance(value, dict) else value
    accepted = re.sub(r"^Expected (.*?)(, got .*)?$", r"\1", what).replace("`", "")
    return _bad(f"{name}.{path}" if path else name, value, accepted=accepted)


def _bad(key: str, value: Any, *, accepted: str) -> BadSetting:
    hidden = SECRET_NAMES.search(key.lower()) and value not in ("", None)
    shown = (
        "(hidden)"
        if hidden
        else CREDENTIALS.sub("//…@", json.dumps(value, default=str, ensure_ascii=False))
    )
    return BadSetting(
        f"the setting {key} = {shown} is not accepted: expected {accepted}",
        key=key,
        value=shown,
        accepted=accepted,
    )


def annotated_default() -> str:
    """The default settings as a TOML file: every key with what it means, commented out."""
    parts = [
        "# Settings of Clapas. Every line that begins with '#' shows a default.",
        f"# In the environment: {PREFIX}<TABLE>__<KEY>, in TOML or JSON, which wins over this file.",
        "",
    ]
    for name, table in rooms().items():
        parts += [*_comment(inspect.getdoc(table) or ""), f"[{name}]", *_keys(table, ""), ""]
    return "\n".join(parts)


def _keys(table: Table, prefix: str) -> Iterator[str]:
    meanings = key_meanings(table)
    for field in msgspec.structs.fields(table):
        key = prefix + field.name
        default = (
            field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        )
        yield from _comment(meanings.get(field.name, ""))
        if isinstance(default, msgspec.Struct):
            yield from _keys(type(default), f"{key}.")
        elif default is None or default is msgspec.NODEFAULT:
            yield f"# {key} is not set"
        else:
            yield f"# {key} = {toml_value(default)}"


def key_meanings(table: Table) -> dict[str, str]:
    """What each key means: the string that follows its line in the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(table))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found: dict[str, str] = {}
    for before, after in pairwise(body):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and is_text:
            found[before.target.id] = inspect.cleandoc(str(after.value.value))  # type: ignore[attr-defined]
    return found


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in plain.items()) + "}"
    if isinstance(plain, list | tuple):
        return "[" + ", ".join(toml_value(inner) for inner in plain) + "]"
    return json.dumps(plain, ensure_ascii=False)


def _comment(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in text.splitlines()]


__all__ = [
    "FILE_NAME",
    "Configuration",
    "annotated_default",
    "key_meanings",
    "load",
    "rooms",
    "toml_value",
]
