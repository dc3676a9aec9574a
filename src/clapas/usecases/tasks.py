"""What the trades do by themselves: packs added or removed while the platform slept, points of measure that are new."""

from pathlib import Path

from clapas.jobs import Tick, Tools
from clapas.usecases.discovery import broken, discover
from clapas.usecases.enrol import absent, assign, enrol, withdraw


async def follow(tools: Tools) -> None:
    """Put added packs in force, close those that are gone (not those that
    cannot be read), and give new points of measure to their records."""
    data = tools.tool(Path)
    packs, unread = discover(data), broken(data)
    known = {each.id for each in await tools.store.charter.records()}
    for pack in packs.values():
        if pack.record in known:
            await assign(tools.store, pack, rivals=packs.values())
        elif pack.origin == "installed":
            await enrol(tools.store, pack, rivals=packs.values())
    for name in await absent(tools.store, {*packs, *unread}):
        await withdraw(tools.store, name)


TICKS = {"usecases.follow": Tick(run=follow, every_s=60)}
