"""IN865-867 (RP002-1.0.4 clause 2.13)."""

from clapas.lorawan.regions.lora import EUROPEAN, SIX, sizes
from clapas.lorawan.regions.plan import Channel, ClassB, DataRate, Region

_OFFSETS = (0, 1, 2, 3, 4, 5, -1, -2)

REGION = Region(
    name="IN865",
    station_name="IN865",
    data_rates=SIX | {7: DataRate("FSK", bitrate=50_000)},
    channels=tuple(Channel(hertz) for hertz in (865_062_500, 865_402_500, 865_985_000)),
    rx1_dr={dr: tuple(min(5, max(0, dr - less)) for less in _OFFSETS) for dr in range(6)}
    | {7: (7, 5, 5, 4, 3, 2, 7, 7)},
    rx2_frequency=866_550_000,
    rx2_dr=2,
    rx2_dr_advised=2,
    max_payload={dr: pair for dr, pair in sizes(*EUROPEAN).items() if dr != 6},
    max_eirp=30,
    downlink_eirp=27,
    tx_powers=11,
    class_b=ClassB(866_550_000, 4, 866_550_000, 4),
    frequency_range=(865_000_000, 867_000_000),
)
