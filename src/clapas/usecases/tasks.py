"""What the trades do by themselves: packs added while the platform slept, points of measure that are new."""

from pathlib import Path

from clapas.jobs import Tick, Tools
from clapas.usecases.discovery import discover
from clapas.usecases.enrol import assign, enrol, record_id


async def follow(tools: Tools) -> None:
    """Put added packs in force, and give new points of measure to the records of the packs in force."""
    known = {each.id for each in await tools.store.charter.records()}
    for pack in discover(tools.tool(Path)).values():
        if record_id(pack) in known:
            await assign(tools.store, pack)
        elif pack.origin == "installed":
            await enrol(tools.store, pack)


TICKS = {"usecases.follow": Tick(run=follow, every_s=60)}
