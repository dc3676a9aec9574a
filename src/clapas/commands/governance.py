"""``clapas homologation`` and ``clapas governance``: the security file, the yearly report, retention."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clapas.commands.data import DEFAULT, Data

if TYPE_CHECKING:
    from clapas.charter import Charter
    from clapas.store import Store


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    app.command("homologation")(homologation)
    group = typer.Typer(no_args_is_help=True, help="The charter over time.")
    group.callback()(_governance)
    group.command("report")(report)
    group.command("retention")(retention)
    group.command("proofs")(proofs)
    app.add_typer(group, name="governance")


def _governance() -> None:
    """The charter over time: the yearly report, retention and its proofs."""


def homologation(
    data: Data = DEFAULT,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("homologation"),
) -> int:
    """Write the security file that the authority signs: file, bill of materials, procurement clauses."""
    from clapas.governance import homologation as security

    found = asyncio.run(_facts(data))
    out.mkdir(parents=True, exist_ok=True)
    (out / "dossier.md").write_text(security.document(found), "utf-8")
    (out / "clauses.md").write_text(security.clauses(), "utf-8")
    bill = json.dumps(security.bill_of_materials(), indent=1)
    (out / "sbom.cdx.json").write_text(bill, "utf-8")
    typer.echo(f"{out}/dossier.md, {out}/sbom.cdx.json, {out}/clauses.md")
    return 0 if found.audit_whole else 1


async def _facts(data: Path):  # type: ignore[no-untyped-def]
    from clapas.app import attached
    from clapas.config import load
    from clapas.governance.homologation import facts
    from clapas.governance.reorganise import all_accounts
    from clapas.store import Store, migrate
    from clapas.store.identity import IdentityStore
    from clapas.store.identity_factors import FactorStore

    configuration = load(data)
    async with attached(data) as addresses:
        await migrate(addresses)
        async with Store.open(addresses, pool=2) as store:
            identity = IdentityStore(store.postgres)
            accounts = await all_accounts(identity)
            second = await FactorStore(store.postgres).count()
            return await facts(
                store,
                await _charter(store),
                accounts=accounts,
                keys=await identity.keys(limit=10_000),
                second_factor=second,
                settings={
                    "web.https": configuration.web.https,
                    "web.proxies": list(configuration.web.proxies),
                    "identity.providers": sorted(configuration.identity.providers),
                    "identity.saml": sorted(configuration.identity.saml),
                    "identity.directory": bool(configuration.identity.directory.url),
                    "identity.session_idle_s": configuration.identity.session_idle_s,
                    "api_gateway.enabled": configuration.api_gateway.enabled,
                    "store.raw_days": configuration.store.raw_days,
                    "ops.backup_folder": bool(configuration.ops.backup_folder),
                    "lorawan.enabled": configuration.lorawan.enabled,
                },
            )


async def _charter(store: "Store") -> "Charter":
    from clapas.charter import Charter, CharterKeeper

    charter = Charter.standard()
    await CharterKeeper(store.charter, charter).load()
    return charter


def report(
    data: Data = DEFAULT,
    year: Annotated[int, typer.Option(help="Civil year; 0 = the present one.")] = 0,
) -> int:
    """Print the charter's yearly report (JSON); exit status 1 when a commitment is not kept."""
    import msgspec

    from clapas.app import attached
    from clapas.governance.yearly import yearly_report
    from clapas.store import Store, migrate

    async def run() -> int:
        async with attached(data) as addresses:
            await migrate(addresses)
            async with Store.open(addresses, pool=2) as store:
                wanted = year or datetime.now(UTC).year
                made = await yearly_report(store, await _charter(store), year=wanted)
        typer.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        return 0 if all(each.kept for each in made.checks) else 1

    return asyncio.run(run())


def retention(data: Data = DEFAULT) -> int:
    """Delete now what is past its time by the datasets' records; prints rows by dataset and table."""
    from clapas.app import attached
    from clapas.governance import apply_retention
    from clapas.store import Store, migrate

    async def run() -> int:
        async with attached(data) as addresses:
            await migrate(addresses)
            async with Store.open(addresses, pool=2) as store:
                records = await store.charter.records()
                deleted = await apply_retention(store, records, now=datetime.now(UTC))
        typer.echo(json.dumps(deleted, indent=1, sort_keys=True))
        return 0

    return asyncio.run(run())


def proofs(
    data: Data = DEFAULT, dataset: Annotated[str, typer.Option(help="One dataset.")] = ""
) -> int:
    """Print the proofs of deletion, newest first (JSON)."""
    import msgspec

    from clapas.app import attached
    from clapas.store import Store, migrate

    async def run() -> int:
        async with attached(data) as addresses:
            await migrate(addresses)
            async with Store.open(addresses, pool=2) as store:
                found = await store.governance.proofs(dataset=dataset)
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return 0

    return asyncio.run(run())
