"""The role *keeping*: copies the platform every day; it runs only when a folder for copies is set."""

from collections.abc import Callable
from pathlib import Path

from clapas.bus import NatsBus
from clapas.domain.errors import BadSetting
from clapas.ops.keeping.copy import make_backup
from clapas.ops.keeping.keys import key_of_file, make_key_file
from clapas.ops.keeping.schedule import daily, key_path
from clapas.orders import Orders
from clapas.store import Store, migrate


async def run(orders: Orders, ready: Callable[[], None]) -> None:
    """Make the daily backup."""
    settings, data = orders.configuration.ops, Path(orders.directory)
    if not settings.backup_folder:
        raise BadSetting("ops.backup_folder is not set", key="ops.backup_folder")
    await migrate(orders.addresses)
    async with (
        Store.open(orders.addresses, pool=3) as store,
        NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus,
    ):
        await bus.prepare()

        async def make(target: Path) -> object:
            path = key_path(settings, data)
            key = key_of_file(path) if path.exists() else make_key_file(path)
            return await make_backup(store, bus, data=data, target=target, key=key)

        async def timezone() -> str:
            return str(await store.territory.zone())

        ready()
        await daily(settings, data, timezone=timezone, make=make)
