"""The main path of a message: identify → decode → bind → check → keep → tell.

A batch of logged raw messages goes in; when ``handle`` returns, each message has its one outcome in the
ledger, its values are in history and in the present state, and the rooms downstream were told. Only
then may the batch be acknowledged. Doing a batch twice changes nothing.
"""

from collections.abc import Sequence

from clapas.bus import Delivery
from clapas.pipeline.bind import bind
from clapas.pipeline.check import check
from clapas.pipeline.decode import decode
from clapas.pipeline.identify import identify
from clapas.pipeline.keep import Kept, keep
from clapas.pipeline.ports import Ports


async def handle(deliveries: Sequence[Delivery], ports: Ports) -> Kept:
    """Take a batch through every step; what could not go on becomes a reject with its reason."""
    batch = await identify(
        deliveries, [ports.log_numbers[each.log] for each in deliveries], ports=ports
    )
    batch = await decode(batch, ports)
    batch = await bind(batch, ports)
    batch = check(batch, ports.limits)
    kept = await keep(batch, ports)
    if kept.told.observations:
        await ports.bus.publish_observations(kept.told)
    return kept
