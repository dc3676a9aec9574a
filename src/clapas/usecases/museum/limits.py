"""The dated limits of the museum trade: the newest file whose date has come."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "thresholds"


class Plausible(msgspec.Struct, frozen=True):
    temperature: tuple[float, float]
    humidity: tuple[float, float]
    source: str = ""
    source_fr: str = ""
    to_confirm: bool = True


class Swing(msgspec.Struct, frozen=True):
    humidity_24h: float
    source: str = ""
    source_fr: str = ""
    to_confirm: bool = True


class Surface(msgspec.Struct, frozen=True):
    dew_point_margin: float
    source: str = ""
    source_fr: str = ""
    to_confirm: bool = True


class Ashrae(msgspec.Struct, frozen=True):
    """One type of control: ± % RH and ± K of short fluctuations, the season's ± % RH and K below and above, limits."""

    name: str
    short_humidity: float
    short_temperature: float
    seasonal_humidity: float
    seasonal_temperature: tuple[float, float]
    temperature: tuple[float, float]
    humidity: tuple[float, float]


class AshraeRule(msgspec.Struct, frozen=True):
    share: float
    seasonal_tolerance: float
    source: str = ""
    source_fr: str = ""
    to_confirm: bool = True


class Storage(msgspec.Struct, frozen=True):
    name: str
    temperature: tuple[float, float]
    humidity: tuple[float, float]


class Sourced(msgspec.Struct, frozen=True):
    source: str = ""
    source_fr: str = ""
    to_confirm: bool = True


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """All the limits, with the date from which they hold."""

    valid_from: date
    plausible: Plausible
    swing: Swing
    surface: Surface
    ashrae: tuple[Ashrae, ...]
    ashrae_rule: AshraeRule
    storage: tuple[Storage, ...]
    storage_rule: Sourced


@cache
def limits(on: date) -> Limits:
    """The limits in force on a day; before the first file, the first one."""
    files = sorted(FOLDER.glob("*.toml"))
    held = [path for path in files if date.fromisoformat(path.stem) <= on] or files[:1]
    with held[-1].open("rb") as file:
        return msgspec.convert(tomllib.load(file), Limits)
