"""The application layer clock (TS003): tell a device by how many seconds its clock is wrong."""

from clapas.lorawan import events, queue
from clapas.lorawan.bits import Command
from clapas.lorawan.conversation import gps_now
from clapas.lorawan.network import Network
from clapas.lorawan.packages import clock_sync


def correction(command: Command, gps_seconds: int) -> Command | None:
    """The AppTimeAns of an AppTimeReq; None when the clock is right and no answer is required."""
    wrong = (gps_seconds - command.values["device_time"] + (1 << 31)) % (1 << 32) - (1 << 31)
    if not wrong and not command.values["ans_required"]:
        return None
    return Command(
        "AppTimeAns", {"time_correction": wrong, "token_ans": command.values["token_req"]}
    )


async def answer(network: Network, accepted: events.Accepted) -> None:
    """Queue the answer to the clock requests of an uplink on port 202, ahead of the rest."""
    device = accepted.device
    if accepted.frame.f_port != clock_sync.PORT or device is None or not device.clock_sync:
        return
    heard = gps_now(min(copy.received for copy in accepted.copies)) // 1000
    asked = [each for each in clock_sync.UPLINK.decode(accepted.data) if each.name == "AppTimeReq"]
    answers = [found for found in (correction(each, heard) for each in asked[:1]) if found]
    if answers:
        data = clock_sync.DOWNLINK.encode(answers)
        await queue.enqueue(
            network, device.dev_eui, f_port=clock_sync.PORT, data=data, priority=100
        )
