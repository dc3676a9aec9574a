"""An import from end to end: dry run, application in one piece, undoing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from clapas.domain.errors import NotFound
from clapas.fleet.errors import ImportBad
from clapas.fleet.lines import Known, Reader, label_of
from clapas.fleet.sealing import Sealer
from clapas.fleet.sheet import Shape, rows
from clapas.store import Store
from clapas.store.fleet_imports import Entry, Line

MOST_TOLD = 20_000
KNOWN_CHUNK = 20_000
Progress = Callable[[int, int], Awaitable[None]]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the person chose: how the file is read, which columns, which corrections are accepted.

    ``existing``: devices that are there are updated, or refused. ``skip_bad``: import the good lines
    only; otherwise one bad line refuses the whole file.
    """

    shape: Shape = Shape()
    columns: dict[str, int] = {}
    corrections: list[str] = []
    defaults: dict[str, str] = {}
    existing: str = "update"
    skip_bad: bool = False


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A file once read: its devices, what is wrong (bounded), and the report."""

    entries: list[Entry]
    lines: list[Line]
    report: dict[str, Any]


async def judge(store: Store, number: int, *, sealer: Sealer | None, progress: Progress) -> Judged:
    """Read the whole file of an import. Raises SheetUnreadable."""
    record = await store.imports.get(number)
    plan = msgspec.convert(record.plan, Plan)
    content = await store.imports.content(number)
    known = await _known(store, plan)
    await progress(0, 4)
    entries, lines, count = await asyncio.to_thread(
        _read, content, plan, known=known, sealer=sealer
    )
    await progress(1, 4)
    existing = await _existing(store, entries)
    await progress(2, 4)
    if plan.existing == "refuse":
        refused = {key: at for key, at in _line_of(entries).items() if key in existing}
        lines += [
            Line(line=at, column="key", code="exists", value=key) for key, at in refused.items()
        ]
        entries = [each for each in entries if each.device["key"] not in existing]
    await _place(store, entries)
    for each in entries:
        each.device.pop("line", None)
    bad = len({each.line for each in lines if each.bad})
    codes = Counter(each.code for each in lines)
    report = {
        "lines": count,
        "good": len(entries),
        "bad": bad,
        "created": len(entries) - sum(1 for each in entries if each.device["key"] in existing),
        "updated": sum(1 for each in entries if each.device["key"] in existing),
        "keys": sum(len(each.keys) for each in entries),
        "codes": dict(codes.most_common()),
        "told": min(len(lines), MOST_TOLD),
    }
    lines.sort(key=lambda each: (not each.bad, each.line))
    return Judged(entries=entries, lines=lines[:MOST_TOLD], report=report)


async def dry_run(store: Store, number: int, *, progress: Progress) -> dict[str, Any]:
    """Say what an import would do, and every line that is wrong; writes no device."""
    judged = await judge(store, number, sealer=None, progress=progress)
    await store.imports.checked(number, judged.lines, report=judged.report)
    return judged.report


async def apply(
    store: Store, number: int, *, sealer: Sealer, actor: str, progress: Progress
) -> dict[str, Any]:
    """Import everything, or nothing. Raises ImportBad when lines are wrong and none may be left out."""
    judged = await judge(store, number, sealer=sealer, progress=progress)
    plan = msgspec.convert((await store.imports.get(number)).plan, Plan)
    if judged.report["bad"] and not plan.skip_bad:
        await store.imports.checked(number, judged.lines, report=judged.report)
        raise ImportBad(bad=judged.report["bad"], codes=judged.report["codes"])
    total = len(judged.entries)

    async def written(done: int) -> None:
        await progress(done, total)

    await store.imports.apply(
        number,
        judged.entries,
        lines=judged.lines,
        report=judged.report,
        progress=written,
        actor=actor,
    )
    return judged.report


async def undo(store: Store, number: int, *, force: bool) -> dict[str, Any]:
    """Everything as before the import. Raises Conflict."""
    record = await store.imports.get(number)
    kept = await store.imports.undo(number, record.report, force=force)
    return {"kept": len(kept), "devices": kept[:100]}


def _read(
    content: bytes, plan: Plan, *, known: Known, sealer: Sealer | None
) -> tuple[list[Entry], list[Line], int]:
    reader = Reader(plan.columns, known, sealer=sealer)
    entries: list[Entry] = []
    wrong: list[Line] = []
    count = 0
    for number, cells in rows(content, plan.shape):
        count += 1
        entry, lines = reader.read(number, cells)
        wrong += lines
        if entry is not None:
            entry.device["line"] = number
            entries.append(entry)
    return entries, wrong, count


async def _known(store: Store, plan: Plan) -> Known:
    models = await store.models.all()
    try:
        box = (await store.territory.get()).bbox
    except NotFound:
        box = None
    return Known(
        models=frozenset(each.id for each in models),
        labels={label_of(each.label): each.id for each in models},
        box=box,
        corrections=frozenset(plan.corrections),
        defaults={name: text for name, text in plan.defaults.items() if text},
    )


def _line_of(entries: list[Entry]) -> dict[str, int]:
    return {each.device["key"]: each.device["line"] for each in entries}


async def _existing(store: Store, entries: list[Entry]) -> set[str]:
    found: set[str] = set()
    for low in range(0, len(entries), KNOWN_CHUNK):
        part = [each.device["key"] for each in entries[low : low + KNOWN_CHUNK]]
        found |= await store.imports.known(part)
    return found


async def _place(store: Store, entries: list[Entry]) -> None:
    places = [(each.device["longitude"], each.device["latitude"]) for each in entries]
    located = [at for at, (longitude, _) in enumerate(places) if longitude is not None]
    codes = await store.territory.commune_at([places[at] for at in located])
    for at, code in zip(located, codes, strict=True):
        entries[at].device["commune"] = code
