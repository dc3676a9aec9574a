"""The form of a region: data rates, channels, receive windows, sizes, powers and duty cycles as data.

Source of the tables: LoRaWAN Regional Parameters RP002-1.0.4.
"""

from typing import Literal

import msgspec

from clapas.lorawan.airtime import REQUIRED_SNR, fsk_airtime_us, lora_airtime_us
from clapas.lorawan.errors import FrameError
from clapas.lorawan.frames import CFList, encode_cf_list

Modulation = Literal["LORA", "FSK", "LR_FHSS"]


class DataRate(msgspec.Struct, frozen=True, gc=False):
    """A data rate: spreading factor and bandwidth (Hz), or bit rate, or LR-FHSS width (Hz) and coding."""

    modulation: Modulation = "LORA"
    sf: int = 0
    bandwidth: int = 0
    bitrate: int = 0
    coding: str = "4/5"
    width: int = 0
    uplink: bool = True
    downlink: bool = True

    @property
    def required_snr(self) -> float:
        """DB under which it is not demodulated."""
        return REQUIRED_SNR.get(self.sf, -7.5)

    @property
    def text(self) -> str:
        """As Semtech's forwarder writes it: 'SF7BW125', or the bit rate."""
        if self.modulation == "LORA":
            return f"SF{self.sf}BW{self.bandwidth // 1000}"
        return str(self.bitrate) if self.modulation == "FSK" else f"M0CW{self.width // 1000}"

    def airtime_us(self, size: int, *, crc: bool = True) -> int:
        """Microseconds on air of a frame of ``size`` bytes (LR-FHSS: none, it is never a downlink)."""
        if self.modulation == "LORA":
            return lora_airtime_us(size, sf=self.sf, bandwidth_hz=self.bandwidth, crc=crc)
        return fsk_airtime_us(size, self.bitrate) if self.modulation == "FSK" else 0


class Channel(msgspec.Struct, frozen=True, gc=False):
    """An uplink channel: frequency in Hz, lowest and highest data rate."""

    frequency: int
    min_dr: int = 0
    max_dr: int = 5


class SubBand(msgspec.Struct, frozen=True, gc=False):
    """A band with its own duty cycle: bounds in Hz, share of time, highest EIRP in dBm."""

    low: int
    high: int
    duty_cycle: float
    max_eirp: float


