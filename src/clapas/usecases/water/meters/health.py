"""Is the meter itself well? Signs found in its own readings, each with its evidence.

Thresholds come from the meter's class (ISO 4064 / OIML R 49: overload flow Q4 = 1.25 · Q3) or from the
meter's own past; nothing is concluded from one value alone but a flow that no such meter can pass.
"""

from typing import Literal

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.water.leaks.arrays import Floats
from clapas.usecases.water.meters.intervals import BACKFLOW_L, Intervals, intervals

Sign = Literal[
    "backward", "replaced", "frozen", "absent", "missing", "above_q4", "stuck_high", "pulse_weight", "frost",
    "battery", "under_registration", "two_meters",
]  # fmt: skip
Act = Literal["visit", "check", "ask", "watch"]
HOUR, DAY, WEEK = 3600.0, 86_400.0, 7 * 86_400.0
COLUMNS = ("meter", "sign", "since", "until", "act", "value", "evidence")
FROST_C, BATTERY_V = 3.0, 3.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of the meters: Q3 (m³/h), the interval of readings is learned."""

    q3_m3_h: float = 2.5
    frozen_days: float = 21.0
    absence_factor: float = 2.0
    missing_days: float = 3.0
    decline_weeks: int = 26
    decline: float = 0.35
    most_decline: float = 0.7
    """Wear does not take more: beyond it, fewer people live there."""

    @property
    def q4_l_h(self) -> float:
        return 1250.0 * self.q3_m3_h


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A sign: when (s since 1970 UTC), what to do, a figure and a sentence of evidence in English."""

    meter: str
    sign: Sign
    since: float
    until: float
    act: Act
    value: float
    evidence: str


def examine(
    meter: str, at: Floats, *, index: Floats, settings: Settings, now: float
) -> list[Finding]:
    """Every sign in the readings of one meter; ``now`` (s) is the last instant of the whole table."""
    found = intervals(at, index)
    if not len(found.start):
        return []
    checks = (_backward, _two_meters, _still, _missing, _too_fast, _stuck_high, _pulse, _decline)
    return [
        finding for check in checks for finding in check(meter, found, settings=settings, now=now)
    ]


