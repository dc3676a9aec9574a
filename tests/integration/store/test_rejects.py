"""Rejects wait until they are sent again."""

from clapas.store import Reject, Store


def reject(sequence: int, reason: str = "unknown_device") -> Reject:
    return Reject(
        log=1,
        sequence=sequence,
        source="mqtt",
        reason=reason,
        received=1000,
        preview=b"\x00\xffx" * 400,
        detail="a\x00b",
    )


async def test_rejects_are_listed_newest_first_and_leave_when_retried(store: Store) -> None:
    await store.rejects.keep([reject(1), reject(2), reject(3, "bad_json")])
    await store.rejects.keep([reject(1)])
    first = await store.rejects.page(limit=2)
    rest = await store.rejects.page(limit=2, after=first.next)
    assert [each.sequence for each in first.items + rest.items] == [3, 2, 1]
    assert first.items[0].detail == "ab"
    assert len(first.items[0].preview) == 512
    assert [r.sequence for r in (await store.rejects.page(reason="bad_json")).items] == [3]
    ids = [each.id for each in first.items]
    await store.rejects.retried(ids)
    assert [r.sequence for r in (await store.rejects.page()).items] == [1]
    assert all(each.retried for each in await store.rejects.by_id(ids))
    await store.rejects.keep([reject(3, "bad_json")])
    assert [r.sequence for r in (await store.rejects.page()).items] == [3, 1]


async def test_only_so_many_rejects_are_listed(store: Store) -> None:
    await store.rejects.keep([reject(sequence) for sequence in range(10)])
    assert await store.rejects.purge(most=4) == 6
    assert [r.sequence for r in (await store.rejects.page()).items] == [9, 8, 7, 6]
