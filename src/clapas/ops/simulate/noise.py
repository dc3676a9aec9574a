"""Noise that is the same for ever at the same place and time: no state, no clock."""

import math

MASK = (1 << 64) - 1


def draw(seed: int, step: int) -> float:
    """A uniform number in [0, 1) for that seed and step (SplitMix64's mixing function)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def smooth(seed: int, at: float) -> float:
    """A number in [-1, 1] that varies slowly with ``at``; independent two steps apart."""
    step = math.floor(at)
    part = at - step
    part = part * part * (3 - 2 * part)
    low, high = draw(seed, step), draw(seed, step + 1)
    return 2 * (low + (high - low) * part) - 1
