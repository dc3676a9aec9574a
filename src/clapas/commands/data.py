"""The data directory that a command works on, and its store, whether the platform runs or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

if TYPE_CHECKING:
    from clapas.engines import EngineAddresses
    from clapas.store import Store

Data = Annotated[Path, typer.Option("--data", help="The data directory.", envvar="CLAPAS_DATA")]
DEFAULT = Path("clapas-data")
ACTOR = "command line"
"""Who did it, in what is signed, when no account did."""


@asynccontextmanager
async def store_and_engines(
    data: Path, *, new: bool = False
) -> "AsyncIterator[tuple[Store, EngineAddresses]]":
    """The migrated store of a data directory and where its engines answer; ``new``: made where there is none."""
    from clapas.app import attached
    from clapas.store import Store, migrate

    async with attached(data, new=new) as addresses:
        await migrate(addresses)
        async with Store.open(addresses, pool=2) as store:
            yield store, addresses


@asynccontextmanager
async def store_of(data: Path) -> "AsyncIterator[Store]":
    """The migrated store of a data directory."""
    async with store_and_engines(data) as (store, _):
        yield store


def with_store(data: Path, work: "Callable[[Store], Awaitable[Any]]") -> Any:
    """What some work on the store of a data directory answers."""

    async def run() -> Any:
        async with store_of(data) as store:
            return await work(store)

    return asyncio.run(run())


def tell(answer: Any) -> None:
    """Print an answer as JSON, indented."""
    print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
