"""Firmware campaigns by name: started once, carried on by themselves, and taken up again after a restart.

A campaign is a file ``campaigns/<name>`` of the data directory, replaced at each change. The server turns them every
:data:`TURN_S` seconds: once the class C session has begun the fragments follow as the group's queue takes them; then
the members are asked what they miss; after the session's end it is over.
"""

import logging
import math
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from clapas.domain.errors import ClapasError, Conflict, InvalidInput, NotFound
from clapas.domain.window import instant
from clapas.engines.directory import write_private
from clapas.lorawan import multicast
from clapas.lorawan.addresses import draw_dev_addr
from clapas.lorawan.firmware import Campaign, CampaignPlan, Progress, Version
from clapas.lorawan.gps import gps_milliseconds
from clapas.lorawan.multicast import GroupPlan
from clapas.lorawan.network import Network, wall_ms
from clapas.lorawan.session import GROUP

LOG = logging.getLogger("clapas.lorawan")
FOLDER: Final = "campaigns"
TURN_S: Final = 5
MOST: Final = 50
LARGEST: Final = 400_000
"""Bytes of a block: more would be days of airtime."""
SECONDS_A_FRAGMENT: Final = 4.0
ASKED: Final = 3
"""How often the members are asked what they miss, at most."""
ASK_EVERY: Final = 24
"""Turns between two such questions."""
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,39}$")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for: the file, its members, when the session opens."""

    name: str
    block: bytes
    members: tuple[str, ...]
    start_in_s: int = 3600
    """Class A members need some of their own uplinks to be prepared."""
    fragment_size: int = 48
    redundancy: float = 0.3
    """Coded fragments beside the plain ones, as a share."""
    version: Version = 1
    dr: int | None = None
    frequency: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign on the disk. Times are milliseconds since 1970 UTC."""

    name: str
    created: int
    group: GroupPlan
    plan: CampaignPlan
    progress: Progress


_decode = msgspec.msgpack.Decoder(Record).decode


class _Running:
    """A campaign with its record."""

    def __init__(self, network: Network, record: Record, *, folder: Path) -> None:
        self.record = record
        self._path = folder / record.name
        self.campaign = Campaign(
            network, record.group, plan=record.plan, progress=record.progress, changed=self.keep
        )
        self.turns = 0

    def keep(self) -> None:
        """Write it: what the devices were told must not be told otherwise after a restart."""
        write_private(self._path, msgspec.msgpack.encode(self.record))

    def forget(self) -> None:
        self.campaign.close()
        self._path.unlink(missing_ok=True)


class Campaigns:
    """The campaigns of a network server."""

    def __init__(self, network: Network, directory: Path) -> None:
        self._network = network
        self._folder = directory / FOLDER
        self._running: dict[str, _Running] = {}

    def load(self) -> None:
        """Take up those of before the start."""
        for path in sorted(self._folder.glob("*")):
            if not _NAME.match(path.name):
                continue
            try:
                running = _Running(self._network, _decode(path.read_bytes()), folder=self._folder)
            except (OSError, msgspec.DecodeError) as wrong:
                LOG.warning("the campaign %s cannot be read: %s", path.name, wrong)
                continue
            running.campaign.listen()
            self._running[path.name] = running

    async def start(self, wish: Wish) -> dict[str, Any]:
        """Make the group, invite its members. Raises InvalidInput, Conflict."""
        if not _NAME.match(wish.name) or not wish.members or not 0 < len(wish.block) <= LARGEST:
            raise InvalidInput(
                "a campaign has a short name (a-z, 0-9, -), members and a file of at most 400 kB"
            )
        if wish.name in self._running or len(self._running) >= MOST:
            raise Conflict("this campaign exists, or there are too many", name=wish.name)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        record = self._record(wish)
        running = _Running(self._network, record, folder=self._folder)
        await multicast.create(self._network, record.group)
        running.keep()
        self._running[wish.name] = running
        await running.campaign.invite()
        return row(running)

    def _record(self, wish: Wish) -> Record:
        region, now = self._network.region, wall_ms()
        dr = self._network.rx2_dr if wish.dr is None else wish.dr
        if not 1 <= wish.fragment_size <= region.payload_size(dr) - 3:
            raise InvalidInput(
                "the fragments do not fit the data rate",
                field="fragment_size", accepted=[1, region.payload_size(dr) - 3],
            )  # fmt: skip
        plain = math.ceil(len(wish.block) / wish.fragment_size)
        coded = math.ceil(plain * min(max(wish.redundancy, 0.0), 2.0))
        lasts = (plain + coded) * SECONDS_A_FRAGMENT + 60
        start = gps_milliseconds(instant(now)) // 1000 + max(wish.start_in_s, 10)
        group = GroupPlan(
            name=f"firmware-{wish.name}", mc_addr=draw_dev_addr(self._network.net_id), dr=dr,
            frequency=wish.frequency or region.rx2_frequency, members=wish.members,
        )  # fmt: skip
        plan = CampaignPlan(
            block=wish.block, fragment_size=wish.fragment_size, redundancy=coded, start_gps_s=start,
            time_out=min(max(math.ceil(math.log2(lasts)), 6), 15), version=wish.version,
            session_counter=now // 1000 & 0xFFFF,
        )  # fmt: skip
        return Record(name=wish.name, created=now, group=group, plan=plan, progress=Progress())

    async def turn(self) -> list[str]:
        """Carry each campaign on; gives the groups that have something to send."""
        pushed = []
        for running in list(self._running.values()):
            try:
                if await self._turn(running):
                    pushed.append(GROUP + running.record.group.name)
            except ClapasError as wrong:
                LOG.warning("the campaign %s waits: %s", running.record.name, wrong)
        return pushed

    async def _turn(self, running: _Running) -> bool:
        """One turn; whether fragments wait in the group's queue."""
        stage = stage_of(running.record)
        if stage == "sending":
            return await running.campaign.send() >= 0
        if stage == "asking":
            running.turns += 1
            if running.turns % ASK_EVERY == 1:
                await running.campaign.ask_status()
        return False

    def rows(self) -> list[dict[str, Any]]:
        """Every campaign, the newest first."""
        found = sorted(self._running.values(), key=lambda each: -each.record.created)
        return [row(each) for each in found]

    def remove(self, name: str) -> None:
        """End a campaign and forget it, with what waits in its group's queue. Raises NotFound."""
        running = self._running.pop(name, None)
        if running is None:
            raise NotFound(campaign=name[:40])
        group = self._network.state.find(GROUP + running.record.group.name)
        if group is not None:
            multicast.dissolve(self._network, group)
        running.forget()

    def owns(self, group: str) -> bool:
        """Whether a campaign alone speaks to the multicast group of that name."""
        return any(each.record.group.name == group for each in self._running.values())


