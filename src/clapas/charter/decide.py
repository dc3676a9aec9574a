"""``decide``: the one question that every exit asks. Pure, synchronous, cached; it fails closed.

An article reads a resource's kind, dataset, commune, owner and device, never its id, so that the
decisions about 80,000 entities share a few lines of the cache.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, cast

import cedarpy
import msgspec

from clapas.charter.articles import Policies, packaged_schema, packaged_text, read_policies
from clapas.charter.settings import Settings
from clapas.charter.terms import Terms, terms_of
from clapas.domain.access import Decision, Principal, Resource, RowFilter, RowRule
from clapas.domain.dataset import DAY_S, DatasetRecord
from clapas.domain.errors import Forbidden

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
_NOBODY_KNOWS = DatasetRecord(id=UNKNOWN_DATASET, title="", classification="restreint")


@lru_cache(maxsize=1000)
def collection(kind: str) -> Resource:
    """'Some of this kind, one's own included': what a route asks before it knows which rows."""
    return Resource(kind=kind, attributes=_ANY)


_ANY: dict[str, Any] = {"collection": True}


class Charter:
    """Articles, the record of each dataset, and a bounded cache of decisions.

    :meth:`adopt` replaces articles and records at once, for everybody who holds the charter.
    """

    def __init__(
        self,
        policies: Policies,
        *,
        classifications: Mapping[str, str],
        contact: str = "",
        records: Iterable[DatasetRecord] = (),
    ) -> None:
        self.contact = contact
        self._settled = {
            name: DatasetRecord(
                id=name,
                title=name,
                classification=cast("Any", level if level in _CLASSIFICATIONS else "restreint"),
            )
            for name, level in {"": "interne", **classifications}.items()
        }
        self.adopt(policies, records=records)

    @classmethod
    def standard(cls, settings: Settings | None = None) -> "Charter":
        """The charter of a new installation: the default articles."""
        chosen = settings or Settings()
        policies = read_policies(packaged_text(), schema=packaged_schema())
        return cls(policies, classifications=chosen.classifications, contact=chosen.contact)

    def adopt(
        self, policies: Policies | None = None, *, records: Iterable[DatasetRecord] | None = None
    ) -> None:
        """From now on these articles, these records; what was decided before is forgotten."""
        if policies is not None:
            self.policies = policies
        if records is not None:
            self._records = {**self._settled, **{each.id: each for each in records}}
        self._cache: dict[object, Decision] = {}
        self._filters: dict[object, RowFilter] = {}
        self._principals: dict[Principal, cedarpy.Entities] = {}
        known = [self.policies.version, sorted(self._records.items())]
        self.version = sha256(msgspec.json.encode(known, order="deterministic")).hexdigest()

    @property
    def records(self) -> tuple[DatasetRecord, ...]:
        """The records of the datasets that are known."""
        return tuple(self._records.values())

    def record(self, dataset: str) -> DatasetRecord | None:
        """The record of a dataset, None when nobody filled one in."""
        return self._records.get(dataset)

    def terms(self, principal: Principal, action: str, *, dataset: str, purpose: str = "") -> Terms:
        """The conditions under which this dataset is given to somebody who may have it."""
        return terms_of(self.record(dataset), principal, action=action, purpose=purpose)

    def decide(  # noqa: PLR0917 - the one form of a decision, known by its order
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
        cache = self._cache
        if len(cache) >= CACHE_LIMIT:
            cache.clear()
        decision = cache[key] = self._decide(
            principal, action, resource=resource, context=context or {}
        )
        return decision

    def refused(self, decision: Decision, *, action: str, kind: str) -> Forbidden:
        """A refusal as it is told: the articles in their words, and whom to ask."""
        articles = [self.policies.articles[each] for each in decision.articles]
        return Forbidden(
            action=action,
            kind=kind,
            articles=[
                {"id": each.id, "titre": each.titre, "title": each.title, "ground": each.fondement}
                for each in articles
            ],
            contact=decision.contact,
        )

    def row_filter(
        self, principal: Principal, action: str, *, kind: str, purpose: str = ""
    ) -> RowFilter:
        """Which rows of ``kind`` the principal may see: as if ``decide`` were asked for each row."""
        key = (principal, action, kind, purpose)
        found = self._filters.get(key)
        if found is None:
            filters = self._filters
            if len(filters) >= CACHE_LIMIT:
                filters.clear()
            found = filters[key] = self._row_filter(principal, action, kind=kind, purpose=purpose)
        return found

    def _row_filter(
        self, principal: Principal, action: str, *, kind: str, purpose: str
    ) -> RowFilter:
        context = {"purpose": purpose} if purpose else None
        commune = min(principal.communes, default="")

        def allowed(dataset: str, where: str) -> bool:
            asked = Resource(kind=kind, dataset=dataset, commune=where)
            return self.decide(principal, action, resource=asked, context=context).allow

        names = frozenset(self._records)
        anywhere = frozenset(name for name in names if allowed(name, ""))
        others_anywhere = allowed(UNKNOWN_DATASET, "")
        if others_anywhere and anywhere == names:
            return RowFilter(everything=True)
        here = frozenset(name for name in names - anywhere if commune and allowed(name, commune))
        others = None
        if others_anywhere or (commune and allowed(UNKNOWN_DATASET, commune)):
            where = frozenset() if others_anywhere else principal.communes
            others = RowRule(datasets=names, communes=where)
        if not here:
            return RowFilter(datasets=anywhere, others=others)
        return RowFilter(
            datasets=here,
            communes=principal.communes,
            also=(RowRule(datasets=anywhere),) if anywhere else (),
            others=others,
        )

    def _decide(
        self, principal: Principal, action: str, *, resource: Resource, context: Mapping[str, Any]
    ) -> Decision:
        if resource.attributes.get("collection"):
            return self._decide_collection(principal, action, resource=resource, context=context)
        if action not in ACTIONS:
            return self._refusal(())
        record = self._records.get(resource.dataset, _NOBODY_KNOWS)
        purpose = str(context.get("purpose") or "")
        terms = terms_of(record, principal, action=action, purpose=purpose)
        try:
            request = _request(principal, action, resource=resource, context=context)
            thing = _thing(resource, record, fine=terms.min_step < DAY_S)
            entities = self._who(principal).with_added_json_str(thing)
            articles_here = self.policies.slice(
                _TYPES.get(principal.kind, "Anonymous"), action, kind=resource.kind
            )
            answer = cedarpy.is_authorized(request, articles_here.handle, entities)
            reasons, errors = answer.diagnostics.reasons, answer.diagnostics.errors
        except (ValueError, TypeError) as error:
            log.error("the charter could not decide: %s", error)
            return self._refusal(())
        articles = tuple(sorted(articles_here.identifiers[each] for each in reasons))
        if errors:
            log.error("an article failed, so it is refused: %s", errors)
            return self._refusal(articles)
        if not answer.allowed:
            return self._refusal(articles, record)
        return Decision(allow=True, articles=articles, obligations=terms.obligations())

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
        self, principal: Principal, action: str, *, resource: Resource, context: Mapping[str, Any]
    ) -> Decision:
        commune = min(principal.communes, default="")
        own = {"owner": principal.id, "device": principal.id}
        for dataset in (*self._records, UNKNOWN_DATASET):
            each = Resource(kind=resource.kind, dataset=dataset, commune=commune, attributes=own)
            decision = self.decide(principal, action, resource=each, context=context)
            if decision.allow:
                return Decision(allow=True, articles=decision.articles)
        return self._refusal(())

    def _refusal(self, articles: tuple[str, ...], record: DatasetRecord | None = None) -> Decision:
        contact = (record.steward if record else "") or self.contact
        return Decision(allow=False, articles=articles or (DEFAULT_ARTICLE,), contact=contact)


