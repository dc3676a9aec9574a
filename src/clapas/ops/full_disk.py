"""Fill the disk of a platform under load, free it, and count: refused, told, and nothing lost.

The platform lives on a disk of its own. A publisher sends numbered messages by MQTT QoS 1 without pause;
a ballast takes all the room; later it goes. Each acknowledged number must then be in history once.
"""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import msgspec

from clapas.ops.faults import (
    LINK,
    Plan,
    Report,
    Tree,
    count,
    make_devices,
    publishing,
    service_key,
)

BLOCK = bytes(1 << 20)


class FullDisk(msgspec.Struct, frozen=True, kw_only=True):
    """What happened: ``refusal`` is what the HTTP door answered meanwhile, ``notices`` what home told."""

    refusal: dict[str, object]
    status: int
    notices: tuple[str, ...]
    blocked: bool
    """While the disk was full nothing was acknowledged any more."""
    report: Report


async def fill_and_free(disk: Path, *, rate: int = 200, full_s: float = 15.0) -> FullDisk:
    """Do it on an empty disk of about a gigabyte. Raises EngineUnavailable when it cannot start."""
    tree = Tree(disk / "data")
    try:
        await tree.start()
        found = LINK.search(tree.link)
        address = found.group(1) if found else ""
        key = await service_key(tree.link)
        await make_devices(tree.addresses())
        async with (
            publishing(tree, key, plan=Plan(rate=rate)) as sender,
            httpx.AsyncClient(
                base_url=address, timeout=30, headers={"Authorization": f"Bearer {key}"}
            ) as client,
        ):
            await asyncio.sleep(5)
            ballast = disk / "ballast"
            await asyncio.to_thread(_take_all, ballast)
            await asyncio.sleep(full_s)
            before = sender.acknowledged
            message = {"device": "fault-0", "values": {"number": -1}}
            refused = await client.post("/api/v1/uplinks", json=message)
            home = await client.get("/api/v1/home")
            blocked = sender.acknowledged == before
            ballast.unlink()
            await asyncio.sleep(full_s)
        report = await count(tree.addresses(), sender, kills=Counter(), seconds=0.0)
        told = tuple(each["kind"] for each in home.json().get("wrong", ()))
        return FullDisk(
            refusal=refused.json(),
            status=refused.status_code,
            notices=told,
            blocked=blocked,
            report=report,
        )
    finally:
        await tree.stop()


def _take_all(path: Path) -> None:
    """Write until the system says that there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(BLOCK) == len(BLOCK):
                pass
        except OSError:
            return
