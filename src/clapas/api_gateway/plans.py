"""Plans: how many calls per second, minute, hour, day and month, and who approves."""

import msgspec

LENGTHS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 0}
"""Windows by name, in seconds; 0 is the calendar month (UTC)."""

WEIGHTS = {"export": 20}
"""What a call costs when it is not an ordinary one."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan. ``limits``: window's name → calls. ``approved``: somebody says yes to each subscription."""

    name: str
    limits: dict[str, int]
    approved: bool = True
    needs_end: bool = False
    """Its subscriptions have an end."""


PLANS = {
    plan.name: plan
    for plan in (
        Plan(name="ouvert", limits={"second": 50, "minute": 1200, "day": 50_000}, approved=False),
        Plan(
            name="inscrit",
            limits={"second": 50, "minute": 1500, "day": 100_000, "month": 2_000_000},
        ),
        Plan(
            name="partenaire",
            limits={"second": 100, "minute": 3000, "day": 500_000, "month": 10_000_000},
            needs_end=True,
        ),
        Plan(name="interne", limits={"second": 1000, "minute": 30_000}),
        Plan(name="ecriture", limits={"second": 5000, "minute": 300_000}),
    )
}
