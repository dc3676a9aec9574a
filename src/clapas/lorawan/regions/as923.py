"""AS923, group 1 (RP002-1.0.4 clause 2.10; the other groups shift every frequency)."""

from clapas.lorawan.regions.lora import DWELL, EUROPEAN, SEVEN_AND_FSK, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region, SubBand

_OFFSETS = (0, 1, 2, 3, 4, 5, -1, -2)
"""What each RX1 offset takes from the uplink's data rate."""

REGION = Region(
    name="AS923",
    station_name="AS923-1",
    data_rates=SEVEN_AND_FSK,
    channels=tuple(Channel(hertz) for hertz in (923_200_000, 923_400_000)),
    usual_extra=(923_600_000, 923_800_000, 924_000_000, 924_200_000, 924_400_000),
    rx1_dr={dr: tuple(min(5, max(0, dr - less)) for less in _OFFSETS) for dr in range(8)},
    rx2_frequency=923_200_000,
    rx2_dr=2,
    rx2_dr_advised=2,
    max_payload=sizes(*EUROPEAN),
    max_payload_dwell=DWELL,
    max_eirp=16,
    downlink_eirp=16,
    tx_powers=8,
    sub_bands=(SubBand(920_000_000, 925_000_000, 0.01, 16),),
    class_b=ClassB(923_400_000, 3, 923_400_000, 3),
    frequency_range=(915_000_000, 928_000_000),
    tx_param_setup=True,
)
