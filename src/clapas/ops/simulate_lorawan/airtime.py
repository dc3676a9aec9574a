"""Time on air of a LoRa frame, for the simulator (Semtech AN1200.13)."""

import math


def seconds(size: int, sf: int, *, bandwidth: int = 125_000, crc: bool = True) -> float:
    """Seconds on air, coding rate 4/5, eight preamble symbols, low data rate optimisation from 16 ms on."""
    symbol = 2**sf / bandwidth
    optimised = 2 if symbol > 0.016 else 0
    numerator = 8 * size - 4 * sf + 28 + (16 if crc else 0)
    payload = 8 + 5 * max(0, math.ceil(numerator / (4 * (sf - optimised))))
    return float((12.25 + payload) * symbol)


SNR_LIMIT = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""dB under which a gateway does not demodulate."""
EU868_SF = (12, 11, 10, 9, 8, 7)
"""Spreading factor by data rate."""
EU868_CHANNELS = (868_100_000, 868_300_000, 868_500_000)
"""The three channels that every device knows before it joins."""
EU868_SIZES = (51, 51, 51, 115, 242, 242)
"""Largest application payload by data rate."""
