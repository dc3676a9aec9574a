"""``decide``: the one question that every exit asks. Pure, synchronous, cached; it fails closed.

An article reads a resource's kind, dataset, commune, owner and device, never its id, so that the
decisions about 80,000 entities share a few lines of the cache.
"""

import logging
from collections.abc import Mapping
from typing import Any, Literal

import cedarpy
import msgspec

from clapas.charter.articles import Policies, packaged_schema, packaged_text, read_policies
from clapas.charter.settings import Settings
from clapas.domain.access import Decision, Principal, Resource, RowFilter

log = logging.getLogger(__name__)

Action = Literal["read", "write", "publish", "export", "subscribe", "administer"]
ACTIONS: tuple[Action, ...] = ("read", "write", "publish", "export", "subscribe", "administer")

DEFAULT_ARTICLE = "CH-00"
UNKNOWN_DATASET = "?"
PLACED = frozenset({"entity", "device", "series", "observation", "frame", "alarm"})
CACHE_LIMIT = 50_000
_TYPES = {
    "user": "User",
    "service": "Service",
    "device": "Device",
    "anonymous": "Anonymous",
    "system": "System",
}
_ENCODER = msgspec.json.Encoder()
_CLASSIFICATIONS = frozenset({"ouvert", "interne", "restreint", "personnel"})


def collection(kind: str) -> Resource:
    """'Some of this kind, one's own included': what a route asks before it knows which rows."""
    return Resource(kind=kind, attributes=_ANY)


_ANY: dict[str, Any] = {"collection": True}


