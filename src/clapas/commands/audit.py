"""``clapas audit verify``: does every event of the audit trail follow the one before it?"""

import asyncio
from typing import Annotated

import typer

from clapas.commands.data import DEFAULT, Data

Noted = Annotated[
    str, typer.Option("--kept", help="What an earlier run printed to keep, number:hash.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    audit = typer.Typer(
        no_args_is_help=True, help="The audit trail: who did what, by which article."
    )
    audit.callback()(_audit)
    audit.command("verify")(verify_trail)
    app.add_typer(audit, name="audit")


def _audit() -> None:
    """The audit trail: who did what, by which article."""


def verify_trail(data: Data = DEFAULT, kept: Noted = "") -> int:
    """Walk the whole trail of a running platform; exit status 1 when an event does not follow.

    Note what it prints outside this machine, and give it back with --kept: a trail that somebody wrote anew from
    the start follows too, but not what you noted.
    """
    from clapas.app import attached
    from clapas.charter.audit import Kept, verify
    from clapas.store import Store

    noted = Kept.read(kept) if kept else None

    async def run() -> int:
        async with attached(data) as addresses, Store.open(addresses, pool=1) as store:
            found = await verify(store.audit, noted)
        if found.broken_at is not None:
            typer.echo(f"the chain breaks at event {found.broken_at}; {found.events} events hold")
            return 1
        if found.rewritten:
            typer.echo(f"event {kept.partition(':')[0]} is not the one that you kept")
            return 1
        typer.echo(f"{found.events} events follow one another; keep {found.events}:{found.head}")
        return 0

    return asyncio.run(run())
