"""Who asks, and what the charter answers: the values of ``charter.decide``."""

from typing import Any, Literal

import msgspec

PrincipalKind = Literal["user", "service", "device", "anonymous", "system"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. ``roles`` are names such as 'operator', 'reader', 'dpo', 'technician'."""

    kind: PrincipalKind
    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    organisation: str = ""
    service: str = ""
    """The direction métier (trade service) of the agent, a local attribute."""
    communes: frozenset[str] = frozenset()
    """INSEE codes; empty means the whole territory."""
    purposes: frozenset[str] = frozenset()
    """Habilitations: the purposes that the person may declare."""
    scopes: frozenset[str] = frozenset()
    """What a service key names: 'read', 'publish:uplink', 'read:entity'…"""
    mfa: bool = False
    attributes: frozenset[str] = frozenset()
    """Attributes that an application's plan gives; empty = all."""
    decimals: int = -1
    """Decimals of the values that it gives; -1 = as measured."""
    delay: int = 0
    """Seconds before it gives a value."""


ANONYMOUS = Principal(kind="anonymous", id="anonymous")
SYSTEM = Principal(kind="system", id="system", roles=frozenset({"system"}))


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a kind ('entity', 'series', 'device', 'ledger', 'topic'…), an id, a dataset."""

    kind: str
    id: str = ""
    dataset: str = ""
    commune: str = ""
    attributes: dict[str, Any] = {}


class Obligation(msgspec.Struct, frozen=True, kw_only=True):
    """What the exit must do to the data it gives; kinds are added by the charter.

    'min_step' (seconds), 'k_anonymity' (k), 'mask' (fields), 'delay' (seconds), 'watermark'.
    """

    kind: str
    values: dict[str, Any] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The charter's answer: allowed or not, by which articles, on which conditions, whom to ask."""

    allow: bool
    articles: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    contact: str = ""


class RowRule(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of ``datasets``, in ``communes`` (everywhere when empty)."""

    datasets: frozenset[str] = frozenset()
    communes: frozenset[str] = frozenset()


class RowFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a principal may see, as data that ``store`` compiles to SQL for either engine.

    ``everything`` wins; else a row is seen when any of these says so: its dataset is in ``datasets``
    and its commune in ``communes`` (everywhere when empty); a rule of ``also``; ``others``, whose
    datasets are those that it does *not* speak of. The empty filter sees nothing.
    """

    everything: bool = False
    datasets: frozenset[str] = frozenset()
    communes: frozenset[str] = frozenset()
    also: tuple[RowRule, ...] = ()
    others: RowRule | None = None
