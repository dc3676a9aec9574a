"""The charter: who may do what, and why. Every exit asks ``decide`` and applies its obligations."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clapas.charter.articles import Article
from clapas.charter.audit import AuditTrail, event_of
from clapas.charter.decide import ACTIONS, Action, Charter, collection
from clapas.charter.errors import CharterInvalid, RecordInvalid
from clapas.charter.exits import PURPOSE, Exit, Reading
from clapas.charter.keeping import CharterKeeper
from clapas.charter.settings import Settings
from clapas.charter.terms import Terms, terms_of
from clapas.charter.validate import Finding, validate
from clapas.domain.access import Decision, Principal, Resource, RowFilter

__all__ = [
    "ACTIONS",
    "PURPOSE",
    "Action",
    "Article",
    "AuditTrail",
    "Charter",
    "CharterInvalid",
    "CharterKeeper",
    "Exit",
    "Finding",
    "Reading",
    "RecordInvalid",
    "Settings",
    "Terms",
    "collection",
    "decide",
    "event_of",
    "row_filter",
    "terms_of",
    "validate",
]


@lru_cache(maxsize=1)
def _standard() -> Charter:
    return Charter.standard()


def decide(
    principal: Principal,
    action: str,
    *,
    resource: Resource,
    context: Mapping[str, Any] | None = None,
) -> Decision:
    """The default charter's answer, for callers that were given no installation of their own."""
    return _standard().decide(principal, action, resource=resource, context=context)


def row_filter(principal: Principal, action: str, *, kind: str) -> RowFilter:
    """The default charter's rows: see :meth:`Charter.row_filter`."""
    return _standard().row_filter(principal, action, kind=kind)
