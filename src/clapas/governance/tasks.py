"""The jobs of governance: retention, requests of persons, reorganisations on their day, datasets of groups."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from clapas.charter import Charter, CharterKeeper
from clapas.charter.following import follow
from clapas.governance.reorganise import apply_due
from clapas.governance.retention import apply_retention
from clapas.governance.rights import Rights
from clapas.jobs import Running, Task, Tick, Tools

DAY_S = 86_400


async def _charter(running: Running) -> Charter:
    """The charter as the database holds it now."""
    charter = Charter.standard()
    await CharterKeeper(running.store.charter, charter).load()
    return charter


async def retention(running: Running) -> dict[str, Any]:
    """Delete what is past its time by the datasets' records."""
    records = await running.store.charter.records()
    await running.store.governance.forget_bodies()
    return {"deleted": await apply_retention(running.store, records, now=datetime.now(UTC))}


async def access(running: Running) -> dict[str, Any]:
    """Prepare what a person is handed over."""
    request = await running.store.governance.request(UUID(running.args["request"]))
    rights = Rights(running.store, await _charter(running))
    body = await rights.hand_over(request.subject)
    await running.store.governance.answer_request(request.id, body)
    return {"bytes": len(body)}


async def erasure(running: Running) -> dict[str, Any]:
    """Erase what is kept about a person."""
    governance = running.store.governance
    request = await governance.request(UUID(running.args["request"]))
    if request.done is not None:
        return {}
    rights = Rights(running.store, await _charter(running))
    proof = str(running.args.get("proof", ""))
    deleted = await rights.erase(request.subject, proof=proof)
    await governance.answer_request(request.id, None)
    return {"deleted": deleted}


async def reorganise(running: Running) -> dict[str, Any]:
    """Apply the reorganisations whose day has come."""
    charter = await _charter(running)
    return {"applied": await apply_due(running.store, charter, today=datetime.now(UTC).date())}


async def follow_groups(tools: Tools) -> None:
    """Datasets are what their groups are now."""
    await follow(tools.store)


async def follow_all_groups(running: Running) -> dict[str, Any]:
    """The same though nothing was changed: a binding begins and ends on its day."""
    return msgspec.structs.asdict(await follow(running.store, whole=True))


TASKS = {
    "governance.retention": Task(run=retention, every_s=DAY_S),
    "governance.access": Task(run=access),
    "governance.erasure": Task(run=erasure),
    "governance.reorganise": Task(run=reorganise, every_s=3600),
    "governance.follow": Task(run=follow_all_groups, every_s=3600),
}
TICKS = {"governance.follow": Tick(run=follow_groups, every_s=2)}
