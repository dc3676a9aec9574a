"""KR920-923 (RP002-1.0.4 clause 2.11)."""

from clapas.lorawan.regions.lora import EUROPEAN, SIX, descending, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region

REGION = Region(
    name="KR920",
    station_name="KR920",
    data_rates=SIX,
    channels=tuple(Channel(hertz) for hertz in (922_100_000, 922_300_000, 922_500_000)),
    usual_extra=(922_700_000, 922_900_000, 923_100_000, 923_300_000),
    rx1_dr=descending(5),
    rx2_frequency=921_900_000,
    rx2_dr=0,
    rx2_dr_advised=3,
    max_payload=sizes(*EUROPEAN[:6]),
    max_eirp=14,
    downlink_eirp=23,
    tx_powers=8,
    class_b=ClassB(923_100_000, 3, 923_100_000, 3),
    frequency_range=(920_900_000, 923_300_000),
)
