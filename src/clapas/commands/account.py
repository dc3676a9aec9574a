"""``clapas account``: who may sign in, and a new one-time link for somebody who is locked out.

Whoever may read the data directory may use them: the operator of this machine, who could read its databases
as well. Each link is in the audit trail before it is shown.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clapas.commands.data import ACTOR, DEFAULT, Data, tell, with_store

if TYPE_CHECKING:
    from clapas.identity import Identity
    from clapas.store import Store
    from clapas.store.identity import AccountRow

Login = Annotated[
    str, typer.Argument(help="Whose account: their login, or ours at the start, 'admin'.")
]
Operator = Annotated[
    bool,
    typer.Option("--operator", help="Enable the account and give it the role 'operator' back."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``clapas``."""
    group = typer.Typer(no_args_is_help=True, help="People's accounts, from this machine.")
    group.callback()(_account)
    group.command("list")(accounts)
    group.command("link")(link)
    app.add_typer(group, name="account")


def _account() -> None:
    """People's accounts, from this machine."""


def accounts(data: Data = DEFAULT) -> None:
    """Print the accounts: login, name, roles, and whether they may sign in (JSON)."""

    async def listed(store: "Store") -> "list[dict[str, object]]":
        from clapas.governance.reorganise import all_accounts
        from clapas.store.identity import IdentityStore

        return [
            {"login": each.login, "name": each.name, "roles": each.roles, "enabled": each.enabled}
            for each in await all_accounts(IdentityStore(store.postgres))
        ]

    tell(with_store(data, listed))


def link(login: Login = "admin", data: Data = DEFAULT, operator: Operator = False) -> None:
    """Print a new one-time link for somebody who lost their password, telephone or passkey.

    Their second factor, passkeys and open sessions end and a lock-out is lifted; the person chooses a password.
    """
    from clapas.config import load

    async def made(store: "Store") -> str:
        return await readmitted(store, data, login=login, operator=operator)

    token = with_store(data, made)
    path = f"/entrer?jeton={token}"
    settings = load(data).identity
    base = settings.public_url or _running(data)
    typer.echo(f"{base.rstrip('/')}{path}" if base else path)
    typer.echo(
        f"Works once, for {settings.one_time_s / 3600:g} hours. The second factor, passkeys and open sessions of "
        f"{login} ended: enrol a second factor again after signing in.",
        err=True,
    )
    if not base:
        typer.echo(
            "The platform does not run: start it, and open this path on its address.", err=True
        )


async def readmitted(store: "Store", data: Path, *, login: str, operator: bool = False) -> str:
    """The one-time token of an account, which is in the trail by then. Raises NotFound."""
    from clapas.config import load
    from clapas.domain.errors import NotFound
    from clapas.identity import Identity
    from clapas.orders import kept_secret
    from clapas.store.identity import IdentityStore

    identity = Identity(
        IdentityStore(store.postgres),
        pepper=kept_secret(data, "pepper"),
        allowed=lambda *_: False,
        settings=load(data).identity,
    )
    account = await identity.accounts.of_login(login)
    if account is None:
        raise NotFound(
            "no account has this login; 'clapas account list' says which do", login=login
        )
    if operator:
        account = await _as_operator(identity, account)
    if not account.enabled:
        raise NotFound("this account is disabled; --operator enables it", login=login)
    await _keep_event(store, account, operator=operator)
    return await identity.readmit(account)


async def _as_operator(identity: "Identity", account: "AccountRow") -> "AccountRow":
    import msgspec

    roles = sorted({*account.roles, "operator"})
    return await identity.accounts.change(
        msgspec.structs.replace(account, enabled=True, roles=roles)
    )


async def _keep_event(store: "Store", account: "AccountRow", *, operator: bool) -> None:
    import msgspec

    from clapas.charter import AuditTrail, event_of
    from clapas.domain.access import SYSTEM, Resource

    event = event_of(
        msgspec.structs.replace(SYSTEM, id=ACTOR),
        "administer",
        resource=Resource(kind="account", id=str(account.id)),
        allowed=True,
        scope={"link": "one-time", **({"role": "operator"} if operator else {})},
    )
    await AuditTrail(store.audit).keep(event)


def _running(data: Path) -> str:
    """Where the page of the running platform answers, '' when it does not run."""
    from clapas.engines.running import PAGE, running_addresses

    if running_addresses(data) is None:
        return ""
    try:
        return (data / "run" / PAGE).read_text("utf-8").strip()
    except OSError:
        return ""
