"""Sites and channels: where people pass, and what counts them, though counters are replaced.

A *site* is a place (counters within 30 m of one another). A *channel* is one thing counted there: a kind of
vehicle in one lane and sense. A counter that starts where another of the same lane had stopped replaces it:
the channel goes on. Counters that run together are two channels, never added twice.
"""

import math
import re
from collections.abc import Mapping

import msgspec
import polars as pl

NEAR_M = 30.0
NUMBER = re.compile(r"\d{4,}")
"""The number in a serial: makers keep it when a counter's electronics is replaced."""


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """One physical counter at one site, with its days of life (UTC instants as ms)."""

    serial: str
    lane: str
    vehicle: str
    reversed: bool
    longitude: float | None
    latitude: float | None
    first: int
    last: int


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted at a site; ``serials`` in order of their life."""

    id: str
    site: str
    vehicle: str
    reversed: bool
    serials: tuple[str, ...]
    longitude: float | None
    latitude: float | None
    last: int


def counters(rows: pl.DataFrame) -> list[Counter]:
    """The counters of an archive, in order of their first count."""
    grouped = rows.group_by("serial", "vehicle", "reversed", maintain_order=True).agg(
        pl.col("lane").first(),
        pl.col("longitude").drop_nulls().first(),
        pl.col("latitude").drop_nulls().first(),
        first=pl.col("start").min().dt.epoch("ms"),
        last=pl.col("end").max().dt.epoch("ms"),
    )
    return [
        msgspec.convert(row, Counter)
        for row in grouped.sort("first", "serial", maintain_order=True).to_dicts()
    ]


def channels(found: list[Counter], names: Mapping[str, str] | None = None) -> list[Channel]:
    """Group counters into channels, replaced counters following one another.

    ``names`` (serial → name in the city's register) tells which of two counters of one place was replaced;
    without it, the serial's number does (X2H20063163 → Y2H20063163), then the order.
    """
    made: list[Channel] = []
    for counter in found:
        at = _replaced(counter, made, names=names or {})
        if at is None:
            made.append(_new(counter, made))
        else:
            serials = (*made[at].serials, counter.serial)
            made[at] = msgspec.structs.replace(made[at], serials=serials, last=counter.last)
    return made


def _replaced(counter: Counter, made: list[Channel], *, names: Mapping[str, str]) -> int | None:
    """The channel whose last counter this one took the place of, the surest first; None when there is none."""
    open_ = [n for n, each in enumerate(made) if _follows(counter, each)]
    own = names.get(counter.serial)
    named = [n for n in open_ if own and names.get(made[n].serials[-1]) == own]
    alike = [n for n in open_ if NUMBER.findall(made[n].serials[-1])[-1:] == NUMBER.findall(counter.serial)[-1:]]  # fmt: skip
    free = [n for n in open_ if not (own and names.get(made[n].serials[-1], own) != own)]
    return next(iter([*named, *alike, *free]), None)


def _new(counter: Counter, made: list[Channel]) -> Channel:
    near = next((each for each in made if _near(counter, each)), None)
    sense = "-R" if counter.reversed else ""
    return Channel(
        id=f"{counter.serial}-{counter.vehicle}{sense}",
        site=near.site if near else counter.serial,
        vehicle=counter.vehicle,
        reversed=counter.reversed,
        serials=(counter.serial,),
        longitude=counter.longitude,
        latitude=counter.latitude,
        last=counter.last,
    )


def _follows(counter: Counter, channel: Channel) -> bool:
    """True when this counter took the place of the channel's last one."""
    alike = (counter.vehicle, counter.reversed) == (channel.vehicle, channel.reversed)
    return alike and counter.first >= channel.last and _near(counter, channel)


def _near(counter: Counter, channel: Channel) -> bool:
    """True when both stand within 30 m; a counter without a place is near nothing."""
    places = (counter.longitude, counter.latitude, channel.longitude, channel.latitude)
    if any(each is None for each in places):
        return False
    x1, y1, x2, y2 = (float(each) for each in places if each is not None)
    east = (x2 - x1) * 111_320 * math.cos(math.radians(y1))
    return math.hypot(east, (y2 - y1) * 110_540) <= NEAR_M


def with_channels(
    rows: pl.DataFrame, names: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, list[Channel]]:
    """The counts with ``channel`` and ``site``, one row a channel and start (the last written wins)."""
    made = channels(counters(rows), names)
    table = pl.DataFrame(
        [
            {
                "serial": serial, "vehicle": each.vehicle, "reversed": each.reversed,
                "channel": each.id, "site": each.site,
            }
            for each in made
            for serial in each.serials
        ]
    )  # fmt: skip
    joined = rows.join(
        table, on=["serial", "vehicle", "reversed"], how="left", maintain_order="left"
    )
    return joined.unique(["channel", "start"], keep="last", maintain_order=True).sort(
        "channel", "start", maintain_order=True
    ), made  # fmt: skip
