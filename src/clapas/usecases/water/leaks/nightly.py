"""The nightly run: the book of every meter, kept in one file, and the readings of the day.

The readings of the night may overlap those already seen: what was taken into the book is not taken twice.
"""

import io
from collections.abc import Collection
from pathlib import Path
from zipfile import BadZipFile

import msgspec
import numpy as np
import polars as pl

from clapas.usecases.outputs import write_whole
from clapas.usecases.water.errors import BadTable
from clapas.usecases.water.leaks.arrays import Ints
from clapas.usecases.water.leaks.batch import Alerts, Recordings, detect
from clapas.usecases.water.leaks.book import Book
from clapas.usecases.water.leaks.levels import Levels


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The meters' names and their book, in the same order."""

    names: tuple[str, ...]
    book: Book

    def save(self, path: Path) -> None:
        """Write the book beside its names, at once. Raises CannotWrite."""
        write_whole(path, self.packed())

    @classmethod
    def load(cls, path: Path) -> "Ledger":
        """Read a file that was written by :meth:`save`. Raises BadTable."""
        try:
            return cls.unpacked(path.read_bytes())
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise BadTable(
                f"{path}: not what is known of meters, as --state keeps it", path=str(path)
            ) from error

    def packed(self) -> bytes:
        """The ledger as the bytes of one ``.npz`` file."""
        file = io.BytesIO()
        self.book.save(file, names=np.asarray(self.names, dtype=np.str_))
        return file.getvalue()

    @classmethod
    def unpacked(cls, body: bytes) -> "Ledger":
        """Read what :meth:`packed` gave."""
        with np.load(io.BytesIO(body), allow_pickle=False) as stored:
            names = tuple(stored["names"].tolist())
        return cls(names=names, book=Book.load(io.BytesIO(body)))

    def without(self, names: Collection[str]) -> "Ledger":
        """The same without these meters: what was known of them is forgotten."""
        kept = [n for n, name in enumerate(self.names) if name not in names]
        if len(kept) == len(self.names):
            return self
        rows = np.asarray(kept, dtype=np.int64)
        return Ledger(names=tuple(self.names[n] for n in kept), book=self.book.taken(rows))

    @classmethod
    def empty(cls, levels: Levels) -> "Ledger":
        return cls(names=(), book=Book(0, len(levels.flow)))


def run_night(ledger: Ledger, rows: pl.DataFrame, *, levels: Levels) -> tuple[Ledger, Alerts]:
    """Take a table of readings (``meter``, ``at``, ``index_l``) into the ledger; new meters are added."""
    known = pl.DataFrame({"meter": ledger.names}, schema={"meter": pl.String})
    fresh = rows.select(pl.col("meter").unique(maintain_order=True)).join(
        known, on="meter", how="anti"
    )
    names = (*ledger.names, *fresh["meter"].sort().to_list())
    book = ledger.book
    if fresh.height:
        book = Book.stacked([book, Book(fresh.height, len(levels.flow))])
    grown = Ledger(names=names, book=book)
    return grown, detect(_numbered(rows, names), levels, book=book)


def _numbered(rows: pl.DataFrame, names: tuple[str, ...]) -> Recordings:
    numbers = pl.DataFrame(
        {"meter": names, "m": np.arange(len(names))}, schema_overrides={"meter": pl.String}
    )
    ordered = rows.join(numbers, on="meter", how="inner").sort("m", "at", maintain_order=True)
    meter: Ints = ordered["m"].to_numpy().astype(np.int64)
    return Recordings(
        names=names,
        meter=meter,
        at=ordered["at"].dt.epoch("us").to_numpy() / 1e6,
        index=ordered["index_l"].to_numpy().astype(np.float64),
    )
