"""What lost water costs, and its words."""

import msgspec

HOURS_A_MONTH = 730.5


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A flow of L/h as people understand it: litres a day, m³ and euros a month."""

    litres_day: float
    m3_month: float
    euros_month: float


def loss_of(rate: float, price: float) -> Loss:
    """The loss of a flow (L/h) at a price (€/m³, sanitation included)."""
    month = rate * HOURS_A_MONTH / 1000.0
    return Loss(
        litres_day=round(rate * 24.0, 0),
        m3_month=round(month, 2),
        euros_month=round(month * price, 2),
    )


def lost_m3(*, volume: float, rate: float, since: int, until: int) -> float:
    """Volume lost so far (m³): what was lost at ``since`` (L), and the flow since (ms)."""
    return round((volume + rate * max(until - since, 0) / 3_600_000.0) / 1000.0, 2)
