"""Work that takes long: ``<room>/tasks.py: TASKS`` (kind → task), run by one worker, with progress."""

from clapas.jobs.task import Cancelled, Running, Task, Tick, Tools, discover, discover_ticks
from clapas.jobs.worker import Worker

__all__ = ["Cancelled", "Running", "Task", "Tick", "Tools", "Worker", "discover", "discover_ticks"]
