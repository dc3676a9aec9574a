"""EU433 (RP002-1.0.4 clause 2.6)."""

from clapas.lorawan.regions.lora import EUROPEAN, SEVEN_AND_FSK, descending, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region, SubBand

REGION = Region(
    name="EU433",
    station_name="EU433",
    data_rates=SEVEN_AND_FSK,
    channels=tuple(Channel(hertz) for hertz in (433_175_000, 433_375_000, 433_575_000)),
    rx1_dr=descending(7),
    rx2_frequency=434_665_000,
    rx2_dr=0,
    rx2_dr_advised=3,
    max_payload=sizes(*EUROPEAN),
    max_eirp=12.15,
    downlink_eirp=12.15,
    tx_powers=6,
    sub_bands=(SubBand(433_050_000, 434_790_000, 0.1, 12.15),),
    class_b=ClassB(434_665_000, 3, 434_665_000, 3),
    frequency_range=(433_050_000, 434_790_000),
)
