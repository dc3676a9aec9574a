"""The daily card of each district: what came in, what the night says, what it costs, what to do tonight."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import polars as pl

from clapas.domain.window import civil_day
from clapas.usecases.water.network.balance import Signal
from clapas.usecases.water.network.districts import Survey
from clapas.usecases.water.network.indicators import District, NightFlow, night_flow
from clapas.usecases.water.network.series import HOUR, Hours

COLUMNS = (
    "zone", "day", "inflow_m3", "night_m3_h", "night_week_before_m3_h", "loss_m3_h", "loss_l_h_connection", "ilp_m3_km_day",
    "loss_euros_day", "open_leak_m3_h", "coverage",
)  # fmt: skip


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A zone's day. ``open_leak`` is the flow of the leaks told and not yet repaired; coverage of 0 to 1."""

    zone: str
    day: date
    inflow: float
    night: float
    night_before: float
    open_leak: float
    coverage: float
    losses: NightFlow | None = None
    ilp: float | None = None

    def euros(self, price: float) -> float:
        """What the day's losses cost, at the marginal price of water (€/m³)."""
        return price * (self.losses.day_loss if self.losses else 24.0 * self.open_leak)


def cards(
    found: Survey, flows: Hours, *, zone: ZoneInfo, known: dict[str, District] | None = None
) -> list[Card]:
    """A card per zone and civil day of 24, 23 or 25 hours, for the days that were read."""
    districts = known or {}
    made = []
    for signal in (each for each in found.signals if each.kind == "balance"):
        day = datetime.fromtimestamp(flows.start, UTC).astimezone(zone).date()
        last = (
            datetime.fromtimestamp(flows.start + HOUR * len(signal.values), UTC)
            .astimezone(zone)
            .date()
        )
        while day < last:
            card = _card(
                signal, found, flows=flows, when=(day, zone), district=districts.get(signal.zone)
            )
            if card is not None:
                made.append(card)
            day += timedelta(days=1)
    return made


def _card(
    signal: Signal,
    found: Survey,
    *,
    flows: Hours,
    when: tuple[date, ZoneInfo],
    district: District | None,
) -> Card | None:
    day, zone = when
    window = civil_day(day, zone)
    first = round((window.start.timestamp() - flows.start) / HOUR)
    last = round((window.end.timestamp() - flows.start) / HOUR)
    if first < 0 or last > len(signal.values):
        return None
    values = signal.values[first:last]
    if not np.isfinite(values[2:4]).any():
        return None
    night = float(np.nanmean(values[2:4]))
    earlier = signal.values[max(first - 168, 0) : max(first - 168, 0) + 4][2:4]
    losses = (
        night_flow(values[:24], None, district=district) if district and len(values) >= 24 else None
    )
    return Card(
        zone=signal.zone,
        day=day,
        inflow=float(np.nanmean(values)) * len(values),
        night=night,
        night_before=float(np.nanmean(earlier))
        if first >= 168 and np.isfinite(earlier).any()
        else float("nan"),
        open_leak=open_leak(found, signal.zone, hour=last - 1),
        coverage=float(np.isfinite(values).mean()),
        losses=losses,
        ilp=losses.day_loss / district.mains_km if losses and district else None,
    )


def open_leak(found: Survey, zone: str, *, hour: int) -> float:
    """Flow (m³/h) of the steps seen until that hour in a zone's balance, repairs taken off; never negative."""
    steps = [
        each
        for each in found.steps
        if each.zone == zone and each.signal == "balance" and each.raised <= hour
    ]
    return max(sum(each.size for each in steps), 0.0)


def card_table(made: list[Card], price: float) -> pl.DataFrame:
    """Cards as a table, the dearest losses of each day first: tonight's list is the last day's head."""
    rows = [
        (
            each.zone, each.day, round(each.inflow, 1), round(each.night, 2),
            None if np.isnan(each.night_before) else round(each.night_before, 2),
            round(each.losses.loss, 2) if each.losses else None,
            round(each.losses.loss_per_connection, 2) if each.losses else None,
            None if each.ilp is None else round(each.ilp, 2),
            round(each.euros(price), 0), round(each.open_leak, 2), round(each.coverage, 3),
        )
        for each in sorted(made, key=lambda one: (one.day, -one.euros(price)))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=COLUMNS, orient="row", infer_schema_length=None)
