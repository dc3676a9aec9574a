"""A battery as its model describes it."""

import msgspec


class Battery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A battery's curve: points (volts, share left from 0 to 1), and the share at which it is to be changed."""

    curve: list[tuple[float, float]] = []
    empty: float = 0.05

    def __post_init__(self) -> None:
        volts = [each[0] for each in self.curve]
        if volts != sorted(set(volts)) or not all(0 <= each[1] <= 1 for each in self.curve):
            raise ValueError("a curve rises in volts, with shares between 0 and 1")

    def share(self, volts: float) -> float | None:
        """What is left at a voltage, straight lines between the points; None without a curve."""
        if not self.curve:
            return None
        low = self.curve[0]
        for high in self.curve:
            if volts <= high[0]:
                run = high[0] - low[0]
                return high[1] if run == 0 else low[1] + (volts - low[0]) / run * (high[1] - low[1])
            low = high
        return low[1]

    def volts(self) -> float | None:
        """The voltage at which the battery is to be changed; None without a curve."""
        low = self.curve[0] if self.curve else None
        for high in self.curve:
            if low is not None and high[1] >= self.empty:
                rise = high[1] - low[1]
                run = (self.empty - low[1]) / rise if rise else 0.0
                return low[0] + max(run, 0.0) * (high[0] - low[0])
            low = high
        return None
