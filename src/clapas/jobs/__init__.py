"""Work that takes long: ``<room>/tasks.py: TASKS`` (kind → task), run by one worker, with progress."""

from clapas.jobs.task import Cancelled, Running, Task, discover
from clapas.jobs.worker import Worker

__all__ = ["Cancelled", "Running", "Task", "Worker", "discover"]
