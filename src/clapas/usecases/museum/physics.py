"""Moist air and what it does to objects: dew point, absolute humidity, mould, ageing, wood.

Temperatures in °C, relative humidities in % (0-100); arrays or numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAGNUS_A, MAGNUS_B = 17.625, 243.04
"""Alduchov & Eskridge (1996): dew point within 0.1 °C from -40 to 50 °C."""
GAS = 8.314462
CELLULOSE, VARNISH = 100_000.0, 70_000.0
"""Activation energies (J/mol) of the ageing of paper and of the yellowing of varnish."""


def saturation_pressure(temperature: Floats) -> Floats:
    """Saturation vapour pressure over water, hPa (Magnus)."""
    return np.asarray(6.1094 * np.exp(MAGNUS_A * temperature / (MAGNUS_B + temperature)))


def dew_point(temperature: Floats, humidity: Floats) -> Floats:
    """Temperature at which this air begins to condense, °C; NaN at 0 % humidity."""
    damp = np.where(humidity > 0, humidity, np.nan)
    gamma = np.log(damp / 100) + MAGNUS_A * temperature / (MAGNUS_B + temperature)
    return np.asarray(MAGNUS_B * gamma / (MAGNUS_A - gamma))


def absolute_humidity(temperature: Floats, humidity: Floats) -> Floats:
    """Water vapour in a cubic metre of air, g/m³."""
    pressure = saturation_pressure(temperature) * humidity / 100
    return np.asarray(216.679 * pressure / (temperature + 273.15))


def lifetime_multiplier(
    temperature: Floats, humidity: Floats, *, energy: float = CELLULOSE
) -> Floats:
    """Expected life beside 20 °C and 50 % RH (Michalski 2002): (50/RH)^1.3 · exp(Ea/R · (1/T - 1/293.15))."""
    damp = np.where(humidity > 0, humidity, np.nan)
    exponent = energy / GAS * (1 / (temperature + 273.15) - 1 / 293.15)
    return np.asarray((50 / damp) ** 1.3 * np.exp(exponent))


def preservation_index(temperature: Floats, humidity: Floats) -> Floats:
    """Years before noticeable decay of acid paper (Reilly 1995); its time mean is harmonic (TWPI)."""
    damp = np.where(humidity > 0, humidity, np.nan)
    rate = damp * 5.9e12 * np.exp(-90_300 / (GAS * (temperature + 273.15)))
    return np.asarray(1 / rate / 365)


def mould_limit(temperature: Floats) -> Floats:
    """Lowest relative humidity (%) at which mould germinates on any substrate: LIM0 (Sedlbauer 2001)."""
    hyperbolic = np.cosh(0.10083 * (np.clip(temperature, 0, 60) - 30))
    return np.asarray(100 * (0.02633 * hyperbolic + 0.7153))


def mould_critical(temperature: Floats) -> Floats:
    """Critical relative humidity (%) of the VTT model on wood (Hukka & Viitanen 1999)."""
    cubic = -0.00267 * temperature**3 + 0.160 * temperature**2 - 3.13 * temperature + 100
    return np.asarray(np.where(temperature <= 20, cubic, 80.0))


def wood_moisture(temperature: Floats, humidity: Floats) -> Floats:
    """Equilibrium moisture content of wood, % of dry mass (Hailwood & Horrobin; Wood Handbook eq. 4-5)."""
    t, h = temperature, humidity / 100
    w = 349 + 1.29 * t + 0.0135 * t**2
    k = 0.805 + 0.000736 * t - 0.00000273 * t**2
    k1 = 6.27 - 0.00938 * t - 0.000303 * t**2
    k2 = 1.91 + 0.0407 * t - 0.000293 * t**2
    kh = k * h
    bound = (k1 * kh + 2 * k1 * k2 * kh**2) / (1 + k1 * kh + k1 * k2 * kh**2)
    return np.asarray(1800 / w * (kh / (1 - kh) + bound))


def as_floats(values: Any) -> Floats:
    """Any sequence of numbers (None is NaN) as an array of floats."""
    return np.asarray(values, dtype=np.float64)
