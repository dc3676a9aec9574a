"""What a district loses and what the law asks to publish: night flow, ILI with its uncertainty, RPQS.

Sources: IWA water balance and FAVAD (pressure exponent N1 from 0.5, a rigid hole, to 1.5, background
leaks); UARL and ILI (Lambert 1999); indicators P104.3, P105.3 and P106.3 of the French yearly report
(arrêté du 2 mai 2007); threshold of the network's efficiency, CGCT D.213-48-14-1 (décret no 2012-97).
"""

from typing import Literal

import msgspec
import numpy as np

from clapas.domain.errors import InvalidInput
from clapas.usecases.water.leaks.arrays import Floats

NIGHT = (2, 3)
"""Civil hours whose mean is the night flow (02:00 to 04:00)."""


class Ranged(msgspec.Struct, frozen=True):
    """A figure with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


class District(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a district: mains (km), connections, private pipes (km in all), mean pressure (m)."""

    mains_km: float
    connections: int
    pressure_m: float
    private_km: float = 0.0
    night_use_l_h: float = 2.0
    """Legitimate night use per connection (L/h), 1.7 to 2.5 in the literature."""
    metered_night_m3_h: float = 0.0
    """Large consumers measured at night (m³/h)."""


class NightFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A night: minimum flow, legitimate use, loss (m³/h), loss per connection (L/h), loss of the day (m³)."""

    flow: float
    use: float
    loss: float
    loss_per_connection: float
    day_loss: float


def night_flow(
    hours: Floats, pressures: Floats | None, *, district: District, n1: float = 1.0
) -> NightFlow:
    """The losses of a day from its 24 hourly flows (m³/h), civil hours 0 to 23, and pressures (m) if known.

    day loss = night loss · Σ (P_h / P_night)^N1 (FAVAD). Raises :class:`InvalidInput` without 24 hours.
    """
    if len(hours) != 24:
        raise InvalidInput("a night flow needs the 24 hours of a civil day", count=len(hours))
    flow = float(np.nanmean(hours[list(NIGHT)]))
    use = district.night_use_l_h * district.connections / 1000.0 + district.metered_night_m3_h
    loss = max(flow - use, 0.0)
    factor = 24.0
    if pressures is not None:
        night = float(np.nanmean(pressures[list(NIGHT)]))
        factor = float(np.nansum((pressures / night) ** n1)) if night > 0 else 24.0
    return NightFlow(
        flow=flow,
        use=use,
        loss=loss,
        loss_per_connection=1000.0 * loss / max(district.connections, 1),
        day_loss=loss * factor,
    )


def unavoidable_l_day(district: District) -> float:
    """UARL = (18·Lm + 0.8·Nc + 25·Lp)·P, litres a day."""
    mains = 18.0 * district.mains_km + 0.8 * district.connections + 25.0 * district.private_km
    return mains * district.pressure_m


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True):
    """Relative errors at 95 %: inlet meters, what consumers' meters count, pressure, legitimate losses."""

    inflow: float = 0.02
    consumption: float = 0.02
    pressure: float = 0.10
    apparent: float = 0.50


def infrastructure_leakage_index(
    inflow_m3: float,
    consumed_m3: float,
    *,
    days: float,
    district: District,
    errors: Uncertainty | None = None,
    apparent_share: float = 0.02,
) -> Ranged:
    """ILI = real losses / unavoidable losses, with the interval that its parts' errors give (2,000 draws).

    ``apparent_share``: fraud and under-registration, share of consumption. Losses are a small difference of
    two large volumes: a few per cent on the inlet meter may be half of the index.
    """
    chosen = errors or Uncertainty()
    random = np.random.default_rng(0)

    def drawn(value: float, relative: float) -> Floats:
        values: Floats = value * (1.0 + random.normal(0.0, relative / 1.96, 2000))
        return values

    losses = drawn(inflow_m3, chosen.inflow) - drawn(consumed_m3, chosen.consumption)
    real = losses - drawn(apparent_share * consumed_m3, chosen.apparent)
    unavoidable = drawn(unavoidable_l_day(district) * days / 1000.0, chosen.pressure)
    index = real / unavoidable
    low, high = np.quantile(index, [0.025, 0.975])
    exact = (inflow_m3 - consumed_m3 * (1 + apparent_share)) / (
        unavoidable_l_day(district) * days / 1000.0
    )
    return Ranged(float(exact), max(float(low), 0.0), float(high))


class Year(msgspec.Struct, frozen=True, kw_only=True):
    """Volumes of a year (m³) and length of mains (km, without service pipes)."""

    produced: float
    bought: float = 0.0
    sold: float = 0.0
    billed: float
    unbilled: float = 0.0
    """Authorised but not counted: fire brigade, flushing, cleaning."""
    service: float = 0.0
    mains_km: float
    water_stress_zone: bool = False
    """Zone de répartition des eaux with withdrawals above 2 Mm³ a year: the floor is higher."""


Code = Literal["P104.3", "P105.3", "P106.3", "ILC", "floor"]


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the yearly table: SISPEA code, French name, value, unit."""

    code: Code
    name: str
    value: float
    unit: str


def yearly_table(year: Year) -> tuple[Indicator, ...]:
    """The RPQS lines on losses; efficiency in percent, linear indices in m³/km/day."""
    put_in = year.produced + year.bought - year.sold
    authorised = year.billed + year.unbilled + year.service
    reach = 365.0 * year.mains_km
    efficiency = 100.0 * (authorised + year.sold) / (year.produced + year.bought)
    consumed = (authorised + year.sold) / reach
    return (
        Indicator(
            code="P104.3", name="Rendement du réseau de distribution", value=efficiency, unit="%"
        ),
        Indicator(
            code="P105.3",
            name="Indice linéaire des volumes non comptés",
            value=(put_in - year.billed) / reach,
            unit="m³/km/j",
        ),
        Indicator(
            code="P106.3",
            name="Indice linéaire de pertes en réseau",
            value=(put_in - authorised) / reach,
            unit="m³/km/j",
        ),
        Indicator(
            code="ILC", name="Indice linéaire de consommation", value=consumed, unit="m³/km/j"
        ),
        Indicator(
            code="floor",
            name="Rendement seuil",
            value=efficiency_floor(consumed, stressed=year.water_stress_zone),
            unit="%",
        ),
    )


def efficiency_floor(linear_consumption: float, *, stressed: bool) -> float:
    """Legal floor of the efficiency (%): 85, else 65 + ILC/5 (70 + ILC/5 in a stressed zone)."""
    return min(85.0, (70.0 if stressed else 65.0) + linear_consumption / 5.0)


class RepairEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Before and after a repair: night flows (m³/h), what it gained, in m³ and euros a year."""

    before: Ranged
    after: Ranged
    gained_m3_h: float
    gained_m3_year: float
    gained_euros_year: float


def repair_effect(
    nights_before: Floats, nights_after: Floats, *, euros_m3: float = 0.8
) -> RepairEffect:
    """Medians of the nights on each side of a repair, with the interval of the median by resampling."""
    random = np.random.default_rng(0)

    def median(nights: Floats) -> Ranged:
        draws = np.median(random.choice(nights, (1000, len(nights))), axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        return Ranged(float(np.median(nights)), float(low), float(high))

    before, after = median(nights_before), median(nights_after)
    gained = before.value - after.value
    return RepairEffect(
        before=before,
        after=after,
        gained_m3_h=gained,
        gained_m3_year=gained * 8766.0,
        gained_euros_year=gained * 8766.0 * euros_m3,
    )
