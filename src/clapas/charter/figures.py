"""Figures over several subjects: small or dominated cells are hidden, and stay hidden.

A cell is one place of the whole released table (all its days): hidden when, on any day, it counts
fewer than ``k`` subjects or one subject makes more than the share ``dominance`` of it (INSEE's rules
for statistical secrecy; décret 2020-196 for energy). Then, since a total is published beside the
cells, one hidden cell could be found by difference: cells are hidden, the smallest first, until those
hidden together count ``k`` subjects and are at least two. A cell hidden in an earlier release stays
hidden, so that two releases cannot be compared to find it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from clapas.store.charter import CharterStore, Figure


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The worst that a cell shows over the table: fewest subjects, largest share of one of them."""

    subjects: int
    share: float = 0.0


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What may be released: visible figures, the total per day, and which places are hidden.

    ``totals`` is None when even the total would tell something.
    """

    figures: list[Figure]
    totals: list[Figure] | None
    hidden: list[str]
    k: int
    dominance: float


def suppressed(
    cells: Mapping[str, Cell], *, k: int, dominance: float, before: Collection[str] = ()
) -> set[str]:
    """The cells to hide: primary, those hidden before, then secondary."""
    hidden = {
        name
        for name, cell in cells.items()
        if cell.subjects < k or cell.share > dominance or name in before
    }
    rest = sorted(
        (name for name in cells if name not in hidden), key=lambda n: (cells[n].subjects, n)
    )
    while hidden and rest and (len(hidden) < 2 or _together(cells, hidden) < k):
        hidden.add(rest.pop(0))
    return hidden


def total_tells(cells: Mapping[str, Cell], hidden: Collection[str], *, k: int) -> bool:
    """Would the total beside the visible cells tell of too few subjects?"""
    if not hidden:
        return _together(cells, cells) < k
    return len(hidden) < 2 or _together(cells, hidden) < k


def _together(cells: Mapping[str, Cell], names: Collection[str]) -> int:
    return sum(cells[name].subjects for name in names)


def cells_of(figures: Sequence[Figure]) -> dict[str, Cell]:
    """The worst day of each place."""
    cells: dict[str, Cell] = {}
    for each in figures:
        known = cells.get(each.commune, Cell(subjects=each.subjects))
        share = each.largest / abs(each.total) if each.total else 0.0
        cells[each.commune] = Cell(
            subjects=min(known.subjects, each.subjects), share=max(known.share, share)
        )
    return cells


async def released(
    store: CharterStore, figures: Sequence[Figure], *, product: str, k: int, dominance: float
) -> Table:
    """What of these figures may be given; what it hides stays hidden for this product."""
    cells = cells_of(figures)
    before = await store.hidden(product)
    hidden = suppressed(cells, k=k, dominance=dominance, before=before)
    if hidden - before:
        await store.hide(product, hidden - before)
    totals = None if total_tells(cells, hidden, k=k) else _totals(figures)
    return Table(
        figures=[each for each in figures if each.commune not in hidden],
        totals=totals,
        hidden=sorted(hidden),
        k=k,
        dominance=dominance,
    )


def _totals(figures: Sequence[Figure]) -> list[Figure]:
    days: dict[str, list[Figure]] = defaultdict(list)
    for each in figures:
        days[each.day].append(each)
    return [
        Figure(
            commune="",
            day=day,
            subjects=sum(each.subjects for each in those),
            total=sum(each.total for each in those),
            largest=0.0,
        )
        for day, those in sorted(days.items())
    ]
