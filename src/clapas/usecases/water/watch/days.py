"""A meter's civil days, for its page: litres, and the least flow that lasted."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from clapas.store.values import SeriesHistory


def days_of(
    times: list[int], values: list[float], *, zone: str
) -> tuple[list[str], list[float | None], list[float | None]]:
    """Civil days, litres of each (None when fewer than 12 hours were read), least hourly flow (L/h).

    ``times`` in ms, ``values`` the index in m³; a step back or a jump above 5 m³/h counts for nothing.
    """
    at = np.asarray(times, dtype=np.float64) / 1000.0
    litres = np.diff(np.asarray(values, dtype=np.float64)) * 1000.0
    hours = np.diff(at) / 3600.0
    usable = (hours > 0) & (litres >= 0) & (litres <= 5000.0 * np.maximum(hours, 0.1))
    days: dict[str, list[tuple[float, float]]] = {}
    civil = ZoneInfo(zone)
    for n in np.flatnonzero(usable).tolist():
        middle = datetime.fromtimestamp((at[n] + at[n + 1]) / 2, UTC).astimezone(civil)
        days.setdefault(f"{middle:%Y-%m-%d}", []).append((litres[n], hours[n]))
    names = sorted(days)
    return names, [_total(days[day]) for day in names], [_least(days[day]) for day in names]


Days = tuple[list[str], list[float | None], list[float | None]]


def with_older(recent: Days, volumes: SeriesHistory, *, least: SeriesHistory, zone: str) -> Days:
    """The days, with those before them whose hours were dropped: their volume (m³) and least flow (m³/h)."""
    civil = ZoneInfo(zone)

    def litres_of(history: SeriesHistory) -> dict[str, float]:
        return {
            f"{datetime.fromtimestamp(at / 1000, civil):%Y-%m-%d}": round(value * 1000.0, 1)
            for at, value in zip(history.times, history.values, strict=True)
        }

    kept, flows = litres_of(volumes), litres_of(least)
    older = sorted(kept.keys() | flows.keys())
    whole = [n for n, day in enumerate(recent[0]) if day not in kept]
    return (
        older + [recent[0][n] for n in whole],
        [kept.get(day) for day in older] + [recent[1][n] for n in whole],
        [flows.get(day) for day in older] + [recent[2][n] for n in whole],
    )


def _total(steps: list[tuple[float, float]]) -> float | None:
    if sum(hours for _, hours in steps) < 12.0:
        return None
    return round(sum(litres for litres, _ in steps), 1)


def _least(steps: list[tuple[float, float]]) -> float | None:
    flows = [litres / hours for litres, hours in steps if hours >= 0.5]
    return round(min(flows), 1) if len(flows) >= 12 else None
