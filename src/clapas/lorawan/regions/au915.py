"""AU915-928 (RP002-1.0.4 clause 2.8)."""

from clapas.lorawan.regions.lora import fhss, sf, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, Region

_BIG = (250, 230)

REGION = Region(
    name="AU915",
    station_name="AU915",
    data_rates={dr: sf(12 - dr, downlink=False) for dr in range(6)}
    | {6: sf(8, 500_000, downlink=False), 7: fhss(1_523_000, "1/3")}
    | {8 + step: sf(12 - step, 500_000, uplink=False) for step in range(6)},
    channels=tuple(Channel(915_200_000 + 200_000 * number, 0, 5) for number in range(64))
    + tuple(Channel(915_900_000 + 1_600_000 * number, 6, 6) for number in range(8)),
    rx1_dr={
        0: (8, 8, 8, 8, 8, 8),
        1: (9, 8, 8, 8, 8, 8),
        2: (10, 9, 8, 8, 8, 8),
        3: (11, 10, 9, 8, 8, 8),
        4: (12, 11, 10, 9, 8, 8),
        5: (13, 12, 11, 10, 9, 8),
        6: (13, 13, 12, 11, 10, 9),
        7: (9, 8, 8, 8, 8, 8),
    },
    rx2_frequency=923_300_000,
    rx2_dr=8,
    rx2_dr_advised=8,
    downlink_frequencies=tuple(923_300_000 + 600_000 * number for number in range(8)),
    max_payload=sizes(
        (59, 59), (59, 59), (59, 59), (123, 123), _BIG, _BIG, _BIG, (58, 58),
        (61, 41), (137, 117), _BIG, _BIG, _BIG, _BIG,
    ),
    max_payload_dwell={2: (19, 19), 3: (61, 61), 4: (133, 133), 5: _BIG, 6: _BIG, 7: (58, 58)}
    | {8: (61, 41), 9: (137, 117), 10: _BIG, 11: _BIG, 12: _BIG, 13: _BIG},
    max_eirp=30,
    downlink_eirp=27,
    tx_powers=15,
    class_b=ClassB(923_300_000, 8, 923_300_000, 8, hop=8, step=600_000),
    fixed_plan=True,
    frequency_range=(915_000_000, 928_000_000),
    tx_param_setup=True,
)  # fmt: skip