def _request(
    principal: Principal, action: str, *, resource: Resource, context: Mapping[str, Any]
) -> dict[str, Any]:
    purpose = str(context.get("purpose") or "")
    return {
        "principal": f'{_TYPES.get(principal.kind, "Anonymous")}::"p"',
        "action": f'Action::"{action}"',
        "resource": 'Thing::"r"',
        "context": {
            "needed": [action, f"{action}:{resource.kind}"],
            "named": f"{action}@{resource.dataset}",
            "purpose": purpose,
            "purpose_of_service": f"{purpose}@{principal.service}",
            "step": int(context.get("step") or 0),
        },
    }


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


def _thing(resource: Resource, record: DatasetRecord, *, fine: bool) -> str:
    entity = {
        "uid": {"type": "Thing", "id": "r"},
        "attrs": {
            "kind": resource.kind,
            "dataset": resource.dataset,
            "classification": record.classification,
            "commune": resource.commune,
            "placed": resource.kind in PLACED,
            "owner": str(resource.attributes.get("owner") or ""),
            "device": str(resource.attributes.get("device") or ""),
            "service": record.owner,
            "recipients": sorted(record.recipients),
            "purposes": sorted(each.name for each in record.purposes),
            "audiences": sorted(
                f"{each.name}@{service}"
                for each in record.purposes
                for service in each.audiences or {record.owner}
                if service
            ),
            "fine": fine,
        },
        "parents": [],
    }
    return _ENCODER.encode([entity]).decode()
