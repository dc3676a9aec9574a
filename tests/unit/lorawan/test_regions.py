"""Every region's table is whole, and the small facts that differ are right."""

import pytest

from clapas.lorawan.addresses import dev_addr_prefix, draw_dev_addr
from clapas.lorawan.errors import FrameError, UnknownRegion
from clapas.lorawan.frames import decode_cf_list
from clapas.lorawan.regions import region, regions
from clapas.lorawan.regions.plan import Region

ALL = sorted(regions())


def test_the_seven_regions_are_there() -> None:
    assert ALL == ["AS923", "AU915", "EU433", "EU868", "IN865", "KR920", "US915"]
    with pytest.raises(UnknownRegion) as refused:
        region("MARS")
    assert "EU868" in refused.value.values["accepted"]


@pytest.mark.parametrize("name", ALL)
def test_a_region_is_whole(name: str) -> None:
    plan = region(name)
    for dr, rate in plan.data_rates.items():
        assert dr in plan.max_payload
        if rate.uplink:
            assert all(
                plan.data_rates[answer].downlink
                for answer in plan.rx1_dr[dr]
                if answer in plan.data_rates
            )
    assert plan.data_rate(plan.rx2_dr).downlink
    assert plan.data_rate(plan.rx2_dr_advised).downlink
    assert all(plan.holds(channel.frequency) for channel in plan.channels)
    assert plan.holds(plan.rx2_frequency)
    assert plan.eirp(plan.tx_powers - 1) < plan.max_eirp
    _texts_lead_back(plan)


def _texts_lead_back(plan: Region) -> None:
    for dr, rate in plan.data_rates.items():
        if rate.modulation != "LR_FHSS":
            assert plan.dr_of(rate.text, uplink=rate.uplink) == dr


@pytest.mark.parametrize(
    ("name", "dr", "offset", "answer"),
    [
        ("US915", 0, 0, 10),
        ("US915", 4, 3, 11),
        ("AU915", 5, 1, 12),
        ("AS923", 2, 7, 4),
        ("IN865", 0, 6, 1),
        ("KR920", 5, 5, 0),
        ("EU433", 7, 2, 5),
    ],
)
def test_rx1_data_rates(name: str, dr: int, offset: int, answer: int) -> None:
    assert region(name).rx1_data_rate(dr, offset) == answer


def test_rx1_answers_on_the_downlink_channel_of_a_fixed_plan() -> None:
    american = region("US915")
    assert american.rx1_frequency(902_300_000 + 9 * 200_000) == 923_300_000 + 600_000
    assert american.rx1_frequency(903_000_000) == 923_300_000
    assert region("EU868").rx1_frequency(867_100_000) == 867_100_000
    with pytest.raises(FrameError):
        american.rx1_frequency(902_250_000)


def test_channels_are_given_at_join_by_frequency_or_by_mask() -> None:
    european, american = region("EU868"), region("US915")
    assert (
        decode_cf_list(european.join_cf_list(european.usual_extra)).frequencies
        == european.usual_extra
    )
    enabled = frozenset(range(8, 16)) | {65}
    assert decode_cf_list(american.join_cf_list((), enabled)).enabled == enabled
    assert european.join_cf_list(()) == b""


@pytest.mark.parametrize("net_id", [0x000000, 0x000001, 0x00002D, 0x600001, 0xE00001])
def test_drawn_addresses_belong_to_the_network(net_id: int) -> None:
    prefix = dev_addr_prefix(net_id)
    assert all(prefix.holds(draw_dev_addr(net_id)) for _ in range(50))
    assert not prefix.holds(prefix.value ^ 1 << (32 - prefix.bits))
