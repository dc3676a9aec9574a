"""A subscription is deleted while the result of its notification is written: neither waits for the other for ever."""

import asyncio

import httpx
import psycopg

from clapas.engines import EngineAddresses

MADE = """INSERT INTO ngsild_delivery (tenant, kind, subscription, endpoint, headers, body, due)
          VALUES ('', 'e', %s, 'http://127.0.0.1:9/', '{}', '{}', now() + interval '1 hour') RETURNING id"""
HELD = "SELECT id FROM ngsild_delivery WHERE id = %s FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
COUNTED = "UPDATE ngsild_subscription SET state = state WHERE id = %s"


async def test_deleted_while_a_result_is_written(
    api: httpx.AsyncClient, broker_database: EngineAddresses, urn: str
) -> None:
    """Who writes results holds a delivery and wants its subscription; who deletes takes them in the same order."""
    body = {
        "id": urn.replace("Thing", "Subscription"),
        "type": "Subscription",
        "entities": [{"type": "Van"}],
        "notification": {"endpoint": {"uri": "http://127.0.0.1:9/"}},
    }
    assert (await api.post("/subscriptions", json=body)).status_code == 201
    dsn = broker_database.postgres.dsn
    async with await psycopg.AsyncConnection.connect(dsn) as writer:
        made = await (await writer.execute(MADE, (body["id"],))).fetchone()
        await writer.commit()
        await writer.execute(HELD, made)
        deletion = asyncio.create_task(api.delete(f"/subscriptions/{body['id']}"))
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as watch:
            async with asyncio.timeout(30):
                pid = (writer.info.backend_pid,)
                while (await (await watch.execute(WAITING, pid)).fetchone()) == (0,):
                    await asyncio.sleep(0.02)
        await writer.execute(COUNTED, (body["id"],))
        await writer.commit()
        assert (await deletion).status_code == 204
    assert (await api.get(f"/subscriptions/{body['id']}")).status_code == 404
