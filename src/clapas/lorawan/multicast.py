"""Multicast groups: a session that several devices share, for downlinks only (TS001 clause 17 and 18, TS005)."""

import secrets
from typing import Literal

import msgspec

from clapas.lorawan import queue
from clapas.lorawan.bits import Command
from clapas.lorawan.devices import LorawanDevice
from clapas.lorawan.errors import QueueRefused, UnknownDevice
from clapas.lorawan.keys import (
    mc_app_s_key,
    mc_ke_key,
    mc_nwk_s_key,
    mc_root_key_10,
    mc_root_key_11,
    session_keys_10,
    wrap_mc_key,
)
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.packages import multicast_setup
from clapas.lorawan.session import GROUP, DeviceState, Session, new_session_id

MAX_MEMBERS = 10_000
SETUP_PORT = 200
"""The multicast setup package's port (TS005 clause 3.1)."""


class GroupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a group is: its address, class, frequency (Hz), data rate, members and gateways.

    Its session keys come from ``mc_key`` (TS005), or are given as they are where the devices were made with them.
    """

    name: str
    mc_addr: int
    mc_key: bytes = msgspec.field(default_factory=lambda: secrets.token_bytes(16))
    nwk_s_key: bytes = b""
    app_s_key: bytes = b""
    f_cnt_down: int = 0
    """The next counter of a group that another server has spoken to."""
    group_class: Literal["B", "C"] = "C"
    frequency: int = 0
    dr: int | None = None
    ping_periodicity: int = 7
    members: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()


async def create(network: Network, plan: GroupPlan) -> DeviceState:
    """Make a group or change its members; its counter goes on where it was."""
    if len(plan.members) > MAX_MEMBERS:
        raise QueueRefused("too many members in one group", most=MAX_MEMBERS)
    state = network.state.obtain(GROUP + plan.name)
    before = state.session
    region = network.region
    keys = session_keys_10(
        plan.nwk_s_key or mc_nwk_s_key(plan.mc_key, plan.mc_addr),
        plan.app_s_key or mc_app_s_key(plan.mc_key, plan.mc_addr),
    )
    same = before is not None and before.keys == keys
    state.members, state.removed = plan.members, False
    state.session = Session(
        id=before.id if before and same else new_session_id(),
        dev_eui=state.dev_eui,
        dev_addr=plan.mc_addr,
        keys=keys,
        f_cnt_down=max(before.f_cnt_down, plan.f_cnt_down) if before and same else plan.f_cnt_down,
        reserved=before.reserved if before and same else 0,
        rx2_frequency=plan.frequency or region.rx2_frequency,
        rx2_dr=region.rx2_dr if plan.dr is None else plan.dr,
        ping_frequency=plan.frequency,
        ping_dr=plan.dr,
        ping_periodicity=plan.ping_periodicity,
        device_class=plan.group_class,
        last_gateways=plan.gateways,
        activated=wall_ms(),
    )
    await network.state.save(state)
    return state


def group(network: Network, name: str) -> DeviceState:
    """The group of that name."""
    found = network.state.find(GROUP + name)
    if found is None or found.removed:
        raise UnknownDevice(f"no multicast group {name}", device=name)
    return found


async def remove(network: Network, name: str) -> None:
    """Take a group away with what waits for it. Raises UnknownDevice."""
    dissolve(network, group(network, name))
    await network.state.sync()


def dissolve(network: Network, state: DeviceState) -> None:
    """End what waits for a group and let its members go. Its counter is kept: the same keys never repeat one."""
    for item in list(state.queue):
        queue.move(network, state.dev_eui, item=item, state="failed", reason="cancelled")
    state.members, state.removed = (), True
    network.state.put(state)


async def invite(network: Network, plan: GroupPlan) -> int:
    """Queue the group's key for each member, wrapped for it alone; gives how many devices have a key to wrap it with."""
    invited = 0
    for member in plan.members:
        device = await network.register.joining(member)
        if device is not None and device.package_key and network.state.find(member):
            await queue.enqueue(
                network, member, f_port=SETUP_PORT, data=setup_request(device, plan)
            )
            invited += 1
    return invited


def setup_request(
    device: LorawanDevice, plan: GroupPlan, *, group_id: int = 0, most: int = 0xFFFFFFFF
) -> bytes:
    """The McGroupSetupReq (port 200) that gives a device the group's key, wrapped for it alone."""
    root = mc_root_key_11 if device.version == "1.1.0" else mc_root_key_10
    values = {
        "mc_group_id": group_id,
        "mc_addr": f"{plan.mc_addr:08x}",
        "mc_key_encrypted": wrap_mc_key(mc_ke_key(root(device.package_key)), plan.mc_key).hex(),
        "min_mc_f_count": 0,
        "max_mc_f_count": most,
    }
    return multicast_setup.DOWNLINK[1].encode([Command("McGroupSetupReq", values)])


def session_request(plan: GroupPlan, *, group_id: int, start_gps_s: int, time_out: int) -> bytes:
    """The McClassC/BSessionReq that opens the group's session at a GPS second for 2^time_out seconds (B: periods)."""
    values = {
        "mc_group_id": group_id,
        "session_time": start_gps_s & 0xFFFFFFFF,
        "time_out": time_out,
        "dl_frequency": plan.frequency,
        "dr": plan.dr or 0,
    }
    if plan.group_class == "B":
        values["periodicity"] = plan.ping_periodicity
    name = "McClassBSessionReq" if plan.group_class == "B" else "McClassCSessionReq"
    return multicast_setup.DOWNLINK[1].encode([Command(name, values)])
