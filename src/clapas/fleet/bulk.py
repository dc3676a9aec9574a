"""One action on many devices, with a result for each."""

from typing import Any, cast, get_args

from clapas.domain.device import Lifecycle
from clapas.domain.errors import ClapasError, InvalidInput
from clapas.fleet.orders import order
from clapas.jobs import Running
from clapas.store import Store
from clapas.store.jobs import JobItem

CHUNK = 500


async def act(run: Running) -> dict[str, Any]:
    """Do the action part by part; a part that fails is told, and the others go on."""
    keys: list[str] = run.args["keys"]
    await run.progress(0, len(keys))
    failed = 0
    for low in range(0, len(keys), CHUNK):
        part = keys[low : low + CHUNK]
        try:
            await _part(run, part)
            items = [JobItem(key=key, ok=True) for key in part]
        except ClapasError as error:
            failed += len(part)
            items = [JobItem(key=key, ok=False, detail=str(error)) for key in part]
        await run.note(items)
        await run.progress(min(low + CHUNK, len(keys)), len(keys))
    return {"devices": len(keys), "failed": failed}


async def _part(run: Running, keys: list[str]) -> None:
    action, values, actor = run.args["action"], run.args["values"], run.job.actor
    store = run.store
    if action == "model":
        model = await store.models.get(str(values.get("model", "")))
        await store.fleet.set_model(keys, model.id)
    elif action == "tags":
        tags = {str(name): str(text) for name, text in (values.get("tags") or {}).items()}
        await store.fleet.set_tags(keys, tags, without=values.get("without") or [])
    elif action in {"lifecycle", "retire"}:
        step = "retired" if action == "retire" else str(values.get("lifecycle", ""))
        if step not in get_args(Lifecycle):
            raise InvalidInput(field="lifecycle", accepted=list(get_args(Lifecycle)))
        note = str(values.get("note", ""))
        await store.fleet.move(keys, cast("Lifecycle", step), actor=actor, note=note)
    elif action == "dataset":
        await _to_dataset(store, keys, str(values.get("dataset", "")))
    elif action == "service":
        await store.fleet.save_files([(key, {"service": str(values["service"])}) for key in keys])
    else:
        await order(store, keys, values, actor=actor)


async def _to_dataset(store: Store, keys: list[str], dataset: str) -> None:
    """Give devices to a record of the charter, which decides who sees them. Raises InvalidInput."""
    known = sorted(each.id for each in await store.charter.records())
    if dataset and dataset not in known:
        raise InvalidInput("there is no such dataset", field="dataset", accepted=known[:50])
    await store.fleet.set_dataset(keys, dataset)
    await store.dataset_groups.mirror()
