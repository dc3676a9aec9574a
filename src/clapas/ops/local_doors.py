"""The doors of a platform that runs on this machine, with a key made for the occasion.

The key may publish and nothing else, dies within a day, and is revoked when the work is done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from clapas.domain.errors import EngineUnavailable
from clapas.engines import EngineAddresses
from clapas.identity import Identity
from clapas.ops.simulate.senders import Doors
from clapas.store import Store
from clapas.store.identity import IdentityStore

SCOPES = ["publish", "topic:up/#", "topic:application/#", "topic:v3/#"]
LIFE = timedelta(days=1)


@asynccontextmanager
async def local_doors(
    data: Path, *, http: str, life: timedelta = LIFE, scopes: tuple[str, ...] = ()
) -> AsyncIterator[Doors]:
    """Doors of the platform that holds ``data``; raises ``EngineUnavailable`` when none runs."""
    addresses, pepper = _opened(data)
    async with Store.open(addresses, pool=1) as store:
        identity = Identity(IdentityStore(store.postgres), pepper=pepper, allowed=lambda *_: False)
        accounts = await identity.accounts.list(limit=1)
        if not accounts:
            raise EngineUnavailable("the platform has no administrator yet; open its pages once")
        key = await identity.keys.create(
            name="clapas feed",
            owner=accounts[0].id,
            scopes=list(scopes) or SCOPES,
            expires=datetime.now(UTC) + life,
        )
        nats = addresses.nats
        mqtt = f"mqtt://feed:{key.secret}@{nats.mqtt_host}:{nats.mqtt_port}"
        try:
            yield Doors(http=http, key=key.secret, mqtt=mqtt)
        finally:
            await identity.keys.revoke(key.row.id)


def _opened(data: Path) -> tuple[EngineAddresses, bytes]:
    try:
        body = (data / "run" / "addresses.json").read_bytes()
        pepper = (data / "secrets" / "pepper").read_bytes()
        return msgspec.json.decode(body, type=EngineAddresses), pepper
    except (OSError, msgspec.DecodeError):
        raise EngineUnavailable(f"no platform runs in {data}", directory=str(data)) from None
