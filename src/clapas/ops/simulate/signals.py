"""What the simulated things measure at a time: pure functions of the site and the instant.

Times are seconds since 1970 UTC; the day is the solar day of the south of France (UTC + 1 h), near enough
for a demonstration. Units are the quantities' internal ones.
"""

import math
from collections.abc import Callable, Mapping

from clapas.ops.simulate.noise import draw, smooth

DAY = 86_400
HOUSEHOLD = (0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 2.2, 3.4, 2.6, 1.8, 1.4, 1.6, 2.0, 1.6, 1.0, 0.9, 1.1, 1.6, 2.4, 2.9, 2.2, 1.4, 0.8, 0.4)  # fmt: skip
"""Relative water use of each hour of a household's day: a morning and an evening peak."""
NETWORK = tuple(0.6 + each * 0.55 for each in HOUSEHOLD)
"""The same for a whole sector, with its night flow."""

Traits = Mapping[str, float]
Signal = Callable[[int, float, Traits], dict[str, float | bool]]
"""(seed, time in s, traits of the site) → channel → value."""


def _day(time: float) -> tuple[int, float]:
    """Number of the day and its hour."""
    local = time + 3600
    return int(local // DAY), (local % DAY) / 3600


def _cumulative(profile: tuple[float, ...]) -> tuple[float, ...]:
    total, sums = sum(profile), [0.0]
    for each in profile:
        sums.append(sums[-1] + each / total)
    return tuple(sums)


_CUMULATIVE = {"household": _cumulative(HOUSEHOLD), "network": _cumulative(NETWORK)}


def used(seed: int, time: float, *, daily: float, profile: str) -> float:
    """Volume used since 1970 with that daily mean: always grows, varies by day and hour.

    Days telescope (each between half and one and a half of the mean) so that any instant is computed alone.
    """
    sums = _CUMULATIVE[profile]
    day, hour = _day(time)
    before, after = (daily * (each + 0.5 * draw(seed, each)) for each in (day, day + 1))

    def reached(at: int) -> float:
        if at in (0, 24):
            return sums[at]
        return sums[at] + 0.8 * (sums[at + 1] - sums[at]) * draw(seed + 1, day * 24 + at)

    whole = int(hour)
    share = reached(whole) + (reached(whole + 1) - reached(whole)) * (hour - whole)
    return before + (after - before) * share


def household_meter(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A household's index (m³): nothing at night, unless a leak began."""
    index = traits["start"] + used(seed, time, daily=traits["daily"], profile="household")
    leak = traits.get("leak", 0.0)
    if leak:
        index += leak * max(0.0, time - traits["leak_from"]) / 3600
    return {"index": index - traits["origin"]}


def network_meter(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A sector's index (m³), flow (m³/h) and pressure (bar); a leak shows in the night flow."""
    leak = traits.get("leak", 0.0) if time > traits.get("leak_from", math.inf) else 0.0
    now = used(seed, time, daily=traits["daily"], profile="network")
    flow = (now - used(seed, time - 900, daily=traits["daily"], profile="network")) * 4 + leak
    index = now - traits["origin"] + leak * max(0.0, time - traits.get("leak_from", time)) / 3600
    pressure = 4.6 - 0.8 * min(1.0, flow / (traits["daily"] / 10)) - leak / (traits["daily"] / 4)
    return {
        "index": round(index, 3),
        "flow": round(flow, 2),
        "pressure": round(pressure + 0.05 * smooth(seed + 2, time / 900), 2),
    }


def outside(seed: int, time: float) -> float:
    """Air temperature (°C) of the territory: season, day, weather, and the site's own detail."""
    day, hour = _day(time)
    season = 15.5 - 9.0 * math.cos(2 * math.pi * ((day % 365.25) - 20) / 365.25)
    daily = 5.0 * math.sin(2 * math.pi * (hour - 9) / 24)
    weather = 4.0 * smooth(4242, time / (2.5 * DAY)) + 0.6 * smooth(seed, time / 3600)
    return season + daily + weather


def weather(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A street's climate; streets of stone are warmer by night."""
    _, hour = _day(time)
    island = traits["heat"] * (1.0 if hour < 8 or hour > 20 else 0.3)
    temperature = outside(seed, time) + island
    humidity = 0.68 - 0.018 * (temperature - 12) + 0.08 * smooth(4243, time / DAY)
    return {
        "temperature": round(temperature, 1),
        "humidity": round(min(0.98, max(0.18, humidity)), 2),
        "battery": round(3.55 + 0.05 * draw(seed, 7), 3),
    }


LESSONS = ((8.5, 10.0), (10.25, 11.75), (13.5, 15.0), (15.25, 16.5))
"""Hours of a school day between which a room that is looked after is aired; the others are aired at noon and at night."""
HALF_DAYS = ((8.5, 11.75), (13.5, 16.5))
AIRED = 0.88
"""Share of the rooms whose windows are opened at each break."""


def confined(hour: float, spells: tuple[tuple[float, float], ...]) -> float:
    """How far CO₂ has climbed (0-1): towards its height while people are there, quickly back when they leave."""
    climbed = 0.0
    for start, end in spells:
        if hour < start:
            break
        climbed = 1 - math.exp(-(min(hour, end) - start) / 1.2)
        climbed *= math.exp(-max(0.0, hour - end) / 0.25)
    return climbed


def indoor(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A classroom or an office: people come on weekdays, CO₂ climbs until somebody opens a window, the night airs."""
    day, hour = _day(time)
    open_day = (day + 3) % 7 < 5
    present = open_day and any(start <= hour < end for start, end in HALF_DAYS)
    crowd = 0.6 + 0.4 * draw(seed, day)
    spells = LESSONS if draw(seed, 11) < AIRED else HALF_DAYS
    climbed = crowd * confined(hour, spells) if open_day else 0.0
    busy = crowd if present else 0.0
    return {
        "temperature": round(
            19.2 + 2.2 * climbed + 0.05 * outside(seed, time) + 0.3 * smooth(seed, time / 7200), 1
        ),
        "humidity": round(0.42 + 0.06 * climbed + 0.05 * smooth(seed + 1, time / 9000), 2),
        "light": round(420 * present + 12 * draw(seed, int(time // 600))),
        "motion": round(9 * busy * draw(seed + 2, int(time // 600))),
        "co2": round(430 + traits["crowd"] * climbed + 18 * smooth(seed + 3, time / 1800)),
        "vdd": round(3.55 + 0.05 * draw(seed, 9), 3),
    }


def air(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """Air beside a street: rush hours, ozone at noon, episodes of particles over the whole territory."""
    _, hour = _day(time)
    rush = math.exp(-((hour - 8.3) ** 2) / 3) + math.exp(-((hour - 18.5) ** 2) / 4)
    episode = 1 + 2.5 * max(0.0, smooth(777, time / (1.7 * DAY)) - 0.35)
    local = 1 + 0.25 * smooth(seed, time / 2400)
    pm25 = (6 + 5 * rush * traits["traffic"]) * episode * local
    return {
        "pm25": round(pm25, 1),
        "pm10": round(pm25 * 1.7 + 3, 1),
        "no2": round((9 + 38 * rush * traits["traffic"]) * local, 1),
        "o3": round(max(4.0, 62 + 30 * math.sin(2 * math.pi * (hour - 9) / 24) - 15 * rush), 1),
        "temperature": round(outside(seed, time) + 0.5, 1),
        "humidity": round(0.6 + 0.1 * smooth(seed + 5, time / 8000), 2),
    }


def river(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A river of the Mediterranean: low, and sudden floods (m, °C)."""
    flood = max(0.0, smooth(99, time / (1.3 * DAY)) - 0.45) ** 1.5 * 6
    level = traits["base"] + flood + 0.02 * smooth(seed, time / 1200)
    return {
        "level": round(level, 3),
        "temperature": round(0.5 * outside(seed, time) + 7, 1),
        "battery": round(12.4 + 0.3 * draw(seed, 3), 2),
    }


def soil(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A green space: it dries, and is watered every few nights at 4 o'clock."""
    day, hour = _day(time)
    every = int(traits["every"])
    since = ((day + seed) % every + (hour - 4) / 24) % every
    moisture = 0.14 + 0.22 * math.exp(-since / 1.8) + 0.01 * smooth(seed, time / 7000)
    return {
        "moisture": round(moisture, 3),
        "temperature": round(outside(seed, time - 10_800) * 0.6 + 6, 1),
        "battery": round(3.5 + 0.1 * draw(seed, 5), 2),
    }


def lighting(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A street lighting cabinet: on at night, dimmed after 23 h; the energy index grows."""
    day, hour = _day(time)
    half_night = 6.6 + 2.0 * math.cos(2 * math.pi * ((day % 365.25) - 355) / 365.25)
    full, dimmed = traits["power"], traits["power"] * 0.45
    dusk, dawn = 24.5 - half_night - 1.0, half_night - 0.2
    lit_first = max(0.0, 23 - dusk)
    per_night = lit_first * full + (1 + dawn) * dimmed
    done = (
        dimmed * min(hour, dawn)
        + full * max(0.0, min(hour, 23) - dusk)
        + dimmed * max(0.0, hour - 23)
    )
    power = 0.0
    if hour < dawn or hour >= 23:
        power = dimmed
    elif hour >= dusk:
        power = full
    return {
        "power": round(power * (1 + 0.02 * smooth(seed, time / 900)), 1),
        "index": round(traits["start"] + ((day - 20_000) * per_night + done) / 1000, 2),
        "voltage": round(231 + 3 * smooth(seed + 1, time / 1800), 1),
        "door": bool(draw(seed, int(time // DAY)) > 0.995 and 10 < hour < 11),
    }


def bin_fill(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A waste container: it fills, and is emptied when the round comes. Distance in m to the waste."""
    period = traits["period"] * DAY
    fill = min(1.0, ((time + draw(seed, 1) * period) % period) / period * traits["pace"])
    return {
        "distance": round(traits["depth"] * (1 - fill) + 0.01 * draw(seed, int(time // 1800)), 3),
        "temperature": round(outside(seed, time) + 2, 1),
        "battery": round(3.6 + 0.05 * draw(seed, 8), 2),
    }


def parking(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """Free places of a car park: it fills in the day, less at the week-end."""
    day, hour = _day(time)
    weekend = 0.65 if (day + 3) % 7 >= 5 else 1.0
    busy = 0.18 + weekend * 0.62 * math.exp(-((hour - traits["peak"]) ** 2) / 18)
    busy += 0.06 * smooth(seed, time / 3600)
    capacity = traits["capacity"]
    free = round(capacity * (1 - min(1.0, max(0.02, busy))))
    return {"availableSpotNumber": float(free), "totalSpotNumber": capacity}


def bikes(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """A bike station: the hills empty in the morning and fill in the evening, the centre the other way."""
    _, hour = _day(time)
    tide = math.sin(2 * math.pi * (hour - 7) / 24) * traits["tide"]
    share = min(1.0, max(0.0, 0.5 + 0.4 * tide + 0.15 * smooth(seed, time / 2700)))
    slots = traits["slots"]
    here = float(round(slots * share))
    return {"availableBikeNumber": here, "freeSlotNumber": slots - here, "totalSlotNumber": slots}


def counter(seed: int, time: float, traits: Traits) -> dict[str, float | bool]:
    """Bicycles of the past hour."""
    day, hour = _day(time - 1800)
    work = (day + 3) % 7 < 5
    rush = math.exp(-((hour - 8.5) ** 2) / 2) + math.exp(-((hour - 17.8) ** 2) / 3)
    leisure = math.exp(-((hour - 15) ** 2) / 14)
    count = traits["busy"] * (rush if work else 0.8 * leisure) + traits["busy"] * 0.05
    return {"intensity": float(round(count * (0.75 + 0.5 * draw(seed, int(time // 3600)))))}
