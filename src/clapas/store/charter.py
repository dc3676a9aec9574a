"""Datasets' records, the charter's articles, figures over several subjects, and what stays hidden."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime

import msgspec

from clapas.domain.access import RowFilter
from clapas.domain.dataset import DatasetRecord
from clapas.domain.errors import Conflict
from clapas.store import filters
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres, listen
from clapas.store.sql import queries

SQL = queries("charter")


class ArticleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an article: its Cedar text, when it holds, who voted it."""

    id: str
    version: int = 0
    text: str
    valid_from: date
    valid_to: date | None = None
    deliberation: str
    voted: date | None = None
    author: str = ""


class RecordVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a record, by whom and when."""

    record: DatasetRecord
    author: str
    created: datetime


NO_CELL = {0: ""}
"""No series has the number 0."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure over several series: a commune (or a type), a civil day (ISO), how many, total and largest."""

    commune: str
    day: str
    subjects: int
    total: float
    largest: float


class CharterStore:
    """The charter's tables."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def records(self) -> list[DatasetRecord]:
        """The newest version of every record."""
        rows = await self._postgres.rows(SQL["records"])
        return [msgspec.json.decode(row[0], type=DatasetRecord) for row in rows]

    async def add_record(self, record: DatasetRecord, *, author: str) -> None:
        """Keep a new version. Raises Conflict when that version was made by somebody else."""
        done = await self._postgres.run(
            SQL["add_record"],
            id=record.id,
            version=record.version,
            record=msgspec.json.encode(record).decode(),
            author=author,
        )
        if not done:
            raise Conflict("somebody changed this record meanwhile", dataset=record.id)

    async def record_versions(self, id: str) -> list[RecordVersion]:  # noqa: A002
        """Every version of a record, newest first."""
        rows = await self._postgres.rows(SQL["record_versions"], id=id)
        return [
            RecordVersion(
                record=msgspec.json.decode(row[0], type=DatasetRecord),
                author=row[1],
                created=row[2],
            )
            for row in rows
        ]

    async def articles(self, day: date) -> list[ArticleRow]:
        """The articles in force on a day."""
        rows = await self._postgres.rows(SQL["articles"], day=day)
        names = ArticleRow.__struct_fields__
        return [ArticleRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def add_article(self, article: ArticleRow) -> None:
        """Keep a new version of an article."""
        values = msgspec.structs.asdict(article)
        del values["version"]
        await self._postgres.run(SQL["add_article"], **values)

    async def figures(
        self,
        rows: RowFilter,
        *,
        dataset: str,
        quantity: str,
        days: tuple[date, date],
        ranged: bool = False,
        without: Collection[int] = (),
        cells: Mapping[int, str] | None = None,
    ) -> list[Figure]:
        """Figures per commune and civil day of the visible series of a dataset, some left out.

        ``cells``: series → what is told in the place of its commune.

        Each series counts with its day's mean, or with maximum - minimum when ``ranged`` (meters).
        """
        condition, values = filters.clickhouse(rows)
        table = await self._clickhouse.read(
            filters.within(SQL["figures"], condition),
            {
                "dataset": dataset,
                "quantity": quantity,
                "first": days[0],
                "last": days[1],
                "ranged": int(ranged),
                "without": list(without),
                "told": list(cells or NO_CELL),
                "cells": list((cells or NO_CELL).values()),
                **values,
            },
        )
        return [
            Figure(
                commune=row["commune"],
                day=row["civil"],
                subjects=row["subjects"],
                total=row["total"],
                largest=row["largest"],
            )
            for row in table.to_pylist()
        ]

    async def types(self, dataset: str, quantity: str) -> dict[int, str]:
        """Series of a dataset → the type of the thing that it is about."""
        rows = await self._postgres.rows(SQL["types_of_series"], dataset=dataset, quantity=quantity)
        return {row[0]: row[1] for row in rows}

    async def hidden(self, product: str) -> set[str]:
        """The cells of a product that were hidden before."""
        return {row[0] for row in await self._postgres.rows(SQL["hidden"], product=product)}

    async def hide(self, product: str, cells: Collection[str]) -> None:
        """These cells stay hidden from now on."""
        await self._postgres.run(SQL["hide"], product=product, cells=sorted(cells))

    async def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` at each change of records or articles, and after each connection."""
        await listen(
            self._postgres.dsn,
            "clapas_charter",
            told=lambda _: changed(),
            lost=lambda: None,
        )
