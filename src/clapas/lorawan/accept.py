"""The way of a join-accept to its device: the join windows, the gateways that heard it, and what is in the way."""

import time
from collections.abc import Set as AbstractSet

from clapas.lorawan import downlink
from clapas.lorawan.network import FrameLog, Network, wall_ms
from clapas.lorawan.radio import Reception, Slot
from clapas.lorawan.rejections import Rejection
from clapas.lorawan.scheduler import Attempt, Candidate, Scheduler
from clapas.lorawan.session import Session


def obstacle(scheduler: Scheduler, candidates: list[Candidate]) -> str | None:
    """Why none of the candidates may be sent now; None when one may."""
    now = time.monotonic()
    reasons = {scheduler.refusal(candidate, now) for candidate in candidates}
    return None if None in reasons else explained(reasons)


def explained(reasons: AbstractSet[str | None]) -> str:
    """The word for a join that nothing could answer: no airtime left, too late, or no way to any gateway."""
    if reasons & {"DUTY_CYCLE", "COLLISION_PACKET"}:
        return "duty_cycle"
    return "too_late" if "TOO_LATE" in reasons else "no_way_back"


def windows(network: Network, copy: Reception) -> tuple[Slot, ...]:
    """The join windows: RX1 at offset 0, RX2 at the region's default data rate."""
    region = network.region
    delay = region.join_accept_delay
    dr = region.dr_of(copy.data_rate)
    rx1_frequency = region.rx1_frequency(copy.frequency)
    rx2_frequency = region.rx2_frequency
    return (
        Slot(
            frequency=rx1_frequency,
            dr=region.rx1_data_rate(dr, 0),
            power=downlink.power(network, rx1_frequency),
            delay=delay,
        ),
        Slot(
            frequency=rx2_frequency,
            dr=region.rx2_dr,
            power=downlink.power(network, rx2_frequency),
            delay=delay + 1,
            window=2,
        ),
    )


async def send(
    network: Network,
    scheduler: Scheduler,
    *,
    copies: list[Reception],
    session: Session,
    phy: bytes,
    slots: tuple[Slot, ...],
) -> str | None:
    """Hand the accept to a gateway; gives the word for what is in the way when none takes it."""
    dr = network.region.dr_of(copies[0].data_rate)
    candidates = scheduler.candidates(
        dev_eui=session.dev_eui, phy=phy, copies=copies, slots=slots, uplink_dr=dr
    )

    async def tell(attempt: Attempt, error: str | None) -> None:
        gateway = attempt.current.emission.gateway
        if error is not None:
            network.rejections.add_join(
                Rejection("answer_not_sent", wall_ms(), gateway, session.dev_eui, error)
            )
        network.show(
            FrameLog(
                at=wall_ms(),
                direction="down",
                kind="join_accept",
                outcome=error or "sent",
                gateway=gateway,
                device=session.dev_eui,
                frequency=attempt.current.emission.slot.frequency,
                data_rate=attempt.current.emission.data_rate.text,
                size=len(phy),
            )
        )

    reason = await scheduler.send(candidates, tell)
    return None if reason is None else explained({reason})
