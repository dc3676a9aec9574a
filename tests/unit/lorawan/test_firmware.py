"""A firmware goes to a group: each device is taken through its steps, and rebuilds the file despite losses."""

from pathlib import Path

from tests.unit.lorawan.parts import Bench, bench, registered

from clapas.lorawan.bits import Command
from clapas.lorawan.firmware import Campaign, CampaignPlan
from clapas.lorawan.multicast import GroupPlan
from clapas.lorawan.packages import fragmentation, fragments, multicast_setup
from clapas.ops.simulate_lorawan import device_frames
from clapas.ops.simulate_lorawan.device import Device

FILE = bytes(index * 31 % 256 for index in range(190))


def answer(one: Device, port: int, command: Command) -> bytes:
    """An uplink with one package command."""
    language = (
        multicast_setup.UPLINK[1] if port == multicast_setup.PORT else fragmentation.UPLINK[1]
    )
    assert one.granted is not None
    phy = device_frames.data_up(
        one.granted, counter=one.counter, port=port, data=language.encode([command]), adr=False
    )
    one.counter += 1
    return phy


async def exchange(
    it: Bench, one: Device, port: int, name: str, **values: object
) -> device_frames.Down:
    """The device answers; gives what the network sends next."""
    it.door.hear(answer(one, port, Command(name, dict(values))), gateway=f"gw-{name}")
    await it.settle()
    return it.open_down(one)


async def test_a_device_is_taken_to_ready_and_rebuilds_the_file(tmp_path: Path) -> None:
    one, other = Device(1, "fw", place=(0, 0)), Device(2, "fw", place=(0, 0))
    async with bench(tmp_path, registered(one, adr=False), registered(other, adr=False)) as it:
        for each in (one, other):
            each.rate = 5
            await it.join(each)
        members = (one.eui.hex(), other.eui.hex(), "00000000000000aa")
        group = GroupPlan(
            name="fw",
            mc_addr=0xFF00AA01,
            mc_key=bytes(16),
            frequency=869_525_000,
            dr=3,
            members=members,
        )
        await it.server.create_group(group)
        plan = CampaignPlan(block=FILE, fragment_size=20, redundancy=8, start_gps_s=1_500_000_000)
        campaign = Campaign(it.server.network, group, plan=plan)
        await campaign.invite()
        it.door.hear(one.uplink()[0])
        await it.settle()
        (setup,) = multicast_setup.DOWNLINK[1].decode(it.open_down(one).data)
        assert setup.name == "McGroupSetupReq"
        down = await exchange(it, one, 200, "McGroupSetupAns", mc_group_id=0, id_error=False)
        (announced,) = fragmentation.DOWNLINK[1].decode(down.data)
        assert (announced.values["nb_frag"], announced.values["padding"]) == (10, 10)
        fine = {
            "encoding_unsupported": False,
            "not_enough_memory": False,
            "wrong_descriptor": False,
        }
        down = await exchange(
            it,
            one,
            201,
            "FragSessionSetupAns",
            frag_session_index_not_supported=False,
            frag_index=0,
            **fine,
        )
        (opened,) = multicast_setup.DOWNLINK[1].decode(down.data)
        assert (opened.name, opened.values["session_time"]) == ("McClassCSessionReq", 1_500_000_000)
        ready = {
            "dr_error": False,
            "freq_error": False,
            "mc_group_undefined": False,
            "time_to_start": 5,
        }
        it.door.hear(answer(one, 200, Command("McClassCSessionAns", {"mc_group_id": 0, **ready})))
        it.door.hear(other.uplink()[0])
        await it.settle()
        it.door.hear(
            answer(other, 200, Command("McGroupSetupAns", {"mc_group_id": 0, "id_error": True}))
        )
        await it.settle()
        assert campaign.steps == {members[0]: "ready", members[1]: "refused", members[2]: "refused"}
        assert campaign.reasons == {members[1]: "id_error", members[2]: "unknown_device"}
        assert await campaign.send() == 0
        group_state = it.server.network.state.find("multicast/fw")
        assert group_state is not None
        sent = [fragmentation.DOWNLINK[1].decode(item.data)[0].values for item in group_state.queue]
        received = {
            each["n"]: bytes.fromhex(each["data"]) for each in sent if each["n"] not in {2, 5, 9}
        }
        found = fragments.rebuild(received, 10, size=20)
        assert found is not None
        assert found[: len(FILE)] == FILE
        status = {
            "nb_frag_received": 15,
            "frag_index": 0,
            "missing_frag": 0,
            "not_enough_matrix_memory": False,
        }
        it.door.hear(answer(one, 201, Command("FragSessionStatusAns", status)))
        await it.settle()
        assert campaign.steps[members[0]] == "complete"
        campaign.close()
        assert it.server.network.listeners == []
