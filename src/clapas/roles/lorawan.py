"""The role *lorawan*: the embedded network server over our registry, its keys and our durable log."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.bus import NatsBus
from clapas.domain.access import RowFilter
from clapas.domain.device import Device, Gateway, Model
from clapas.domain.errors import ClapasError, NotFound
from clapas.domain.keys import LORAWAN_ASK
from clapas.domain.window import instant
from clapas.fleet.sealing import Sealer
from clapas.lorawan import control, mqtt_door
from clapas.lorawan.devices import DeviceClass, LorawanDevice, MacVersion, Personal
from clapas.lorawan.server import LorawanServer
from clapas.orders import Orders, kept_secret
from clapas.store import Store, migrate

LOG = logging.getLogger("clapas.lorawan")
ALL = RowFilter(everything=True)
SERVED = frozenset({"stock", "to_install", "active", "maintenance"})
"""Life-cycle stages that the radio answers; one that is only proposed is answered once it was given keys."""
GATEWAYS_S: Final = 15
"""How often the gateways' presence goes to the registry, and their places come from it."""


class RadioFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says under ``settings.radio``, and a device's tags may say again for itself."""

    mac_version: MacVersion | None = None
    device_class: DeviceClass = "A"
    adr_margin_db: float | None = None
    adr: bool = True
    counter_reset: bool = False
    any_dev_nonce: bool = False
    clock_sync: bool = False


class RegistryDevices:
    """The network server's devices, read from the registry; keys are opened here and go nowhere else."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer

    async def device(self, dev_eui: str) -> LorawanDevice | None:
        """The device of an EUI, None when the registry does not have it."""
        try:
            row = await self._store.fleet.one(dev_eui, ALL)
        except NotFound:
            return None
        sealed = await self._store.fleet.sealed_keys(dev_eui)
        keys = {
            kind: self._sealer.open(dev_eui, kind, sealed=value) for kind, value in sealed.items()
        }
        known = (await self._store.registry.resolve([dev_eui])).get(dev_eui)
        facts = radio_facts(known.model if known else None, row.row.device)
        return lorawan_device(row.row.device, row.file.join_eui, keys=keys, facts=facts)


def radio_facts(model: Model | None, device: Device) -> RadioFacts:
    """A device's radio settings: its own tags first, then its model's, then what is usual."""
    settings = model.settings if model else {}
    told: dict[str, Any] = {**settings, **settings.get("radio", {})}
    if told.get("supports_class_c") or told.get("supports_class_b"):
        told.setdefault("device_class", "C" if told.get("supports_class_c") else "B")
    told |= {name: text for name, text in device.tags.items() if name in _NAMES}
    wanted = {name: told[name] for name in _NAMES if told.get(name) not in (None, "")}
    try:
        return msgspec.convert(wanted, RadioFacts, strict=False)
    except msgspec.ValidationError as wrong:
        LOG.warning("radio settings of %s cannot be used: %s", device.key, wrong)
        return RadioFacts()


_NAMES: Final = RadioFacts.__struct_fields__


def lorawan_device(
    device: Device, join_eui: str, *, keys: dict[str, bytes], facts: RadioFacts
) -> LorawanDevice:
    """A device of the registry as the network server sees it."""
    values = msgspec.structs.asdict(facts)
    typed = keys.get("session")
    del values["mac_version"]
    personal = msgspec.msgpack.decode(typed, type=Personal) if typed else None
    newer = "nwk_key" in keys or (personal is not None and personal.s_nwk_s_int_key)
    guessed: MacVersion = "1.1.0" if newer else "1.0.3"
    return LorawanDevice(
        dev_eui=device.key,
        join_eui=join_eui or "0" * 16,
        app_key=keys.get("app_key", b""),
        nwk_key=keys.get("nwk_key", b""),
        gen_app_key=keys.get("gen_app_key", b""),
        version=facts.mac_version or guessed,
        name=device.name,
        model=device.model,
        enabled=device.lifecycle in SERVED or (device.lifecycle == "proposed" and bool(keys)),
        personal=personal,
        latitude=device.latitude,
        longitude=device.longitude,
        **values,
    )


async def run(orders: Orders, ready: Callable[[], None]) -> None:
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
            settings, directory / "lorawan", publish=bus.publish_uplink, devices=devices
        ) as server:
            register = server.network.register
            store.registry.watch(lambda key: register.forget(key or None))
            await bus.hear(mqtt_door.TOPICS, server.open_mqtt(bus.tell).message)
            telling = asyncio.create_task(tell_gateways(store, server))
            ready()
            try:
                await bus.answer(LORAWAN_ASK, lambda request: control.answer(server, request))
            finally:
                telling.cancel()


async def tell_gateways(store: Store, server: LorawanServer) -> None:
    """Keep the registry's gateways fresh; those that do not know their place get the registry's."""
    told: dict[str, int] = {}
    while True:
        try:
            await exchange_gateways(store, server, told=told)
        except ClapasError as wrong:
            LOG.warning("the registry's gateways are not up to date: %s", wrong)
        await asyncio.sleep(GATEWAYS_S)


async def exchange_gateways(store: Store, server: LorawanServer, *, told: dict[str, int]) -> None:
    """One turn; ``told`` remembers until when each gateway was told.

    Only gateways that forwarded a frame of one of our devices come this far: a forged EUI is not written.
    """
    found = [each for each in server.gateways() if each.last_seen > told.get(each.id, 0)]
    worthy = [each for each in found if each.ours]
    await store.models.save_gateways(
        [
            Gateway(
                id=each.id,
                longitude=each.longitude if each.placed_by_itself else None,
                latitude=each.latitude if each.placed_by_itself else None,
                last_seen=instant(each.last_seen),
            )
            for each in worthy
        ]
    )
    told.update({each.id: each.last_seen for each in worthy})
    for known in await store.models.gateways():
        gateway = server.network.gateways.get(known.id)
        if gateway is not None and not gateway.placed_by_itself:
            gateway.latitude, gateway.longitude = known.latitude, known.longitude
