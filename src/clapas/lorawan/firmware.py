"""A firmware campaign: give a group's key, announce the file, open the class C session, send the fragments.

Each device goes through *invited → keyed → prepared → ready → complete*, or *refused* with the package's own reason
(TS004 and TS005). Devices that are not ready when the session starts are left out; the erasure code mends what the air
loses for the others.
"""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from clapas.lorawan import events, queue
from clapas.lorawan.bits import Command, Language
from clapas.lorawan.errors import QueueRefused
from clapas.lorawan.keys import data_block_int_key
from clapas.lorawan.multicast import GroupPlan, session_request, setup_request
from clapas.lorawan.network import Network
from clapas.lorawan.packages import fragmentation, fragments, multicast_setup
from clapas.lorawan.session import GROUP

Step = Literal["invited", "keyed", "prepared", "ready", "complete", "refused"]
Version = Literal[1, 2]
PRIORITY: Final = 50


class CampaignPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent and how: the file, its fragments, and when the session opens (GPS seconds)."""

    block: bytes
    fragment_size: int
    redundancy: int
    start_gps_s: int
    time_out: int = 10
    """The session lasts 2^time_out seconds."""
    descriptor: bytes = bytes(4)
    group_id: int = 0
    index: int = 0
    version: Version = 1
    """Of the fragmentation package."""
    session_counter: int = 1
    """Of the fragmentation session (v2): grows with each, so that none is replayed."""


class Progress(msgspec.Struct, kw_only=True):
    """How far a campaign is: what outlives a restart beside its plan."""

    steps: dict[str, Step] = {}
    reasons: dict[str, str] = {}
    sent: int = 0
    """Fragments queued so far."""
    asked: int = 0
    """How often the members were asked what they still miss."""


def nothing() -> None:
    """Nobody wants to know that a campaign changed."""


class Campaign:
    """A running campaign; hears the devices' answers and takes each to its next step."""

    def __init__(
        self,
        network: Network,
        group: GroupPlan,
        *,
        plan: CampaignPlan,
        progress: Progress | None = None,
        changed: Callable[[], None] = nothing,
    ) -> None:
        self._network = network
        self._group = group
        self._plan = plan
        self._changed = changed
        self.fragments = fragments.split(plan.block, plan.fragment_size, redundancy=plan.redundancy)
        self.progress = progress or Progress()

    @property
    def steps(self) -> dict[str, Step]:
        """Each member's step."""
        return self.progress.steps

    @property
    def reasons(self) -> dict[str, str]:
        """Why members were refused."""
        return self.progress.reasons

    def listen(self) -> None:
        """Hear the members' answers from now on."""
        if self.hear not in self._network.listeners:
            self._network.listeners.append(self.hear)

    async def invite(self) -> None:
        """Give every member the group's key; the network then tells us their answers."""
        self.listen()
        for dev_eui in self._group.members:
            device = await self._network.register.speaking(dev_eui)
            if device is None:
                self._refuse(dev_eui, "unknown_device")
                continue
            self.steps[dev_eui] = "invited"
            request = setup_request(device, self._group, group_id=self._plan.group_id)
            await self._tell(dev_eui, multicast_setup.PORT, data=request)
        self._changed()

    async def hear(self, accepted: events.Accepted) -> None:
        """Read a member's answer on the packages' ports."""
        dev_eui, port = accepted.session.dev_eui, accepted.frame.f_port
        if dev_eui not in self.steps or port not in {multicast_setup.PORT, fragmentation.PORT}:
            return
        language = (
            multicast_setup.UPLINK[1]
            if port == multicast_setup.PORT
            else fragmentation.UPLINK[self._plan.version]
        )
        for command in language.decode(accepted.data):
            await self._step(dev_eui, command)
        self._changed()

    async def _step(self, dev_eui: str, command: Command) -> None:
        step = self.steps[dev_eui]
        wrong = [name for name, value in command.values.items() if value is True]
        if command.name == "FragSessionStatusAns":
            self._status(dev_eui, command)
        elif wrong and command.name.endswith("Ans"):
            self._refuse(dev_eui, wrong[0])
        elif command.name == "McGroupSetupAns" and step == "invited":
            self.steps[dev_eui] = "keyed"
            await self._announce(dev_eui)
        elif command.name == "FragSessionSetupAns" and step == "keyed":
            self.steps[dev_eui] = "prepared"
            plan = self._plan
            request = session_request(
                self._group,
                group_id=plan.group_id,
                start_gps_s=plan.start_gps_s,
                time_out=plan.time_out,
            )
            await self._tell(dev_eui, multicast_setup.PORT, data=request)
        elif command.name in {"McClassCSessionAns", "McClassBSessionAns"} and step == "prepared":
            self.steps[dev_eui] = "ready"
        elif command.name == "FragDataBlockReceivedReq":
            await self._received(dev_eui, command)

    async def _received(self, dev_eui: str, command: Command) -> None:
        """A v2 member has the whole block, and says whether its code is right; it asks until it is answered."""
        if command.values["mic_error"]:
            self._refuse(dev_eui, "mic_error")
        else:
            self.steps[dev_eui] = "complete"
        said = [Command("FragDataBlockReceivedAns", {"frag_index": self._plan.index})]
        await self._tell(
            dev_eui,
            fragmentation.PORT,
            data=fragmentation.DOWNLINK[self._plan.version].encode(said),
        )

    def _status(self, dev_eui: str, command: Command) -> None:
        if not command.values["missing_frag"] and command.values["nb_frag_received"]:
            self.steps[dev_eui] = "complete"

    def _refuse(self, dev_eui: str, reason: str) -> None:
        self.steps[dev_eui], self.reasons[dev_eui] = "refused", reason

    async def _announce(self, dev_eui: str) -> None:
        device = await self._network.register.speaking(dev_eui)
        key = data_block_int_key(device.package_key) if device else bytes(16)
        await self._tell(dev_eui, fragmentation.PORT, data=self._announcement(key))

    def _announcement(self, int_key: bytes) -> bytes:
        plan = self._plan
        count = len(self.fragments) - plan.redundancy
        values = {
            "mc_group_bit_mask": (plan.group_id,),
            "frag_index": plan.index,
            "nb_frag": count,
            "frag_size": plan.fragment_size,
            "block_ack_delay": 0,
            "padding": count * plan.fragment_size - len(plan.block),
            "descriptor": plan.descriptor.hex(),
        }
        if plan.version == 1:
            values["fragmentation_matrix"] = 0
        else:
            code = fragments.block_mic(
                int_key, plan.block, session_counter=plan.session_counter, index=plan.index,
                descriptor=plan.descriptor,
            )  # fmt: skip
            values |= {
                "frag_algo": 0, "ack_reception": True, "session_cnt": plan.session_counter, "mic": code.hex(),
            }  # fmt: skip
        language: Language = fragmentation.DOWNLINK[plan.version]
        return language.encode([Command("FragSessionSetupReq", values)])

    async def send(self) -> int:
        """Queue the fragments for the group, as many as its queue takes now; gives how many are left."""
        left = self.fragments[self.progress.sent :]
        for number, data in enumerate(left, self.progress.sent + 1):
            try:
                fragment = fragments.data_fragment(
                    number, data, index=self._plan.index, version=self._plan.version
                )
                await queue.enqueue(
                    self._network,
                    GROUP + self._group.name,
                    f_port=fragmentation.PORT,
                    data=fragment,
                )
            except QueueRefused:
                break
            self.progress.sent = number
        self._changed()
        return len(self.fragments) - self.progress.sent

    async def ask_status(self) -> None:
        """Ask every ready member what it still misses."""
        self.progress.asked += 1
        self._changed()
        values = {"participants": True, "frag_index": self._plan.index}
        request = fragmentation.DOWNLINK[self._plan.version].encode(
            [Command("FragSessionStatusReq", values)]
        )
        for dev_eui, step in self.steps.items():
            if step == "ready":
                await self._tell(dev_eui, fragmentation.PORT, data=request)

    async def _tell(self, dev_eui: str, port: int, *, data: bytes) -> None:
        await queue.enqueue(self._network, dev_eui, f_port=port, data=data, priority=PRIORITY)

    def close(self) -> None:
        """Stop listening."""
        if self.hear in self._network.listeners:
            self._network.listeners.remove(self.hear)