class Charter:
    """Articles, the classification of each dataset, and a bounded cache of decisions."""

    def __init__(
        self, policies: Policies, *, classifications: Mapping[str, str], contact: str = ""
    ) -> None:
        self.policies = policies
        self.contact = contact
        known = {"": "interne", **classifications}
        self._classes = {
            name: level if level in _CLASSIFICATIONS else "restreint"
            for name, level in known.items()
        }
        self._cache: dict[object, Decision] = {}
        self._filters: dict[object, RowFilter] = {}
        self._principals: dict[Principal, cedarpy.Entities] = {}

    @classmethod
    def standard(cls, settings: Settings | None = None) -> "Charter":
        """The charter of a new installation: the default articles."""
        chosen = settings or Settings()
        policies = read_policies(packaged_text(), schema=packaged_schema())
        return cls(policies, classifications=chosen.classifications, contact=chosen.contact)

    def decide(
        self,
        principal: Principal,
        action: str,
        resource: Resource,
        context: Mapping[str, Any] | None = None,
    ) -> Decision:
        """May ``principal`` do ``action`` on ``resource``? By which articles, on which conditions?

        ``context`` may hold 'purpose' (declared purpose) and 'step' (seconds between two values).
        Never raises: what cannot be decided is refused.
        """
        attributes = resource.attributes
        key = (
            principal,
            action,
            resource.kind,
            resource.dataset,
            resource.commune,
            (
                attributes.get("collection"),
                attributes.get("owner"),
                attributes.get("device"),
            )
            if attributes
            else None,
            (context.get("purpose"), context.get("step")) if context else None,
        )
        try:
            return self._cache[key]
        except KeyError:
            pass
        except TypeError:
            return self._refusal(())
        if len(self._cache) >= CACHE_LIMIT:
            self._cache.clear()
        decision = self._cache[key] = self._decide(principal, action, resource, context or {})
        return decision

    def row_filter(self, principal: Principal, action: str, kind: str) -> RowFilter:
        """Which rows of ``kind`` the principal may see: as if ``decide`` were asked for each row.

        Where datasets open to all and datasets of one territory mix, the filter keeps the territory.
        """
        key = (principal, action, kind)
        found = self._filters.get(key)
        if found is None:
            if len(self._filters) >= CACHE_LIMIT:
                self._filters.clear()
            found = self._filters[key] = self._row_filter(principal, action, kind)
        return found

    def _row_filter(self, principal: Principal, action: str, kind: str) -> RowFilter:
        commune = min(principal.communes, default="")

        def allowed(dataset: str, where: str) -> bool:
            asked = Resource(kind=kind, dataset=dataset, commune=where)
            return self.decide(principal, action, asked).allow

        anywhere = frozenset(name for name in self._classes if allowed(name, ""))
        if allowed(UNKNOWN_DATASET, "") and len(anywhere) == len(self._classes):
            return RowFilter(everything=True)
        here = frozenset(name for name in self._classes if allowed(name, commune))
        if here == anywhere:
            return RowFilter(datasets=here)
        # A filter holds one rule: where open and local datasets mix, the stricter one is kept.
        return RowFilter(datasets=here, communes=principal.communes)

    def _decide(
        self, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
    ) -> Decision:
        if resource.attributes.get("collection"):
            return self._decide_collection(principal, action, resource, context)
        if action not in ACTIONS:
            return self._refusal(())
        level = self._classes.get(resource.dataset, "restreint")
        request = {
            "principal": f'{_TYPES.get(principal.kind, "Anonymous")}::"p"',
            "action": f'Action::"{action}"',
            "resource": 'Thing::"r"',
            "context": {
                "needed": [action, f"{action}:{resource.kind}"],
                "purpose": str(context.get("purpose") or ""),
                "step": int(context.get("step") or 0),
            },
        }
        try:
            entities = self._who(principal).with_added_json_str(_thing(resource, level))
            answer = cedarpy.is_authorized(request, self.policies.handle, entities)
            reasons, errors = answer.diagnostics.reasons, answer.diagnostics.errors
        except (ValueError, TypeError) as error:
            log.error("the charter could not decide: %s", error)
            return self._refusal(())
        articles = tuple(sorted(self.policies.identifiers[each] for each in reasons))
        if errors:
            log.error("an article failed, so it is refused: %s", errors)
            return self._refusal(articles)
        return (
            Decision(allow=True, articles=articles) if answer.allowed else self._refusal(articles)
        )

    def _who(self, principal: Principal) -> cedarpy.Entities:
        """The principal as Cedar reads it, parsed once: half of an uncached decision's cost."""
        found = self._principals.get(principal)
        if found is None:
            if len(self._principals) >= CACHE_LIMIT:
                self._principals.clear()
            found = cedarpy.Entities.from_json_str(_principal_entity(principal))
            self._principals[principal] = found
        return found

    def _decide_collection(
        self, principal: Principal, action: str, resource: Resource, context: Mapping[str, Any]
    ) -> Decision:
        commune = min(principal.communes, default="")
        own = {"owner": principal.id, "device": principal.id}
        for dataset in (*self._classes, UNKNOWN_DATASET):
            each = Resource(kind=resource.kind, dataset=dataset, commune=commune, attributes=own)
            decision = self.decide(principal, action, each, context)
            if decision.allow:
                return decision
        return self._refusal(())

    def _refusal(self, articles: tuple[str, ...]) -> Decision:
        return Decision(allow=False, articles=articles or (DEFAULT_ARTICLE,), contact=self.contact)


def _principal_entity(principal: Principal) -> str:
    entity = {
        "uid": {"type": _TYPES.get(principal.kind, "Anonymous"), "id": "p"},
        "attrs": {
            "id": principal.id,
            "roles": sorted(principal.roles),
            "scopes": sorted(principal.scopes),
            "organisation": principal.organisation,
            "service": principal.service,
            "communes": sorted(principal.communes),
            "purposes": sorted(principal.purposes),
            "mfa": principal.mfa,
        },
        "parents": [],
    }
    return _ENCODER.encode([entity]).decode()


def _thing(resource: Resource, level: str) -> str:
    entity = {
        "uid": {"type": "Thing", "id": "r"},
        "attrs": {
            "kind": resource.kind,
            "dataset": resource.dataset,
            "classification": level,
            "commune": resource.commune,
            "placed": resource.kind in PLACED,
            "owner": str(resource.attributes.get("owner") or ""),
            "device": str(resource.attributes.get("device") or ""),
        },
        "parents": [],
    }
    return _ENCODER.encode([entity]).decode()
