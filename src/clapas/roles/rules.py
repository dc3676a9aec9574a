"""The role *rules*: alarms, from the stream of observations to the messages that they cause."""

from collections.abc import Callable

from clapas.bus import NatsBus
from clapas.orders import Orders
from clapas.rules.service import RulesService
from clapas.store import Store, migrate


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """Evaluate the rules as observations come, and tell people; the state is where the last start left it."""
    await migrate(orders.addresses)
    async with (
        Store.open(orders.addresses) as store,
        NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus,
    ):
        await bus.prepare()
        zone = await store.territory.zone()
        settings = orders.configuration
        service = RulesService(
            store, bus, zone=zone, notify=settings.notify, settings=settings.rules
        )
        await service.prepare()
        ready()
        await service.run()
