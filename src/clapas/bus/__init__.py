"""The durable logs: subjects, streams, publishing, batched consumers."""

from clapas.bus.authority import Authority
from clapas.bus.disconnect import disconnect
from clapas.bus.memory import MemoryBus
from clapas.bus.nats import NatsBus
from clapas.bus.port import Authorise, Bus, Delivery, Grant, Handler, Inbox, LogState
from clapas.bus.waiting import waiting

__all__ = [
    "Authorise",
    "Authority",
    "Bus",
    "Delivery",
    "Grant",
    "Handler",
    "Inbox",
    "LogState",
    "MemoryBus",
    "NatsBus",
    "disconnect",
    "waiting",
]
