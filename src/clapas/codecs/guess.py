"""Name, unit and value of a device's channel → quantity of the vocabulary.

A guess that people confirm or change in the device's model; what is not recognised stays a plain value.
"""

import re
import unicodedata

from clapas.codecs import flat
from clapas.codecs.channel_names import NAMES, ignored
from clapas.codecs.units import comparable, conversion, unit
from clapas.domain.message import Value
from clapas.domain.quantities import BY_NGSI_NAME, QUANTITIES

__all__ = ["conversion", "flatten", "quantity"]

flatten = flat.flatten

Guess = tuple[str, float, float]

_FLAGS = frozenset({"door_open", "parking_occupied", "water_leak", "presence"})
_NAME_UNITS: dict[str, tuple[str, ...]] = {
    "mv": ("battery_voltage", "voltage"),
    "f": ("temperature", "water_temperature", "soil_temperature"),
    "tempf": ("temperature",),
    "pa": ("pressure", "atmospheric_pressure"),
    "kpa": ("pressure", "atmospheric_pressure", "water_pressure"),
    "hpa": ("pressure", "atmospheric_pressure"),
    "bar": ("pressure", "water_pressure"),
    "mbar": ("pressure", "atmospheric_pressure"),
    "mm": ("distance", "water_level", "tank_level", "snow_height"),
    "cm": ("distance", "water_level", "tank_level", "snow_height"),
    "litre": ("water_index", "water_volume"),
    "litres": ("water_index", "water_volume"),
    "liters": ("water_index", "water_volume"),
    "l": ("water_index", "water_volume"),
    "wh": ("energy_index",),
    "kw": ("power",),
    "ma": ("current",),
    "pct": (),
    "percent": (),
    "km": ("distance",),
}
"""Words of a name that say its unit, and for which meanings they do."""


def quantity(channel: str, unit_code: str, *, value: Value) -> Guess | None:
    """Quantity, scale and offset (kept = value · scale + offset), or None when nothing is recognised.

    Total: any text and any value give an answer. ``unit_code`` is a UN/CEFACT code or a usual symbol.
    """
    if isinstance(value, (str, dict, list)):
        return None
    number = _number(value)
    own = BY_NGSI_NAME.get(channel)
    if channel in QUANTITIES or own is not None:
        key = own.key if own is not None else channel
        scale, offset = conversion(unit_code, key)
        if not unit_code and _percent(key) and abs(number) > 1:
            scale = 0.01
        return key, scale, offset
    words = split(channel)
    if ignored(words):
        return None
    named = unit_code or _unit_in(words)
    for key, pattern in NAMES:
        if pattern.search(words):
            guess = _settle(key, words, named=named, number=number)
            if guess is not None and not (isinstance(value, bool) and guess[0] not in _FLAGS):
                return guess
    return _by_unit(unit_code)


def split(channel: str) -> str:
    """A channel's name as plain lower-case words: ``TempC_SHT`` → ``temp c sht``."""
    text = unicodedata.normalize("NFKD", channel[:256])
    text = "".join(each for each in text if not unicodedata.combining(each))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def _settle(key: str, words: str, *, named: str, number: float) -> Guess | None:
    """The quantity behind a meaning, with the unit said or guessed from the size of the value."""
    if key == "pressure":
        return _pressure(named, number)
    if key in {"battery_level", "battery_voltage"}:
        return _battery(key, named, number=number)
    if not named and key == "tvoc":
        return None
    if not comparable(named, key):
        return None
    if named and not _percent(key):
        said = _NAME_UNITS.get(named.lower())
        if said and key not in said and named in words.split():
            return (key, 1.0, 0.0)
        return (key, *conversion(named, key))
    if _percent(key):
        return key, _ratio(named, number), 0.0
    return key, 1.0, 0.0


def _battery(key: str, named: str, *, number: float) -> Guess:
    """A battery in volts, in millivolts, in percent or as a ratio."""
    given = unit(named) if named else None
    if given is not None and given[0] == "voltage":
        return ("battery_voltage", *conversion(named, "battery_voltage"))
    if given is not None and given[0] == "ratio":
        return "battery_level", _ratio(named, number), 0.0
    if key == "battery_voltage" or number > 100:
        return "battery_voltage", 0.001 if number > 100 else 1.0, 0.0
    if 1 < number <= 5.5 and number != int(number):
        return "battery_voltage", 1.0, 0.0
    return "battery_level", _ratio(named, number), 0.0


def _pressure(named: str, number: float) -> Guess:
    """Air or water: the air weighs between 300 and 1100 hPa."""
    if named and (given := unit(named)) is not None and given[0] == "pressure":
        hectopascals = number * given[1] / 100
        key = "atmospheric_pressure" if 300 <= hectopascals <= 1100 else "water_pressure"
        return (key, *conversion(named, key))
    if 300 <= number <= 1100:
        return "atmospheric_pressure", 1.0, 0.0
    if 30_000 <= number <= 110_000:
        return "atmospheric_pressure", 0.01, 0.0
    return "water_pressure", 1.0, 0.0


def _ratio(named: str, number: float) -> float:
    given = unit(named) if named else None
    if given is not None and given[0] == "ratio":
        return conversion(named, "relative_humidity")[0]
    return 1.0 if 0 < abs(number) < 1 else 0.01


def _percent(key: str) -> bool:
    known = QUANTITIES.get(key)
    return known is not None and known.shown_unit == "%"


def _unit_in(words: str) -> str:
    for each in words.split():
        if each in _NAME_UNITS:
            return each
    return ""


def _by_unit(code: str) -> Guess | None:
    """A unit that only one thing is measured in tells the quantity by itself."""
    alone = {"temperature": "temperature", "illuminance": "illuminance", "acidity": "ph"}
    given = unit(code) if code.strip() else None
    key = alone.get(given[0]) if given is not None else None
    return (key, *conversion(code, key)) if key is not None else None


def _number(value: Value) -> float:
    return float(value) if isinstance(value, (int, float)) and value == value else 0.0  # noqa: PLR0124
