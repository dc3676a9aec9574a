"""Settings of the main path."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is believed of a message."""

    max_payload: int = 1_048_576
    """Largest message, bytes; a larger one is rejected and kept."""
    future_flag_s: int = 600
    """A value measured this long after its reception is flagged, seconds."""
    future_reject_s: int = 86_400
    """A value measured this long after its reception is refused: the clock is wrong, seconds."""
    late_s: int = 172_800
    """A value received this long after its measure is flagged late, seconds."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The main path: batches and beliefs."""

    batch: int = 4_000
    """Messages of one batch at most."""
    linger_ms: int = 150
    """How long a batch waits for more messages, milliseconds."""
    concurrent: int = 2
    """Batches on their way at the same time: one computes while another waits for the engines."""
    codec_workers: int = 2
    """Processes that run JavaScript codecs."""
    limits: Limits = Limits()
