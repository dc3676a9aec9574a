"""Applications and their subscriptions: asked for with a purpose, approved by the dataset's people."""

from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import UUID

from clapas.api_gateway.plans import PLANS
from clapas.charter import Charter
from clapas.domain.errors import Conflict, InvalidInput, NotFound
from clapas.identity import NewKey, ServiceKeys
from clapas.store.api_gateway import ApiGatewayStore, ApplicationRow, SubscriptionRow

MOVES = {
    "approved": ("pending", "suspended"),
    "rejected": ("pending",),
    "suspended": ("approved",),
    "revoked": ("pending", "approved", "suspended"),
}
"""The state wanted → those from which it is reached."""


class ApiGateway:
    """Make applications, ask for datasets, decide, hand out keys."""

    def __init__(self, store: ApiGatewayStore, keys: ServiceKeys, *, charter: Charter) -> None:
        self.store = store
        self._keys = keys
        self._charter = charter

    async def create(self, application: ApplicationRow) -> ApplicationRow:
        """A new application. Raises InvalidInput."""
        if not 0 < len(application.name.strip()) <= 100:
            raise InvalidInput("an application has a name", field="name")
        _check(application)
        return await self.get(await self.store.add_application(application))

    async def get(self, id: UUID) -> ApplicationRow:  # noqa: A002
        """One application. Raises NotFound."""
        found = await self.store.application(id)
        if found is None:
            raise NotFound(application=str(id))
        return found

    async def change(self, application: ApplicationRow) -> ApplicationRow:
        """Its plan, territory, networks, state; obeyed within seconds. Raises InvalidInput."""
        _check(application)
        await self.store.set_application(application)
        self._keys.forget()
        return await self.get(application.id)

    async def subscribe(
        self, application: ApplicationRow, dataset: str, *, purpose: str, expires: datetime | None
    ) -> SubscriptionRow:
        """Ask for a dataset. Open data under an open plan is granted at once.

        Raises InvalidInput (no purpose, no end, an unknown or personal dataset), Conflict.
        """
        record = self._charter.record(dataset)
        if record is None or not dataset:
            raise InvalidInput("this dataset has no record", field="dataset")
        if record.classification == "personnel":
            raise InvalidInput("personal data is not given to applications", field="dataset")
        if len(purpose.strip()) < 10:
            raise InvalidInput("say what for, in a sentence", field="purpose")
        plan = PLANS[application.plan]
        if plan.needs_end and expires is None:
            raise InvalidInput("a partner's subscription has an end", field="expires")
        if expires is not None and expires <= datetime.now(UTC):
            raise InvalidInput("the end is past", field="expires")
        made = await self.store.subscribe(
            application.id, dataset, purpose=purpose.strip()[:2000], expires=expires
        )
        if made is None:
            raise Conflict("a subscription to this dataset lives already", dataset=dataset)
        if record.classification == "ouvert":
            await self.decide(made, state="approved", by="charter", reason="open data")
        found = await self.store.subscriptions(application=application.id)
        return next(each for each in found if each.id == made)

    async def decide(
        self,
        id: UUID,  # noqa: A002
        *,
        state: str,
        by: str,
        reason: str = "",
        expires: datetime | None = None,
    ) -> None:
        """Approve, reject, suspend or revoke. Raises InvalidInput, Conflict."""
        sources = MOVES.get(state)
        if sources is None:
            raise InvalidInput("unknown state", field="state", accepted=sorted(MOVES))
        if not await self.store.decide(
            id, state=state, sources=sources, by=by, reason=reason[:1000], expires=expires
        ):
            raise Conflict("this subscription is not in a state that allows it", state=state)
        self._keys.forget()

    async def key(self, application: ApplicationRow, *, owner: UUID) -> NewKey:
        """A key of the application, its secret told once; the subscriptions say what it may read."""
        made = await self._keys.create(name=application.name, owner=owner, scopes=["read:entrance"])
        await self._keys.give(made.row.id, application.id)
        return made


def _check(application: ApplicationRow) -> None:
    if application.plan not in PLANS:
        raise InvalidInput("unknown plan", field="plan", accepted=sorted(PLANS))
    if not -1 <= application.decimals <= 15 or not 0 <= application.delay <= 366 * 86_400:
        raise InvalidInput("up to 15 decimals, up to a year of delay", field="decimals")
    if len(application.attributes) > 200:
        raise InvalidInput("200 attributes at most", field="attributes")
    for each in application.networks:
        try:
            ip_network(each)
        except ValueError as error:
            raise InvalidInput("not a network", field="networks", value=each[:60]) from error
