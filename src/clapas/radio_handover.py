"""Devices and sessions between ChirpStack and the embedded network server: nobody joins again, either way.

The registry (devices, models, sealed keys) is written here; sessions go to the network server, running or not, by way
of :mod:`clapas.lorawan.handover`.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec

from clapas.bus import NatsBus
from clapas.domain.access import RowFilter
from clapas.domain.device import CodecRef, Device, Model
from clapas.domain.errors import EngineUnavailable, InvalidInput
from clapas.domain.keys import LORAWAN_ASK
from clapas.engines import EngineAddresses
from clapas.fleet.sealing import Sealer
from clapas.lorawan import handover
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.exchange import BadLine, Imported, Radio, read_lines, write_device
from clapas.lorawan.regions import region
from clapas.lorawan.session import DeviceState
from clapas.lorawan.settings import Settings
from clapas.lorawan.state import State
from clapas.roles.lorawan import RegistryDevices
from clapas.store import Store
from clapas.store.fleet import DeviceQuery

ALL: Final = RowFilter(everything=True)
SOURCE: Final = "lorawan"
TOGETHER: Final = 2000
KEYS: Final = ("app_key", "nwk_key", "gen_app_key")
ASK_S: Final = 120.0
_PLAIN = re.compile(r"[^a-z0-9]+")


def read(
    lines: Iterable[bytes], settings: Settings, *, radio: Radio
) -> tuple[list[Imported], list[str]]:
    """The devices of a file, and what is wrong with the other lines."""
    good: list[Imported] = []
    wrong: list[str] = []
    for each in read_lines(lines, region(settings.region), radio=radio):
        if isinstance(each, BadLine):
            wrong.append(str(each))
        else:
            good.append(each)
    return good, wrong


def profiles(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The device profiles that a file names, with their codecs; lines that cannot be read have none."""
    for line in lines:
        try:
            found = msgspec.json.decode(line, type=dict[str, Any]).get("deviceProfile") or {}
        except msgspec.MsgspecError:
            continue
        if isinstance(found, dict) and found.get("name"):
            yield found


def model_id(name: str) -> str:
    """Our model's id for a profile's name."""
    return _PLAIN.sub("-", name.lower()).strip("-")[:60]


async def keep_models(store: Store, found: Iterable[dict[str, Any]]) -> list[str]:
    """Make the models of profiles that the registry lacks, with their codecs; gives the new ones."""
    there = {each.id for each in await store.models.all()}
    made: dict[str, Model] = {}
    for profile in found:
        name = model_id(str(profile["name"]))
        if name and name not in there and name not in made:
            made[name] = await _model(store, name, profile=profile)
    await store.models.save(list(made.values()))
    return sorted(made)


async def _model(store: Store, name: str, *, profile: dict[str, Any]) -> Model:
    codec = CodecRef()
    script = str(profile.get("payloadCodecScript") or "")
    if profile.get("payloadCodecRuntime") == "CAYENNE_LPP":
        codec = CodecRef(kind="cayenne", name="cayenne", version=1)
    elif script.strip():
        codec = await store.models.save_script(name, script, mode="chirpstack")
    radio = {
        "mac_version": str(profile.get("macVersion", "LORAWAN_1_0_3"))[8:].replace("_", "."),
        "supports_class_b": bool(profile.get("supportsClassB")),
        "supports_class_c": bool(profile.get("supportsClassC")),
    }
    interval = int(profile.get("uplinkInterval") or 0) or None
    return Model(
        id=name, label=str(profile["name"])[:200], codec=codec, interval_s=interval, settings={"radio": radio},
    )  # fmt: skip


