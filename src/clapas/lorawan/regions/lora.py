"""Runs of LoRa data rates and RX1 tables that several regions share."""

from clapas.lorawan.regions.plan import DataRate


def sf(
    factor: int, bandwidth: int = 125_000, *, uplink: bool = True, downlink: bool = True
) -> DataRate:
    """A LoRa data rate."""
    return DataRate("LORA", factor, bandwidth, uplink=uplink, downlink=downlink)


def fhss(width: int, coding: str) -> DataRate:
    """An LR-FHSS data rate, uplink only."""
    return DataRate("LR_FHSS", width=width, coding=coding, downlink=False)


SIX = {dr: sf(12 - dr) for dr in range(6)}
"""DR0 SF12 … DR5 SF7 at 125 kHz."""
SEVEN_AND_FSK = SIX | {6: sf(7, 250_000), 7: DataRate("FSK", bitrate=50_000)}


def descending(highest: int, offsets: int = 6) -> dict[int, tuple[int, ...]]:
    """RX1 tables where each offset costs one data rate, down to DR0."""
    return {
        dr: tuple(max(dr - offset, 0) for offset in range(offsets)) for dr in range(highest + 1)
    }


def sizes(*largest: tuple[int, int]) -> dict[int, tuple[int, int]]:
    """Payload sizes M by data rate from 0 on; (0, 0) where there is none."""
    return {dr: pair for dr, pair in enumerate(largest) if pair != (0, 0)}


EUROPEAN = (
    (59, 59),
    (59, 59),
    (59, 59),
    (123, 123),
    (250, 230),
    (250, 230),
    (250, 230),
    (250, 230),
)
DWELL = {2: (19, 19), 3: (61, 61), 4: (133, 133), 5: (250, 230), 6: (250, 230), 7: (250, 230)}
"""AS923 under a 400 ms dwell time."""
