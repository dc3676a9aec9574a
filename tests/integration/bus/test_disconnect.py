"""An application whose rights have changed is disconnected by the broker; the others stay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiomqtt

from clapas.bus import Authority, Grant, NatsBus, disconnect

if TYPE_CHECKING:
    from clapas.engines import EngineAddresses


async def test_only_the_named_connections_are_closed(engines: EngineAddresses) -> None:
    address = engines.nats

    async def authorise(user: str, password: str, client: str) -> Grant | None:
        return Grant(name=f"application:{user}", publish=(), subscribe=(f"out.{user}.>",))

    async def connected(name: str, closed: asyncio.Event, ready: asyncio.Event) -> None:
        try:
            async with aiomqtt.Client(
                address.mqtt_host, address.mqtt_port, username=name, password="x"
            ) as client:
                await client.subscribe(f"out/{name}/#")
                ready.set()
                async for _ in client.messages:
                    pass
        except aiomqtt.MqttError:
            closed.set()

    async with NatsBus.open(address) as bus:
        await Authority(client=bus.client, seed=address.issuer_seed, authorise=authorise).start()
        events = {name: (asyncio.Event(), asyncio.Event()) for name in ("a", "b")}
        tasks = [asyncio.create_task(connected(n, *pair)) for n, pair in events.items()]
        async with asyncio.timeout(20):
            for _, ready in events.values():
                await ready.wait()
            assert await disconnect(address, ["application:a"]) == 1
            await events["a"][0].wait()
        assert not events["b"][0].is_set()
        assert await disconnect(address, ["application:nobody"]) == 0
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
