"""Adaptive data rate: the usual network side algorithm with a margin per device model.

Source: Semtech's "Understanding ADR" algorithm, as every open network server applies it: the best SNR of the
last twenty uplinks, minus what the data rate needs, minus the installation margin, in steps of 3 dB.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

HISTORY: Final = 20
_NB_TRANS = ((5.0, (1, 1, 2)), (10.0, (1, 2, 3)), (30.0, (2, 3, 3)), (float("inf"), (3, 3, 3)))


class Heard(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One uplink of the history: counter, best SNR over gateways in dB, power index then used."""

    f_cnt: int
    snr: float
    tx_power: int = 0


class Setting(msgspec.Struct, frozen=True, gc=False):
    """What ADR decides on: data rate, power index, number of transmissions."""

    dr: int
    tx_power: int
    nb_trans: int


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What ADR may reach: region's highest data rate and power index, SNR needed now, margin kept."""

    max_dr: int
    max_tx_power: int
    required_snr: float
    margin: float = 10.0


def step(n_step: int, setting: Setting, *, max_dr: int, max_tx_power: int) -> Setting:
    """Spend steps of 3 dB: data rate up first, then power down; a deficit only raises power."""
    dr, power = setting.dr, setting.tx_power
    if n_step > 0:
        faster = min(n_step, max(max_dr - dr, 0))
        dr += faster
        power = max(min(power + n_step - faster, max_tx_power), power)
    elif n_step < 0:
        power = max(power + n_step, 0)
    return Setting(dr, power, setting.nb_trans)


def packet_loss(counters: Sequence[int]) -> float:
    """Lost uplinks in percent of those heard, by the gaps of their counters."""
    if len(counters) < 2:
        return 0.0
    lost = sum(max(after - before - 1, 0) for before, after in pairwise(counters))
    return 100.0 * lost / len(counters)


def nb_trans(loss_percent: float, current: int) -> int:
    """Number of transmissions for a loss, by the usual table."""
    row = next(row for bound, row in _NB_TRANS if loss_percent < bound)
    return row[min(max(current, 1), 3) - 1]


def decide(setting: Setting, limits: Limits, *, history: Sequence[Heard]) -> Setting:
    """The setting that the device should use now; the same one when there is nothing to change.

    A data rate above the limit is brought down even without history. Power rises, and the number of
    transmissions changes, only on a full history at the present power.
    """
    if setting.dr > limits.max_dr:
        return Setting(limits.max_dr, setting.tx_power, setting.nb_trans)
    if not history:
        return setting
    full = len(history) >= HISTORY
    repeats = (
        nb_trans(packet_loss([heard.f_cnt for heard in history]), setting.nb_trans)
        if full
        else setting.nb_trans
    )
    best = max(heard.snr for heard in history)
    n_step = int((best - limits.required_snr - limits.margin) / 3)
    same_power = sum(heard.tx_power == setting.tx_power for heard in history)
    if n_step < 0 and same_power < HISTORY:
        n_step = 0
    target = step(n_step, setting, max_dr=limits.max_dr, max_tx_power=limits.max_tx_power)
    return Setting(target.dr, target.tx_power, repeats)
