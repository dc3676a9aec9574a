"""US902-928 (RP002-1.0.4 clause 2.5; FCC part 15.247)."""

from clapas.lorawan.regions.lora import fhss, sf, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region

_BIG = (250, 230)

REGION = Region(
    name="US915",
    station_name="US902",
    data_rates={dr: sf(10 - dr, downlink=False) for dr in range(4)}
    | {4: sf(8, 500_000, downlink=False), 5: fhss(1_523_000, "1/3"), 6: fhss(1_523_000, "2/3")}
    | {8 + step: sf(12 - step, 500_000, uplink=False) for step in range(6)},
    channels=tuple(Channel(902_300_000 + 200_000 * number, 0, 3) for number in range(64))
    + tuple(Channel(903_000_000 + 1_600_000 * number, 4, 4) for number in range(8)),
    rx1_dr={
        0: (10, 9, 8, 8),
        1: (11, 10, 9, 8),
        2: (12, 11, 10, 9),
        3: (13, 12, 11, 10),
        4: (13, 13, 12, 11),
        5: (10, 9, 8, 8),
        6: (11, 10, 9, 8),
    },
    rx2_frequency=923_300_000,
    rx2_dr=8,
    rx2_dr_advised=8,
    downlink_frequencies=tuple(923_300_000 + 600_000 * number for number in range(8)),
    max_payload=sizes(
        (19, 19), (61, 61), (133, 133), _BIG, _BIG, (58, 58), (133, 133), (0, 0),
        (61, 41), (137, 117), _BIG, _BIG, _BIG, _BIG,
    ),
    max_eirp=30,
    downlink_eirp=27,
    tx_powers=15,
    class_b=ClassB(923_300_000, 8, 923_300_000, 8, hop=8, step=600_000),
    fixed_plan=True,
    frequency_range=(902_000_000, 928_000_000),
    adr_max_dr=3,
)  # fmt: skip
