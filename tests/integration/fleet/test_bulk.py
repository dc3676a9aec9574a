"""One action on many devices: each has its own result, and nothing is done twice."""

from uuid import uuid4

from clapas.domain.access import RowFilter
from clapas.domain.device import Device, Model
from clapas.jobs import Worker
from clapas.store import Store
from clapas.store.jobs import JobItem

ALL = RowFilter(everything=True)
KEYS = ["valve-1", "valve-2", "probe-1"]
VALVE = {"commands": {"open": {"f_port": 10, "payload": "01"}}}


async def fleet(store: Store) -> None:
    """Two valves and a probe that knows no command."""
    await store.models.save([Model(id="valve", label="Vanne", settings=VALVE)])
    models = {"probe-1": "air"}
    await store.registry.save_devices(
        [Device(id=uuid4(), key=key, model=models.get(key, "valve")) for key in KEYS]
    )


async def ask(store: Store, action: str, **values: object) -> int:
    said = {"keys": KEYS, "action": action, "values": values}
    return (await store.jobs.add("fleet.bulk", said, actor="ana")).id


async def test_a_model_that_does_not_know_the_command_does_not_keep_the_others_from_it(
    store: Store, worker: Worker
) -> None:
    await fleet(store)
    number = await ask(store, "command", name="open")
    assert await worker.step()
    job = await store.jobs.get(number)
    assert (job.state, job.failures, job.result) == ("done", 1, {"devices": 3, "failed": 1})
    results = {each.key: each.detail for each in (await store.jobs.items(number)).items}
    assert results == {"valve-1": "", "valve-2": "", "probe-1": "no_such_command"}
    queued = (await store.commands.page(ALL)).items
    assert {each.key for each in queued} == {"valve-1", "valve-2"}


async def test_a_worker_that_dies_half_way_tells_no_device_twice(
    store: Store, worker: Worker
) -> None:
    await fleet(store)
    number = await ask(store, "command", name="open")
    await store.jobs.note(number, [JobItem(key="valve-1", ok=True)])
    assert await worker.step()
    assert (await store.jobs.get(number)).done == 3
    assert [each.key for each in (await store.commands.page(ALL)).items] == ["valve-2"]


async def test_a_wrong_wish_is_told_for_each_device(store: Store, worker: Worker) -> None:
    await fleet(store)
    for action, values in (("model", {"model": "none"}), ("dataset", {"dataset": "none"})):
        number = await ask(store, action, **values)
        assert await worker.step()
        assert (await store.jobs.get(number)).failures == 3
        told = {each.detail for each in (await store.jobs.items(number)).items}
        assert told == {f"no_such_{action}"}
