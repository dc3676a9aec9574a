"""``clapas audit verify``: does every event of the audit trail follow the one before it?"""

import asyncio

import typer

from clapas.commands.data import DEFAULT, Data


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


def verify_trail(data: Data = DEFAULT) -> int:
    """Walk the whole trail of a running platform; exit status 1 when an event does not follow."""
    from clapas.app import attached
    from clapas.charter.audit import verify
    from clapas.store import Store

    async def run() -> int:
        async with attached(data) as addresses, Store.open(addresses, pool=1) as store:
            found = await verify(store.audit)
        if found.broken_at is not None:
            typer.echo(f"the chain breaks at event {found.broken_at}; {found.events} events hold")
            return 1
        typer.echo(f"{found.events} events follow one another; head {found.head}")
        return 0

    return asyncio.run(run())
