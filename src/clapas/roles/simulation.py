"""The role *simulation*: the demonstration loads its territory and speaks at the real doors."""

from collections.abc import Callable
from pathlib import Path

from clapas.charter import Charter
from clapas.ops import demonstration
from clapas.ops.simulate.senders import Doors
from clapas.orders import Orders
from clapas.people import compose_identity
from clapas.store import Store


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """The demonstration: load the territory and its fleet, then speak for it at the real doors."""
    directory = Path(orders.directory)
    charter = Charter.standard(orders.configuration.charter)
    nats = orders.addresses.nats

    def doors(key: str) -> Doors:
        return Doors(
            http=orders.address,
            ca_file=orders.configuration.web.certificate,
            key=key,
            mqtt=f"mqtt://{demonstration.KEY}:{key}@{nats.mqtt_host}:{nats.mqtt_port}",
        )

    def tell(said: str) -> None:
        (directory / "run" / "simulation.txt").write_text(said)

    async with Store.open(orders.addresses, pool=2) as store:
        ready()
        identity = compose_identity(store, charter, orders=orders)
        await demonstration.run(store, identity, directory=directory, doors=doors, tell=tell)