def _backward(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    del settings, now
    back = [n for n, how in enumerate(found.how) if how == "backflow"]
    falls = [n for n, how in enumerate(found.how) if how in {"reset", "replacement", "rollover"}]
    findings = []
    if len(back) >= 3:
        findings.append(
            Finding(
                meter=meter, sign="backward", since=float(found.end[back[0]]), until=float(found.end[back[-1]]),
                act="check", value=found.backflow,
                evidence=f"{len(back)} backward steps of at most {BACKFLOW_L:.0f} L, {found.backflow:.0f} L in all: "
                "backflow (no check valve?) or a meter mounted the wrong way round",
            )
        )  # fmt: skip
    if falls and not found.second:
        findings.append(
            Finding(
                meter=meter, sign="replaced", since=float(found.start[falls[0]]), until=float(found.end[falls[-1]]),
                act="ask", value=float(len(falls)),
                evidence=f"{len(falls)} jumps that no flow explains: replacement or reset; give the old meter's last "
                "index and the new one's first to bill the period",
            )
        )  # fmt: skip
    return findings


def _two_meters(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    del settings, now
    if not found.second:
        return []
    times = [moment for moment, _ in found.second]
    far = float(
        np.median(
            [
                abs(value - found.litres[np.isfinite(found.litres)].sum())
                for _, value in found.second
            ]
        )
    )
    return [
        Finding(
            meter=meter, sign="two_meters", since=min(times), until=max(times), act="check", value=float(len(times)),
            evidence=f"{len(times)} readings belong to another index ({far:,.0f} L away) that comes and goes: "
            "two meters under one key",
        )
    ]  # fmt: skip


def _still(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    """No flow for long: an absence when it is like those of the past, else a frozen meter to check."""
    del now
    moving = np.flatnonzero(found.litres > 0)
    if len(moving) < 50:
        return []
    ends, starts = found.end[moving], found.start[moving]
    pauses = starts[1:] - ends[:-1]
    findings = []
    for n in np.flatnonzero(pauses > 4 * DAY).tolist():
        findings += _pause(
            meter,
            found,
            span=(float(ends[n]), float(starts[n + 1])),
            longest=float(np.max(pauses[:n], initial=0.0)),
            settings=settings,
        )
    findings += _pause(
        meter,
        found,
        span=(float(ends[-1]), float(found.end[-1])),
        longest=float(np.max(pauses, initial=0.0)),
        settings=settings,
    )
    return findings


def _pause(
    meter: str, found: Intervals, *, span: tuple[float, float], longest: float, settings: Settings
) -> list[Finding]:
    since, until = span
    inside = (found.start >= since - 1) & (found.end <= until + 1)
    heard = float((found.end - found.start)[inside & (found.end - found.start < 2 * HOUR)].sum())
    if until - since < 4 * DAY or heard < 0.5 * (until - since):
        return []
    days = (until - since) / DAY
    limit = max(settings.frozen_days, settings.absence_factor * longest / DAY)
    ended = until < float(found.end[-1])
    frozen = days > limit and not ended
    return [
        Finding(
            meter=meter, sign="frozen" if frozen else "absent", since=since, until=until,
            act="visit" if frozen else "watch", value=round(days, 1),
            evidence=f"no litre for {days:.0f} days while the radio speaks; longest pause before: {longest / DAY:.0f} days"
            + ("" if frozen else "; as in an absence" + (", flow came back" if ended else "")),
        )
    ]  # fmt: skip


def _missing(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    gaps = found.end - found.start
    long = np.flatnonzero(gaps > settings.missing_days * DAY)
    findings = [
        Finding(
            meter=meter, sign="missing", since=float(found.start[n]), until=float(found.end[n]), act="watch",
            value=round(float(gaps[n]) / DAY, 1), evidence=f"no reading for {gaps[n] / DAY:.1f} days",
        )
        for n in long.tolist()
    ]  # fmt: skip
    silent = now - float(found.end[-1])
    if silent > settings.missing_days * DAY:
        findings.append(
            Finding(
                meter=meter, sign="missing", since=float(found.end[-1]), until=now, act="visit",
                value=round(silent / DAY, 1), evidence=f"silent for {silent / DAY:.1f} days and still silent",
            )
        )  # fmt: skip
    return findings


def _flows(found: Intervals) -> tuple[Floats, Floats]:
    hours = (found.end - found.start) / HOUR
    flow = np.where(np.isfinite(found.litres), found.litres, 0.0) / np.maximum(hours, 1.0)
    return flow, hours


def _too_fast(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    del now
    flow, _ = _flows(found)
    over = np.flatnonzero(flow > settings.q4_l_h)
    if not len(over):
        return []
    return [
        Finding(
            meter=meter, sign="above_q4", since=float(found.start[over[0]]), until=float(found.end[over[-1]]),
            act="check", value=round(float(flow[over].max()), 1),
            evidence=f"{len(over)} hours above Q4 = {settings.q4_l_h:.0f} L/h (up to {flow[over].max():.0f} L/h): "
            "meter too small, or a wrong pulse weight",
        )
    ]  # fmt: skip


def _stuck_high(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    """The same large step again and again: an emitter that counts by itself."""
    del settings, now
    flow, hours = _flows(found)
    equal = (np.abs(np.diff(flow)) < 0.5) & (flow[1:] > 30.0) & (hours[1:] < 2.0)
    best, run = (0, 0), 0
    for n, same in enumerate(equal.tolist()):
        run = run + 1 if same else 0
        if run > best[0]:
            best = (run, n + 1)
    if best[0] < 24:
        return []
    end = best[1]
    return [
        Finding(
            meter=meter, sign="stuck_high", since=float(found.start[end - best[0]]), until=float(found.end[end]),
            act="visit", value=round(float(flow[end]), 1),
            evidence=f"exactly {flow[end]:.0f} L/h for {best[0]} readings running: no household draws so evenly",
        )
    ]  # fmt: skip


def _pulse(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    """A level that changes by about ten, up or down, from one month to the next and stays there."""
    del settings, now
    weeks, volume = _weekly(found)
    findings = []
    for n in range(6, len(volume) - 5):
        before, after = volume[n - 6 : n], volume[n : n + 6]
        if np.isfinite(before).sum() < 4 or np.isfinite(after).sum() < 4:
            continue
        if np.nanmin(before) <= 50 or np.nanmin(after) <= 5:
            continue
        ratio = float(np.nanmedian(after) / np.nanmedian(before))
        tight = np.nanmax(before) < 3 * np.nanmin(before) and np.nanmax(after) < 3 * np.nanmin(
            after
        )
        if tight and (7.0 < ratio < 14.0 or 1 / 14.0 < ratio < 1 / 7.0):
            findings.append(
                Finding(
                    meter=meter, sign="pulse_weight", since=float(weeks[n]), until=float(weeks[-1]), act="check",
                    value=round(ratio, 2),
                    evidence=f"weekly volume changed by {ratio:.2f} and stayed: pulse weight set ten times wrong?",
                )
            )  # fmt: skip
            break
    return findings


def _weekly(found: Intervals) -> tuple[Floats, Floats]:
    """Weeks' starts (s) and volumes (L), NaN where less than four fifths of the week was read."""
    weeks: Floats = np.arange(found.start[0], found.end[-1] - WEEK + 1, WEEK, dtype=np.float64)
    litres = np.where(np.isfinite(found.litres), found.litres, 0.0)
    place = np.clip(((found.start - found.start[0]) // WEEK).astype(np.int64), 0, None)
    seen = np.bincount(
        place, weights=np.where(np.isfinite(found.litres), found.end - found.start, 0.0)
    )
    total = np.bincount(place, weights=litres)
    volume = np.where(seen[: len(weeks)] >= 0.8 * WEEK, total[: len(weeks)], np.nan)
    return weeks, volume


def _decline(meter: str, found: Intervals, *, settings: Settings, now: float) -> list[Finding]:
    """Under-registration: the volume falls slowly and steadily, without weeks of absence, for half a year."""
    del now
    weeks, volume = _weekly(found)
    span = settings.decline_weeks
    if len(volume) < 2 * span:
        return []
    last, first = volume[-span:], volume[-2 * span : -span]
    good = np.isfinite(last)
    if (
        good.sum() < 0.7 * span
        or np.isfinite(first).sum() < 0.7 * span
        or np.nanmin(last) < 0.2 * np.nanmedian(last)
    ):
        return []
    slope = (
        float(np.polyfit(np.flatnonzero(good), last[good], 1)[0]) * span / float(np.nanmean(first))
    )
    fall = 1.0 - float(np.nanmean(last) / np.nanmean(first))
    if not settings.decline <= fall <= settings.most_decline or slope > 0:
        return []
    return [
        Finding(
            meter=meter, sign="under_registration", since=float(weeks[-span]), until=float(found.end[-1]), act="check",
            value=round(fall, 2),
            evidence=f"half a year {fall:.0%} below the half-year before, still falling, no absence: "
            "compare with peers and test the meter (or fewer people live there)",
        )
    ]  # fmt: skip


def device_signs(
    meter: str, at: Floats, *, temperature: Floats | None, battery: Floats | None
) -> list[Finding]:
    """Frost (water or ambient below 3 °C) and battery (below 3.0 V for a lithium cell), from the meter's own values."""
    findings = []
    for sign, values, limit, unit, act in (
        ("frost", temperature, FROST_C, "°C", "ask"),
        ("battery", battery, BATTERY_V, "V", "visit"),
    ):
        low = np.flatnonzero(values < limit) if values is not None else np.zeros(0, dtype=np.int64)
        if values is None or len(low) < 2:
            continue
        findings.append(
            Finding(
                meter=meter, sign=sign, since=float(at[low[0]]), until=float(at[low[-1]]), act=act,  # type: ignore[arg-type]
                value=round(float(values[low].min()), 2),
                evidence=f"{len(low)} readings below {limit:g} {unit}, down to {values[low].min():.2f} {unit}",
            )
        )  # fmt: skip
    return findings


def finding_table(findings: list[Finding]) -> pl.DataFrame:
    """Findings as a table, visits first, then by time; times are UTC instants."""
    urgency = {"visit": 0, "check": 1, "ask": 2, "watch": 3}
    ranked = sorted(findings, key=lambda each: (urgency[each.act], each.since))
    frame = pl.DataFrame(
        [tuple(getattr(each, name) for name in COLUMNS) for each in ranked],
        schema={
            "meter": pl.String, "sign": pl.String, "since": pl.Float64, "until": pl.Float64, "act": pl.String,
            "value": pl.Float64, "evidence": pl.String,
        },
        orient="row",
    )  # fmt: skip
    return frame.with_columns(
        (pl.col(name) * 1e6)
        .cast(pl.Int64)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .alias(name)
        for name in ("since", "until")
    )
