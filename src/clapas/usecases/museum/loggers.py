"""Raw exports of climate loggers, read as they are.

Three forms are known: a plain table (site, sensor, date, temperature, humidity); Meaco's
(``RECEIVER,TRANSMITTER,DATE,TEMPERATURE,HUMIDITY``); Hanwell's, whose preamble names the sensor on the line
above ``Date Time,Temperature (C),Humidity (%RH)``, once for each sensor of the file.
"""

from pathlib import Path

import msgspec
import polars as pl

from clapas.usecases.tables import (
    Problem,
    checked,
    column,
    columns,
    instant_of,
    number,
    parse_table,
    read_lines,
    unreadable,
)

SITE = ("site", "receiver", "building", "bâtiment", "musée", "museum")
SENSOR = ("sensor", "transmitter", "capteur", "logger", "name", "nom", "salle", "room", "device")
TIME = (
    "date",
    "date time",
    "datetime",
    "time",
    "timestamp",
    "measured",
    "horodatage",
    "date heure",
)
TEMPERATURE = ("temp", "temperature", "température", "temperature (c)", "temperature (°c)", "t", "temp (c)", "temp (°c)", "temperature_c", "temp_c")  # fmt: skip
HUMIDITY = ("rh", "humidity", "humidité", "humidity (%rh)", "rh (%)", "hr", "relative_humidity", "relative humidity", "rh_percent", "humidité relative")  # fmt: skip
HANWELL_MARK = "exported sensor data"


class Climate(msgspec.Struct, frozen=True, kw_only=True):
    """Readings in the file's order: ``line``, ``site``, ``sensor``, ``written`` (time as text), ``at`` (UTC),
    ``temp`` (°C) and ``rh`` (%), null where the logger said that it had no value.
    """

    rows: pl.DataFrame
    problems: tuple[Problem, ...] = ()


def read_climate(path: Path, *, zone: str = "UTC") -> Climate:
    """Read one logger export, whatever its maker; raises :class:`~clapas.usecases.errors.BadTable`."""
    lines = read_lines(path)
    if any(HANWELL_MARK in line.lower() for line in lines[:5]):
        return _hanwell(lines, path, zone=zone)
    return _plain(parse_table(lines, path), path, zone=zone, sensor=path.name.split(".")[0])


def _plain(text: pl.DataFrame, path: Path, *, zone: str, sensor: str, site: str = "") -> Climate:
    found = columns(
        text, path, wanted={"time": TIME, "temperature": TEMPERATURE, "humidity": HUMIDITY}
    )
    place, name = column(text, SITE), column(text, SENSOR)
    frame = text.select(
        "line",
        site=pl.col(place).str.strip_chars() if place else pl.lit(site),
        sensor=pl.col(name).str.strip_chars() if name else pl.lit(sensor),
        written=pl.col(found["time"]).str.strip_chars(),
        at=instant_of(pl.col(found["time"]), zone),
        temp=number(found["temperature"]),
        rh=number(found["humidity"]),
    )
    rows, problems = checked(frame, text, needed={"at": found["time"]}, path=path)
    problems += unreadable(text, [found["temperature"], found["humidity"]])
    return Climate(rows=rows, problems=problems)


def _hanwell(lines: list[str], path: Path, *, zone: str) -> Climate:
    """Each header line opens a block; the non-empty line above it names the sensor."""
    headers = [
        n for n, line in enumerate(lines) if line.lower().startswith(("date time,", "date time;"))
    ]
    parts = []
    for n, end in zip(headers, [*headers[1:], len(lines)], strict=True):
        above = [line.strip(",; ") for line in lines[:n] if line.strip(",; ")]
        body = lines[n : end - 1] if end < len(lines) else lines[n:end]
        text = parse_table([*[""] * n, *body], path)
        parts.append(_plain(text, path, zone=zone, sensor=above[-1] if above else path.stem))
    if not parts:
        return _plain(parse_table(lines, path), path, zone=zone, sensor=path.stem)
    return Climate(
        rows=pl.concat(part.rows for part in parts),
        problems=tuple(problem for part in parts for problem in part.problems),
    )
