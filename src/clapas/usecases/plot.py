"""A curve for a printed report, as SVG: values over time, with the band they should keep."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 200, 34, 18
DAY_MS = 86_400_000


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Times (ms), values, and the band about them; same lengths, times growing."""

    times: Sequence[int]
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def svg(drawn: Drawn, *, zone: str, unit: str) -> str:
    """The drawing; black on white, so that it prints."""
    first, last = drawn.times[0], drawn.times[-1]
    floor, top = min(*drawn.values, *drawn.low), max(*drawn.values, *drawn.high)
    room = max(top - floor, 1e-9)

    def x(time: float) -> float:
        return LEFT + (time - first) / max(last - first, 1) * (WIDTH - LEFT)

    def y(value: float) -> float:
        return (HEIGHT - BOTTOM) * (1 - (value - floor) / room) + 4

    def points(values: Sequence[float]) -> list[str]:
        return [f"{x(t):.1f},{y(v):.1f}" for t, v in zip(drawn.times, values, strict=True)]

    band = " ".join(points(drawn.high) + points(drawn.low)[::-1])
    ticks = round_values(floor, top)
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#bbbbbb" stroke-width="0.5"/>'
        for value in ticks
    )
    labels = [f'<text x="2" y="{y(value) + 4:.1f}">{value:g}</text>' for value in ticks]
    labels += [
        f'<text x="{x(moment):.1f}" y="{HEIGHT - 2}">{text}</text>'
        for moment, text in _days(first, last, zone=ZoneInfo(zone))
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Liberation Sans" font-size="11">'
        f'<polygon points="{band}" fill="#dddddd"/>{grid}'
        f'<polyline points="{" ".join(points(drawn.values))}" fill="none" stroke="#000000" stroke-width="1"/>'
        f'{"".join(labels)}<text x="{LEFT}" y="12">{unit}</text></svg>'
    )


def round_values(low: float, high: float) -> list[float]:
    """At most six round values from ``low`` to ``high``: multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(high - low, 1e-9) / 5))
    step = next(each * power for each in (1, 2, 5, 10) if each * power * 5 >= high - low)
    first = math.ceil(low / step)
    return [round(n * step, 9) for n in range(first, math.floor(high / step) + 1)]


def _days(first: int, last: int, *, zone: ZoneInfo) -> list[tuple[int, str]]:
    """About six dates of the period."""
    step = max(1, (last - first) // (6 * DAY_MS)) * DAY_MS
    moments = range(first, last, step)
    return [(each, f"{datetime.fromtimestamp(each / 1000, UTC).astimezone(zone):%d/%m}") for each in moments]  # fmt: skip
