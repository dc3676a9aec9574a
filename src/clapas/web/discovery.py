"""Finds every route: the files of ``web/api``, and ``<room>/routes.py`` of the rooms below."""

import importlib
import pkgutil
from importlib.resources import files
from typing import Any

import clapas.web.api as own


def handlers() -> list[Any]:
    """All ``HANDLERS``, our own first."""
    found: list[Any] = []
    for each in pkgutil.iter_modules(own.__path__):
        module = importlib.import_module(f"{own.__name__}.{each.name}")
        found.extend(getattr(module, "HANDLERS", ()))
    for room in _rooms_with_routes():
        found.extend(importlib.import_module(f"{room}.routes").HANDLERS)
    return found


def _rooms_with_routes() -> list[str]:
    package = files("clapas")
    rooms = [f"clapas.{r.name}" for r in package.iterdir() if (r / "routes.py").is_file()]
    packs = package / "usecases"
    if packs.is_dir():
        rooms += [
            f"clapas.usecases.{each.name}"
            for each in packs.iterdir()
            if (each / "routes.py").is_file()
        ]
    return sorted(each for each in rooms if each != "clapas.web")
