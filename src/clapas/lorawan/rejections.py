"""What was refused: counted by reason, sampled, and logged at a bounded rate."""

import logging
import time
from collections import Counter, deque
from typing import Any, Final

import msgspec

LOG = logging.getLogger("clapas.lorawan")
PERIOD: Final = 10.0
"""Seconds between two log lines of one reason."""
REASONS: Final = frozenset(
    {
        "malformed_packet", "malformed_frame", "oversized", "bad_crc", "unknown_gateway", "gateway_conflict",
        "unknown_dev_addr", "bad_mic", "replayed", "wrong_direction", "foreign_network", "unsupported_frequency",
        "unknown_device", "disabled_device", "join_eui_mismatch", "join_bad_mic", "dev_nonce_used", "join_no_key",
        "rejoin_refused", "disk_full", "duty_cycle", "too_late", "no_way_back",
        "answer_not_sent", "overload", "remote_shell", "unauthorised",
    }
)  # fmt: skip


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """One refusal, for the page: reason, when (ms since 1970), gateway, device if known, detail."""

    reason: str
    at: int
    gateway: str = ""
    device: str = ""
    detail: str = ""


class Rejections:
    """Counts refusals. Memory is bounded whatever is thrown at the doors."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.recent: deque[Rejection] = deque(maxlen=500)
        self.joins: dict[str, Rejection] = {}
        """The last join failure by device."""
        self._logged: dict[str, tuple[float, int]] = {}

    def add(self, rejection: Rejection) -> None:
        self.counts[rejection.reason] += 1
        self.recent.append(rejection)
        self._log(rejection)

    def add_join(self, rejection: Rejection) -> None:
        """A refused join: kept by device, so that its page can explain it."""
        if len(self.joins) >= 10_000 and rejection.device not in self.joins:
            self.joins.pop(next(iter(self.joins)))
        self.joins[rejection.device] = rejection
        self.add(rejection)

    def _log(self, rejection: Rejection) -> None:
        last, muted = self._logged.get(rejection.reason, (0.0, 0))
        now = time.monotonic()
        if last and now - last < PERIOD:
            self._logged[rejection.reason] = (last, muted + 1)
            return
        self._logged[rejection.reason] = (now, 0)
        LOG.warning("refused: %s", rejection.reason, extra={"values": _values(rejection, muted)})


def _values(rejection: Rejection, muted: int) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(rejection)
    return told | {"muted_since_last": muted}
