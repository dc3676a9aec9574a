"""EU863-870 (RP002-1.0.4 clause 2.4; duty cycles: ERC/REC 70-03, ETSI EN 300 220-2)."""

from clapas.lorawan.regions.lora import EUROPEAN, SEVEN_AND_FSK, descending, fhss, sf, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region, SubBand

REGION = Region(
    name="EU868",
    station_name="EU863",
    data_rates=SEVEN_AND_FSK
    | {
        8: fhss(137_000, "1/3"),
        9: fhss(137_000, "2/3"),
        10: fhss(336_000, "1/3"),
        11: fhss(336_000, "2/3"),
        12: sf(6),
        13: sf(5),
    },
    channels=tuple(Channel(hertz) for hertz in (868_100_000, 868_300_000, 868_500_000)),
    usual_extra=(867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000),
    rx1_dr=descending(7)
    | {
        8: (1, 0, 0, 0, 0, 0),
        9: (2, 1, 0, 0, 0, 0),
        10: (1, 0, 0, 0, 0, 0),
        11: (2, 1, 0, 0, 0, 0),
        12: (12, 5, 4, 3, 2, 1),
        13: (13, 12, 5, 4, 3, 2),
    },
    rx2_frequency=869_525_000,
    rx2_dr=0,
    rx2_dr_advised=3,
    max_payload=sizes(
        *EUROPEAN, (58, 58), (123, 123), (58, 58), (123, 123), (250, 230), (250, 230)
    ),
    max_eirp=16,
    downlink_eirp=16,
    tx_powers=8,
    sub_bands=(
        SubBand(863_000_000, 865_000_000, 0.001, 16),
        SubBand(865_000_000, 868_000_000, 0.01, 16),
        SubBand(868_000_000, 868_600_000, 0.01, 16),
        SubBand(868_700_000, 869_200_000, 0.001, 16),
        SubBand(869_400_000, 869_650_000, 0.1, 29),
        SubBand(869_700_000, 870_000_000, 0.01, 16),
    ),
    class_b=ClassB(869_525_000, 3, 869_525_000, 3),
    frequency_range=(863_000_000, 870_000_000),
)
