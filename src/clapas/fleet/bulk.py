"""One action on many devices, with a result for each."""

from collections import defaultdict
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
    noted = await _noted(run)
    failed = sum(not ok for ok in noted.values())
    await run.progress(len(noted), len(keys))
    for low in range(0, len(keys), CHUNK):
        part = [each for each in keys[low : low + CHUNK] if each not in noted]
        items = [item for some in await _alike(run, part) for item in await _results(run, some)]
        failed += sum(not each.ok for each in items)
        await run.note(items)
        await run.progress(min(low + CHUNK, len(keys)), len(keys))
    return {"devices": len(keys), "failed": failed}


async def _noted(run: Running) -> dict[str, bool]:
    """What an earlier attempt did before its worker died: no device is told a command twice."""
    found: dict[str, bool] = {}
    after = None
    while True:
        page = await run.store.jobs.items(run.job.id, after=after, limit=1000)
        found |= {each.key: each.ok for each in page.items}
        after = page.next
        if after is None:
            return found


async def _alike(run: Running, keys: list[str]) -> list[list[str]]:
    """Devices that an action treats alike: a command is what the model of each makes of it."""
    if run.args["action"] != "command":
        return [keys]
    known = await run.store.registry.resolve(keys)
    models: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        models[known[key].device.model if key in known else ""].append(key)
    return list(models.values())


async def _results(run: Running, keys: list[str]) -> list[JobItem]:
    """Do it, and say for each device that it was done, or why not."""
    try:
        await _part(run, keys)
    except ClapasError as error:
        return [JobItem(key=key, ok=False, detail=str(error)) for key in keys]
    return [JobItem(key=key, ok=True) for key in keys]


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
        await _to_dataset(store, keys, dataset=str(values.get("dataset", "")))
    elif action == "service":
        await store.fleet.save_files(
            [(key, {"service": str(values.get("service", ""))}) for key in keys]
        )
    else:
        await order(store, keys, values=values, actor=actor)


async def _to_dataset(store: Store, keys: list[str], *, dataset: str) -> None:
    """Give devices to a record of the charter, which decides who sees them. Raises InvalidInput."""
    known = sorted(each.id for each in await store.charter.records())
    if dataset and dataset not in known:
        raise InvalidInput("there is no such dataset", field="dataset", accepted=known[:50])
    await store.fleet.set_dataset(keys, dataset)
    await store.dataset_groups.mirror()
