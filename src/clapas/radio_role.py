"""The role *lorawan*: the embedded network server over our registry, its keys and our durable log."""

from collections.abc import Callable
from pathlib import Path

from clapas.bus import NatsBus
from clapas.domain.access import RowFilter
from clapas.domain.errors import NotFound
from clapas.domain.keys import LORAWAN_ASK
from clapas.fleet.sealing import Sealer
from clapas.lorawan import control
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.server import LorawanServer
from clapas.orders import Orders, kept_secret
from clapas.store import Store, migrate

ALL = RowFilter(everything=True)
SERVED = frozenset({"stock", "to_install", "active", "maintenance"})


class RegistryDevices:
    """The network server's devices, read from the registry; keys are opened here and go nowhere else."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer

    async def device(self, dev_eui: str) -> LorawanDevice | None:
        """The device of an EUI, None when the registry has no keys for it."""
        sealed = await self._store.fleet.sealed_keys(dev_eui)
        try:
            row = await self._store.fleet.one(dev_eui, ALL)
        except NotFound:
            return None
        if not sealed:
            return None
        keys = {kind: self._sealer.open(dev_eui, kind, value) for kind, value in sealed.items()}
        device = row.row.device
        known = (await self._store.registry.resolve([dev_eui])).get(dev_eui)
        radio = known.model.settings if known and known.model else {}
        return LorawanDevice(
            dev_eui=dev_eui,
            join_eui=row.file.join_eui or "0" * 16,
            app_key=keys.get("app_key", b""),
            nwk_key=keys.get("nwk_key", b""),
            version=radio.get("mac_version") or ("1.1.0" if "nwk_key" in keys else "1.0.3"),
            device_class=radio.get("device_class", "A"),
            adr_margin_db=radio.get("adr_margin_db"),
            name=device.name,
            model=device.model,
            enabled=device.lifecycle in SERVED,
            latitude=device.latitude,
            longitude=device.longitude,
        )


async def run_lorawan(orders: Orders, ready: Callable[[], None]) -> None:
    """Open the gateways' doors that the settings ask for, and answer what other processes ask."""
    await migrate(orders.addresses)
    directory = Path(orders.directory)
    async with (
        Store.open(orders.addresses, pool=4) as store,
        NatsBus.open(orders.addresses.nats, orders.configuration.bus) as bus,
    ):
        await bus.prepare()
        devices = RegistryDevices(store, Sealer(kept_secret(directory, "fleet")))
        settings = orders.configuration.lorawan
        async with LorawanServer.open(
            settings, directory / "lorawan", bus.publish_uplink, devices
        ) as server:
            ready()
            await bus.answer(LORAWAN_ASK, lambda request: control.answer(server, request))
