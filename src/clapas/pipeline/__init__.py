"""The main path of a message, and its replay."""

from clapas.pipeline.memory import ChannelMemory
from clapas.pipeline.ports import Ports
from clapas.pipeline.settings import Limits, Settings
from clapas.pipeline.uplink import handle
from clapas.pipeline.worker import Progress, Worker

__all__ = ["ChannelMemory", "Limits", "Ports", "Progress", "Settings", "Worker", "handle"]
