"""Work that is done again and again beside a role."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from clapas.domain.errors import ClapasError

logger = logging.getLogger(__name__)


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do some housekeeping again and again; what fails is logged, and tried again next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except ClapasError as error:
            logger.warning("housekeeping waits: %s", error)