async def register(store: Store, sealer: Sealer, *, devices: Sequence[Imported]) -> None:
    """Write devices with their keys in the registry; what is there already is updated."""
    for low in range(0, len(devices), TOGETHER):
        part = devices[low : low + TOGETHER]
        known = await store.registry.resolve([each.device.dev_eui for each in part])
        before = {key: each.device for key, each in known.items()}
        await store.registry.save_devices(
            [_registered(each, before.get(each.device.dev_eui)) for each in part]
        )
        await store.fleet.save_files(
            [(each.device.dev_eui, {"join_eui": each.device.join_eui}) for each in part]
        )
        await store.fleet.save_sealed(
            [
                {"key": e.device.dev_eui, "kind": kind, "sealed": sealer.seal(e.device.dev_eui, kind, key=key)}
                for e in part
                for kind in KEYS
                if (key := getattr(e.device, kind))
            ]
        )  # fmt: skip


def _registered(each: Imported, before: Device | None) -> Device:
    device = each.device
    tags = {**each.tags, "mac_version": device.version, "device_class": device.device_class}
    if device.counter_reset:
        tags["counter_reset"] = "true"
    base = before or Device(id=uuid4(), key=device.dev_eui)
    return msgspec.structs.replace(
        base,
        source=SOURCE,
        name=device.name or base.name,
        model=base.model or model_id(device.model),
        lifecycle="active" if device.enabled else "retired",
        tags={**base.tags, **tags},
    )


class Sessions:
    """The network server's sessions: asked of the running one, else read and written in its folder."""

    def __init__(self, data: Path, addresses: EngineAddresses) -> None:
        self._folder = data / "lorawan"
        self._addresses = addresses

    async def take(self, states: Sequence[DeviceState]) -> int:
        """Give sessions to the network server: durable when this returns."""
        path = handover.place(self._folder, "in")
        await asyncio.to_thread(handover.write_states, path, states)
        try:
            return await self._either("take_over", path)
        finally:
            path.unlink(missing_ok=True)

    async def all(self) -> list[DeviceState]:
        """Every session that the network server has."""
        path = handover.place(self._folder, "out")
        try:
            await self._either("hand_over", path)
            return await asyncio.to_thread(handover.read_states, path)
        finally:
            path.unlink(missing_ok=True)

    async def _either(self, question: str, path: Path) -> int:
        body = msgspec.json.encode({"ask": question, "id": path.name})
        async with NatsBus.open(self._addresses.nats) as bus:
            try:
                said = msgspec.json.decode(await bus.ask(LORAWAN_ASK, body, timeout_s=ASK_S))
            except EngineUnavailable:
                return await self._alone(question, path)
        if "error" in said:
            raise InvalidInput(str(said.get("detail") or said["error"]))
        return int(said["devices"])

    async def _alone(self, question: str, path: Path) -> int:
        """Nobody answers: when the network server does not run, its folder is ours for the while.

        Raises EngineUnavailable when it runs: two may never write one journal.
        """
        if await asyncio.to_thread(_runs, self._folder.parent):
            raise EngineUnavailable("the network server is busy; try again", engine="lorawan")
        state = State(self._folder)
        try:
            act = handover.take_over if question == "take_over" else handover.hand_over
            return await act(state, path)
        finally:
            await state.close()


def _runs(data: Path) -> bool:
    """Is the role *lorawan* of this data directory alive? Its flag holds its process number."""
    try:
        pid = int((data / "run" / "lorawan.ready").read_text())
        return b"lorawan" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


async def export(store: Store, sealer: Sealer, *, sessions: Sessions) -> list[bytes]:
    """Every LoRaWAN device as a line in ChirpStack's shapes, with counters that it may use at once."""
    states = {each.dev_eui: each for each in await sessions.all()}
    devices = await _served(store, sealer)
    for key in devices:
        states.setdefault(key, DeviceState(dev_eui=key))
    return [
        msgspec.json.encode(write_device(state, devices.get(key))) + b"\n"
        for key, state in sorted(states.items())
    ]


async def _served(store: Store, sealer: Sealer) -> dict[str, LorawanDevice]:
    keys = await store.fleet.keys(ALL, DeviceQuery(source=SOURCE))
    register_ = RegistryDevices(store, sealer)
    found = [await register_.device(key) for key in keys]
    return {each.dev_eui: each for each in found if each is not None}
