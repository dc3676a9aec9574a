"""Identity as the roles compose it."""

from pathlib import Path

from clapas.charter import Charter
from clapas.identity import Identity
from clapas.orders import Orders, kept_secret
from clapas.store import Store
from clapas.store.identity import IdentityStore


def compose_identity(store: Store, charter: Charter, *, orders: Orders) -> Identity:
    """Identity over the store; the pepper lives in the data directory, outside the databases."""
    return Identity(
        IdentityStore(store.postgres),
        pepper=kept_secret(Path(orders.directory), "pepper"),
        allowed=lambda who, action, what: charter.decide(who, action, resource=what).allow,
        settings=orders.configuration.identity,
    )