def stage_of(record: Record) -> str:
    """Preparing → sending → asking → over. Nothing is sent while no member was told when to listen."""
    now = gps_milliseconds(instant(wall_ms())) // 1000
    plan, progress = record.plan, record.progress
    if now < plan.start_gps_s:
        return "preparing"
    count = math.ceil(len(plan.block) / plan.fragment_size) + plan.redundancy
    lasting = now < plan.start_gps_s + (1 << plan.time_out)
    steps = set(progress.steps.values())
    if not steps & {"ready", "prepared"}:
        return "preparing" if lasting and steps & {"keyed", "invited"} else "over"
    if progress.sent < count and lasting:
        return "sending"
    return "asking" if progress.asked < ASKED else "over"


def row(running: _Running) -> dict[str, Any]:
    """A campaign as the page shows it; the file and the keys stay here."""
    record = running.record
    plan, progress = record.plan, record.progress
    offset = gps_milliseconds(instant(wall_ms())) - wall_ms()
    return {
        "name": record.name,
        "created": record.created,
        "stage": stage_of(record),
        "starts": plan.start_gps_s * 1000 - offset,
        "bytes": len(plan.block),
        "fragments": len(running.campaign.fragments),
        "sent": progress.sent,
        "version": plan.version,
        "members": [
            {"device": key, "step": step, "reason": progress.reasons.get(key, "")}
            for key, step in progress.steps.items()
        ],
    }
