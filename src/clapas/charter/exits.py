"""The one way out: rows and values as the charter lets this caller have them.

Every exit (pages, REST, NGSI-LD, exports, live events, MQTT out) makes an :class:`Exit` for whoever
asks and reads through it: rows by the filter, history at the step, with the delay and without the
masked attributes that the dataset's record demands, single values only where they may be given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from typing import Any

import msgspec

from clapas.charter.audit import AuditTrail, event_of
from clapas.charter.decide import Charter
from clapas.charter.terms import Terms
from clapas.domain.access import Principal, Resource, RowFilter, RowRule
from clapas.domain.dataset import DAY_S
from clapas.domain.device import Series
from clapas.domain.window import Window, instant
from clapas.store import Store
from clapas.store.values import Aggregate, SeriesHistory, Step

HOUR_S = 3600
PURPOSE = "x-clapas-purpose"
"""The header by which a call declares its purpose."""
WATCHED = frozenset({"restreint", "personnel"})


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a history is asked for."""

    window: Window
    step: Step = "auto"
    aggregate: Aggregate = "mean"
    max_points: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """What one caller gets, for one action and one declared purpose."""

    charter: Charter
    principal: Principal
    action: str = "read"
    purpose: str = ""
    audit: AuditTrail | None = None
    marks: dict[str, str] = field(default_factory=dict)
    """Dataset → the mark of what was exported of it: the trail says to whom it was given."""

    def rows(self, kind: str) -> RowFilter:
        """Which rows of a kind."""
        return self.charter.row_filter(self.principal, self.action, kind=kind, purpose=self.purpose)

    def terms(self, dataset: str) -> Terms:
        """Under which conditions a dataset is given."""
        return self.charter.terms(
            self.principal, self.action, dataset=dataset, purpose=self.purpose
        )

    def withheld(self) -> frozenset[str]:
        """The datasets whose present values are not given one by one."""
        return frozenset(
            each.id for each in self.charter.records if not self.terms(each.id).instantaneous
        )

    def last_day(self, dataset: str) -> date:
        """The end (excluded) of the civil days that may be given: today's is not over."""
        return (datetime.now(UTC) - timedelta(seconds=self.terms(dataset).delay)).date()

    def single_rows(self, kind: str) -> RowFilter:
        """Rows whose present and raw values may be given one by one (frames, latest values)."""
        return (
            self.whole_rows(kind) if kind == "frame" else without(self.rows(kind), self.withheld())
        )

    def whole_rows(self, kind: str) -> RowFilter:
        """Rows that may be given whole, as they are: for doors that cannot leave a part of one out."""
        return without(self.rows(kind), self.not_whole())

    def not_whole(self) -> frozenset[str]:
        """The datasets of which something is withheld: a step, a delay, an attribute, decimals."""
        partly = {each.id for each in self.charter.records if self.terms(each.id).partial}
        return self.withheld() | partly

    def shows(self, dataset: str, attribute: str) -> bool:
        """May a single value of this attribute be given as it is?"""
        terms = self.terms(dataset)
        return terms.instantaneous and terms.gives(attribute) and not terms.coarse

    async def history(
        self, store: Store, series: Sequence[Series], *, asked: Reading
    ) -> list[SeriesHistory]:
        """The history of series in their order, each under the terms of its dataset.

        Series of masked attributes, and those that may be given only in figures over several
        subjects, are left out.
        """
        rows = self.rows("series")
        groups: dict[str, list[Series]] = {}
        for each in series:
            groups.setdefault(each.dataset, []).append(each)
        found: dict[int, SeriesHistory] = {}
        for dataset, members in groups.items():
            terms = self.terms(dataset)
            silent = await self.silent(store, {each.key.entity: dataset for each in members})
            willing = [each for each in members if each.key.entity not in silent]
            given = [m.id for m in willing if not terms.k and terms.gives(m.key.attribute)]
            read = (
                await _history(store, rows, series=given, asked=under(asked, terms))
                if given
                else []
            )
            found.update({each.series: self._rounded(clipped(each, terms)) for each in read})
            await self._told(dataset, read, asked=asked)
        return [found[each.id] for each in series if each.id in found]

    def _rounded(self, history: SeriesHistory) -> SeriesHistory:
        places = self.principal.decimals
        if places < 0:
            return history
        columns = ("values", "minimum", "maximum")
        return msgspec.structs.replace(
            history,
            **{
                name: [_rounded(each, places) for each in getattr(history, name)]
                for name in columns
            },
        )

    async def silent(self, store: Store, things: Mapping[str, str]) -> frozenset[str]:
        """Of these entities (each with its dataset), those of subjects who object, or did not consent where it is asked."""
        found: frozenset[str] = frozenset()
        for dataset in set(things.values()):
            terms = self.terms(dataset)
            if not terms.personal:
                continue
            entities = {name for name, its in things.items() if its == dataset}
            found |= await store.governance.objecting(dataset, self.purpose, entities=entities)
            if terms.consent:
                found |= entities - await store.governance.consenting(
                    dataset, self.purpose, entities=entities
                )
        return found

    async def note(self, datasets: Iterable[str], window: Window, **scope: int) -> None:
        """Audit figures that were made of what is watched: sizes and period, never a value."""
        for dataset in sorted(set(datasets)):
            if self._watches(dataset):
                await self._keep(dataset, window, scope=scope)

    def _watches(self, dataset: str) -> bool:
        record = self.charter.record(dataset)
        watched = record is not None and record.classification in WATCHED
        return self.audit is not None and (watched or self.action == "export")

    async def _told(self, dataset: str, read: Sequence[SeriesHistory], *, asked: Reading) -> None:
        """Audit a reading of what is watched, and every export, which is marked."""
        if not read or not self._watches(dataset):
            return
        if self.terms(dataset).watermark:
            self.marks[dataset] = token_hex(6)
        points = sum(len(each.times) for each in read)
        await self._keep(dataset, asked.window, scope={"series": len(read), "points": points})

    async def _keep(self, dataset: str, window: Window, *, scope: Mapping[str, int]) -> None:
        if self.audit is None:
            return
        mark = {"mark": self.marks[dataset]} if dataset in self.marks else {}
        period = {"from": window.start.isoformat(), "to": window.end.isoformat()}
        event = event_of(
            self.principal,
            self.action,
            resource=Resource(kind="series", dataset=dataset),
            allowed=True,
            policy=self.charter.version[:16],
            purpose=self.purpose,
            scope={**mark, **scope, **period},
        )
        await self.audit.keep(event)


