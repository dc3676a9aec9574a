"""What the main path needs of the other rooms, given once by the composition root."""

from collections.abc import Callable, Mapping

import msgspec

from clapas.bus import Bus
from clapas.codecs import CodecPool
from clapas.pipeline.memory import ChannelMemory
from clapas.pipeline.settings import Limits
from clapas.sources import Connector
from clapas.store import Store


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms below, as the pipeline uses them."""

    store: Store
    bus: Bus
    codecs: CodecPool
    connectors: Mapping[str, Connector]
    connector_of_topic: Callable[[str], Connector | None]
    log_numbers: Mapping[str, int]
    """Name of a log → number of its present incarnation, for the ledger."""
    memory: ChannelMemory
    limits: Limits = Limits()
