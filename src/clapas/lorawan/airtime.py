"""Time on air. Sources: Semtech AN1200.13 (LoRa), SX1272 data sheet (FSK), clause 4.1.1.6."""

from math import ceil, floor, log10

FSK_OVERHEAD_BYTES = 5 + 3 + 1 + 2
"""Preamble, sync word, length and CRC."""


def coding_rate(text: str) -> int:
    """The number of redundancy bits for four: '4/5' → 1 … '4/8' → 4."""
    try:
        return {"4/5": 1, "4/6": 2, "4/7": 3, "4/8": 4}[text]
    except KeyError:
        return 1


def payload_symbols(
    size: int,
    *,
    sf: int,
    cr: int = 1,
    explicit_header: bool = True,
    ldro: bool = False,
    crc: bool = True,
) -> int:
    """Symbols of a LoRa payload of ``size`` bytes."""
    bits = 8 * size - 4 * sf + 28 + (16 if crc else 0) - (0 if explicit_header else 20)
    per_block = 4 * (sf - (2 if ldro else 0))
    return 8 + max(ceil(bits / per_block) * (cr + 4), 0)


def lora_airtime_us(
    size: int,
    *,
    sf: int,
    bandwidth_hz: int,
    cr: int = 1,
    preamble: int = 8,
    crc: bool = True,
    ldro: bool | None = None,
) -> int:
    """Microseconds on air of a LoRa frame; ``ldro`` follows the symbol length (≥ 16 ms) unless given."""
    symbol_us = (1 << sf) * 1_000_000 / bandwidth_hz
    if ldro is None:
        ldro = symbol_us >= 16_000
    symbols = preamble + 4.25 + payload_symbols(size, sf=sf, cr=cr, ldro=ldro, crc=crc)
    return round(symbols * symbol_us)


def fsk_airtime_us(size: int, bitrate: int) -> int:
    """Microseconds on air of an FSK frame."""
    return round((size + FSK_OVERHEAD_BYTES) * 8 * 1_000_000 / bitrate)


REQUIRED_SNR = {5: -2.5, 6: -5.0, 7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
"""The SNR in dB under which a spreading factor is no longer demodulated (SX1276 data sheet)."""


def sensitivity_dbm(bandwidth_hz: int, *, noise_figure: float, snr: float) -> float:
    """Weakest signal heard: thermal noise, noise figure and demodulation limit."""
    return -174 + 10 * log10(bandwidth_hz) + noise_figure + snr


def link_budget_db(bandwidth_hz: int, *, noise_figure: float, snr: float, tx_power: float) -> float:
    """Loss that a link can bear."""
    return tx_power - sensitivity_dbm(bandwidth_hz, noise_figure=noise_figure, snr=snr)


EIRP_TABLE = (8, 10, 12, 13, 14, 16, 18, 20, 21, 24, 26, 27, 29, 30, 33, 36)


def eirp_index(eirp: float) -> int:
    """TxParamSetupReq index of the highest EIRP that does not exceed ``eirp`` dBm (0 at least)."""
    return max((index for index, value in enumerate(EIRP_TABLE) if value <= floor(eirp)), default=0)