def without(rows: RowFilter, datasets: frozenset[str]) -> RowFilter:
    """The same filter, less these datasets."""
    if not datasets:
        return rows
    if rows.everything:
        return RowFilter(others=RowRule(datasets=datasets))
    others = rows.others
    return RowFilter(
        datasets=rows.datasets - datasets,
        communes=rows.communes,
        also=tuple(
            RowRule(datasets=each.datasets - datasets, communes=each.communes) for each in rows.also
        ),
        others=others and RowRule(datasets=others.datasets | datasets, communes=others.communes),
    )


async def _history(
    store: Store, rows: RowFilter, *, series: Sequence[int], asked: Reading
) -> list[SeriesHistory]:
    return await store.history.read(
        rows,
        series,
        window=asked.window,
        step=asked.step,
        aggregate=asked.aggregate,
        max_points=asked.max_points,
    )


def under(asked: Reading, terms: Terms) -> Reading:
    """The reading that is made instead of the one that was asked for."""
    if not terms.min_step and not terms.delay:
        return asked
    return msgspec.structs.replace(
        asked,
        step=coarser(asked, terms.min_step) if terms.min_step else asked.step,
    )


def coarser(asked: Reading, floor: int) -> Step:
    """The step asked for, raised to a whole multiple of the smallest one that may be given."""
    floor = -(-floor // DAY_S) * DAY_S if floor > HOUR_S * 12 else floor
    if asked.step == "auto":
        seconds = asked.window.duration.total_seconds() / max(1, asked.max_points)
    else:
        named = {"raw": 0, "hour": HOUR_S, "day": DAY_S}
        seconds = named[asked.step] if isinstance(asked.step, str) else asked.step
    return max(1, -(-int(seconds) // floor)) * floor


def clipped(history: SeriesHistory, terms: Terms, *, now: datetime | None = None) -> SeriesHistory:
    """Without the steps that are not over, or that are too recent to be given.

    A step that still grows would tell finer values to whoever reads it again and again.
    """
    if terms.instantaneous:
        return history
    step = history.step + (HOUR_S if history.step and history.step % DAY_S == 0 else 0)
    last = (now or datetime.now(UTC)) - timedelta(seconds=terms.delay + step)
    kept = sum(1 for each in history.times if instant(each) <= last)
    if kept == len(history.times):
        return history
    columns = ("times", "values", "minimum", "maximum", "counts", "qualities")
    return msgspec.structs.replace(
        history, **{name: getattr(history, name)[:kept] for name in columns}
    )


def _rounded(value: Any, places: int) -> Any:
    return round(value, places) if isinstance(value, float) and places >= 0 else value