class ClassB(msgspec.Struct, frozen=True, gc=False):
    """Beacon and ping slot: frequencies in Hz and data rate; ``hop`` channels of ``step`` Hz when > 1."""

    beacon_frequency: int
    beacon_dr: int
    ping_frequency: int
    ping_dr: int
    hop: int = 1
    step: int = 0


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs from one region to another."""

    name: str
    station_name: str
    """As Basics Station writes it: 'EU863', 'US902'…"""
    data_rates: dict[int, DataRate]
    channels: tuple[Channel, ...]
    usual_extra: tuple[int, ...] = ()
    """Frequencies (Hz) that networks usually add by CFList."""
    rx1_dr: dict[int, tuple[int, ...]]
    """Downlink data rate in RX1 by uplink data rate, then by offset."""
    rx2_frequency: int
    rx2_dr: int
    rx2_dr_advised: int
    """A faster RX2 that spares the air: set on the device at join."""
    downlink_frequencies: tuple[int, ...] = ()
    """Where RX1 answers on other channels than the uplink's (US915, AU915); else empty."""
    max_payload: dict[int, tuple[int, int]]
    """Largest MACPayload M by data rate: without repeater, and repeater-compatible. N = M − 8."""
    max_payload_dwell: dict[int, tuple[int, int]] = {}
    """The same under a 400 ms dwell time, where the region has one; a data rate that is absent carries nothing."""
    max_eirp: float
    downlink_eirp: float
    tx_powers: int
    """Power indices 0 … tx_powers−1, 2 dB each."""
    sub_bands: tuple[SubBand, ...] = ()
    class_b: ClassB
    fixed_plan: bool = False
    """Channels are numbers in a fixed plan (masks), not frequencies."""
    frequency_range: tuple[int, int]
    tx_param_setup: bool = False
    adr_max_dr: int = 5
    receive_delay: int = 1
    join_accept_delay: int = 5

    def data_rate(self, dr: int) -> DataRate:
        try:
            return self.data_rates[dr]
        except KeyError:
            raise FrameError(
                "this data rate does not exist in the region", dr=dr, region=self.name
            ) from None

    def dr_of(self, text: str, *, uplink: bool = True) -> int:
        """The number of a data rate from its text ('SF7BW125' or a bit rate)."""
        for number, rate in self.data_rates.items():
            if rate.text == text and (rate.uplink if uplink else rate.downlink):
                return number
        raise FrameError(
            "this data rate does not exist in the region", data_rate=text, region=self.name
        )

    def hears(self, frequency: int, data_rate: str) -> bool:
        """May a device of the region send there (Hz), so fast? Elsewhere nothing may be answered either."""
        low, high = self.frequency_range
        return low <= frequency <= high and any(
            rate.uplink and rate.text == data_rate for rate in self.data_rates.values()
        )

    def rx1_data_rate(self, uplink_dr: int, offset: int) -> int:
        """The data rate of RX1."""
        try:
            return self.rx1_dr[uplink_dr][offset]
        except (KeyError, IndexError):
            raise FrameError("no RX1 data rate", uplink_dr=uplink_dr, offset=offset) from None

    def rx1_frequency(self, uplink_frequency: int) -> int:
        """The frequency of RX1 in Hz: the uplink's own, or its downlink channel in a fixed plan."""
        if not self.downlink_frequencies:
            return uplink_frequency
        channel = self.channel_of(uplink_frequency)
        return self.downlink_frequencies[channel % len(self.downlink_frequencies)]

    def channel_of(self, frequency: int) -> int:
        """The number of a default channel by its frequency."""
        for number, channel in enumerate(self.channels):
            if channel.frequency == frequency:
                return number
        raise FrameError("not a channel of the region", frequency=frequency, region=self.name)

    def payload_size(self, dr: int, *, repeater: bool = False, dwell: bool = False) -> int:
        """N: the most bytes of application payload when FOpts is empty."""
        table = self.max_payload_dwell if dwell and self.max_payload_dwell else self.max_payload
        sizes = table.get(dr)
        return max(sizes[int(repeater)] - 8, 0) if sizes else 0

    def eirp(self, tx_power: int) -> float:
        """DBm of a power index."""
        if not 0 <= tx_power < self.tx_powers:
            raise FrameError("this power index does not exist", tx_power=tx_power, region=self.name)
        return self.max_eirp - 2 * tx_power

    def sub_band(self, frequency: int) -> SubBand | None:
        """The duty-cycle band of a frequency, if the region has any there."""
        return next((band for band in self.sub_bands if band.low <= frequency < band.high), None)

    def holds(self, frequency: int) -> bool:
        low, high = self.frequency_range
        return low <= frequency <= high

    def join_cf_list(self, extra: tuple[int, ...], enabled: frozenset[int] | None = None) -> bytes:
        """The CFList of a join-accept for a network's channels; empty when there is nothing to say."""
        if not self.fixed_plan:
            return encode_cf_list(CFList(extra[:5])) if extra else b""
        if enabled is None:
            return b""
        return encode_cf_list(CFList((), enabled, (len(self.channels) + 15) // 16))


def mask_blocks(enabled: frozenset[int]) -> list[tuple[int, tuple[int, ...]]]:
    """(ChMaskCntl, mask) of each LinkADRReq that sets a 72-channel plan: narrow channels off, then block by block."""
    wide = tuple(sorted(channel - 64 for channel in enabled if channel >= 64))
    if enabled >= frozenset(range(64)):
        return [(6, wide)]
    blocks: list[tuple[int, tuple[int, ...]]] = [(7, wide)]
    for block in range(4):
        mask = tuple(
            channel - 16 * block
            for channel in sorted(enabled)
            if 16 * block <= channel < min(16 * block + 16, 64)
        )
        if mask:
            blocks.append((block, mask))
    return blocks


def mask_plan(
    *, standard: frozenset[int], network: frozenset[int], device: frozenset[int]
) -> tuple[tuple[int, ...], frozenset[int]]:
    """The channel mask that brings a device to the network's plan, and what the device then uses.

    ``standard`` are the region's default channels, ``network`` those enabled here, ``device`` those that the
    device uses now; extra channels unknown to the device are not forced on it by a mask. An empty mask
    means that nothing has to be said.
    """
    wanted = frozenset((standard | device) & network)
    return (() if wanted == device else tuple(sorted(wanted))), wanted


def new_channel_range(data_rates: frozenset[int]) -> tuple[int, int]:
    """(MinDR, MaxDR) of a NewChannelReq; from RP002-1.0.5 MinDR > MaxDR says 'and DR12, DR13' too."""
    low = min(data_rates)
    if {12, 13} <= data_rates:
        return low + 1, 0
    return low, max(data_rates)
