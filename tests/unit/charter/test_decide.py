"""The default charter: who is let in, who is refused, and by which article."""

from itertools import product
from typing import cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from clapas.charter import ACTIONS, Charter, CharterInvalid, Settings, collection
from clapas.charter.articles import Policies, Slice, packaged_schema, packaged_text, read_policies
from clapas.domain.access import ANONYMOUS, SYSTEM, Principal, Resource
from clapas.domain.dataset import DAY_S, DatasetRecord, Purpose
from clapas.store.filters import sees

OPERATOR = Principal(kind="user", id="1", roles=frozenset({"operator"}))
READER = Principal(kind="user", id="2", roles=frozenset({"reader"}))
LOCAL = Principal(kind="user", id="3", communes=frozenset({"34172"}))
DEVICE = Principal(kind="device", id="70b3d57ed0000001")
KEY = Principal(kind="service", id="k", scopes=frozenset({"read:entity", "publish"}))
CHARTER = Charter.standard(
    Settings(
        contact="dpo@territoire.example",
        classifications={"parcs": "ouvert", "eau": "personnel", "faute": "public"},
    )
)


def allowed(who: Principal, action: str, resource: Resource) -> bool:
    return CHARTER.decide(who, action, resource=resource).allow


def test_a_right_on_a_dataset_opens_no_register_that_belongs_to_none() -> None:
    """A subscription, a service or a purpose gives what is in the dataset, never the trail nor the rights of persons."""
    subscribed = Principal(
        kind="service", id="k", scopes=frozenset({"read@musee", "export@musee", "read:entrance"})
    )
    keeper = Principal(kind="user", id="4", service="culture")
    biller = Principal(
        kind="user", id="5", service="eau", mfa=True, purposes=frozenset({"facturation"})
    )
    for who, purpose in ((subscribed, ""), (keeper, ""), (biller, "facturation")):
        for action, kind in product(("read", "export"), ("audit", "privacy", "key", "metrics")):
            asked = {"purpose": purpose}
            assert not MIXED.decide(who, action, collection(kind), asked).allow, (who.id, kind)
    musee, asked = Resource(kind="series", dataset="musee"), {"purpose": "facturation"}
    assert MIXED.decide(subscribed, "read", musee).allow
    assert MIXED.decide(keeper, "read", musee).allow
    assert MIXED.decide(biller, "read", Resource(kind="series", dataset="eau"), asked).allow


def test_the_operator_and_the_platform_may_do_everything() -> None:
    for who, action, kind in product((OPERATOR, SYSTEM), ACTIONS, ("key", "entity", "metrics")):
        assert allowed(who, action, Resource(kind=kind))


def test_even_the_operator_never_exports_personal_data_finer_than_a_day() -> None:
    refusal = CHARTER.decide(OPERATOR, "export", resource=Resource(kind="series", dataset="eau"))
    assert (refusal.allow, refusal.articles) == (False, ("CH-42",))
    assert allowed(OPERATOR, "read", Resource(kind="series", dataset="eau"))
    assert allowed(SYSTEM, "export", Resource(kind="series", dataset="eau"))


def test_an_anonymous_reader_finds_the_entrance_and_what_is_published_only() -> None:
    assert allowed(ANONYMOUS, "read", Resource(kind="entrance"))
    assert allowed(ANONYMOUS, "write", Resource(kind="session"))
    assert allowed(ANONYMOUS, "read", Resource(kind="entity", dataset="parcs"))
    for action, kind in product(ACTIONS, ("entity", "device", "ledger", "key", "uplink", "topic")):
        assert not allowed(ANONYMOUS, action, Resource(kind=kind))
        assert not allowed(ANONYMOUS, action, Resource(kind=kind, dataset="eau"))


def test_a_reader_reads_what_is_internal_and_writes_nothing() -> None:
    for action in ("read", "export", "subscribe"):
        assert allowed(READER, action, Resource(kind="entity"))
    for action in ("write", "publish", "administer"):
        assert not allowed(READER, action, Resource(kind="entity"))
    for kind in ("key", "account", "metrics", "administration"):
        assert not allowed(READER, "read", Resource(kind=kind))


def test_an_agent_of_one_commune_does_not_see_the_others() -> None:
    assert allowed(LOCAL, "read", Resource(kind="entity", commune="34172"))
    assert not allowed(LOCAL, "read", Resource(kind="entity", commune="34057"))
    assert not allowed(LOCAL, "read", Resource(kind="entity"))
    assert allowed(LOCAL, "read", Resource(kind="ledger"))
    assert allowed(LOCAL, "read", collection("entity"))


def test_a_device_publishes_its_own_topic_and_no_other() -> None:
    own = Resource(kind="topic", attributes={"device": DEVICE.id})
    other = Resource(kind="topic", attributes={"device": "70b3d57ed0000002"})
    assert allowed(DEVICE, "publish", own)
    assert not allowed(DEVICE, "publish", other)
    assert not allowed(DEVICE, "publish", Resource(kind="topic"))
    assert not allowed(DEVICE, "read", own)


def test_a_service_key_does_what_its_scopes_name() -> None:
    assert allowed(KEY, "read", Resource(kind="entity"))
    assert allowed(KEY, "publish", Resource(kind="uplink"))
    assert not allowed(KEY, "read", Resource(kind="device"))
    assert not allowed(KEY, "read", Resource(kind="entity", dataset="eau"))
    assert not allowed(KEY, "administer", Resource(kind="entity"))


def test_everyone_owns_their_account_and_nobody_else_s() -> None:
    assert allowed(READER, "write", Resource(kind="account", attributes={"owner": "2"}))
    assert not allowed(READER, "write", Resource(kind="account", attributes={"owner": "1"}))
    unsaid = Principal(kind="user", id="")
    assert not allowed(unsaid, "write", Resource(kind="key", attributes={"owner": ""}))


def test_a_refusal_quotes_an_article_and_whom_to_ask() -> None:
    refusal = CHARTER.decide(READER, "administer", resource=Resource(kind="key"))
    assert refusal.articles == ("CH-00",)
    assert refusal.contact == "dpo@territoire.example"
    assert "refusé" in CHARTER.policies.articles["CH-00"].titre


def test_what_cannot_be_decided_is_refused() -> None:
    assert not allowed(OPERATOR, "destroy", Resource(kind="entity"))
    assert not allowed(READER, "read", Resource(kind="entity", dataset="unknown"))
    assert not allowed(READER, "read", Resource(kind="entity", dataset="faute"))
    unhashable = Resource(kind="account", attributes={"owner": ["1"]})
    assert not allowed(OPERATOR, "read", unhashable)


def test_a_forbidding_article_wins_and_is_quoted() -> None:
    text = (
        packaged_text()
        + """
        @id("CH-99") @titre("Jamais d'export") @fondement("RGPD 5")
        forbid(principal, action == Action::"export", resource);
        """
    )
    charter = Charter(read_policies(text, schema=packaged_schema()), classifications={})
    decision = charter.decide(OPERATOR, "export", resource=Resource(kind="entity"))
    assert (decision.allow, decision.articles) == (False, ("CH-99",))


@pytest.mark.parametrize(
    "text",
    [
        "permit(principal, action, resource) when {",
        '@id("X") @titre("x") permit(principal, action, resource) when { resource.klass == "a" };',
        "permit(principal, action, resource);",
        '@id("X") @titre("x") permit(principal, action, resource);' * 2,
    ],
)
def test_a_charter_with_a_fault_is_refused_at_load(text: str) -> None:
    with pytest.raises(CharterInvalid):
        read_policies(text, schema=packaged_schema())


MIXED = Charter.standard(
    Settings(classifications={"eau": "personnel", "interne": "interne", "parcs": "ouvert"})
)
MIXED.adopt(
    read_policies(
        packaged_text()
        + """@id("CH-98") @titre("Jamais, même l'exploitant") forbid(principal, action, resource)
             when { resource.dataset == "interne" };""",
        schema=packaged_schema(),
    ),
    records=[
        DatasetRecord(
            id="eau",
            title="Compteurs",
            owner="eau",
            classification="personnel",
            subjects=("abonnés",),
            purposes=(Purpose(name="facturation", legal_basis="6.1.b", min_step=DAY_S),),
        ),
        DatasetRecord(
            id="musee",
            title="Climat des salles",
            owner="culture",
            classification="restreint",
            recipients=frozenset({"eau"}),
        ),
    ],
)


@how(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    kind=st.sampled_from(["user", "service", "device", "anonymous"]),
    roles=st.frozensets(st.sampled_from(["operator", "reader"])),
    scopes=st.frozensets(st.sampled_from(["read", "read:entity", "export"])),
    communes=st.frozensets(st.sampled_from(["34172", "34057"])),
    action=st.sampled_from(["read", "export", "write"]),
    thing=st.sampled_from(["entity", "device", "ledger", "key"]),
    dataset=st.sampled_from(["", "eau", "interne", "parcs", "musee", "ailleurs"]),
    commune=st.sampled_from(["", "34172", "34057", "75056"]),
    service=st.sampled_from(["", "eau", "culture"]),
    purpose=st.sampled_from(["", "facturation", "autre"]),
    mfa=st.booleans(),
)
def test_the_row_filter_gives_the_rows_that_single_decisions_give(**drawn: object) -> None:
    charter = MIXED
    who = Principal(
        kind=drawn["kind"],  # type: ignore[arg-type]
        id="x",
        service=str(drawn["service"]),
        purposes=frozenset({"facturation"}),
        mfa=bool(drawn["mfa"]),
        roles=drawn["roles"],  # type: ignore[arg-type]
        scopes=drawn["scopes"],  # type: ignore[arg-type]
        communes=drawn["communes"],  # type: ignore[arg-type]
    )
    row = Resource(
        kind=str(drawn["thing"]), dataset=str(drawn["dataset"]), commune=str(drawn["commune"])
    )
    purpose = str(drawn["purpose"])
    rows = charter.row_filter(who, str(drawn["action"]), kind=row.kind, purpose=purpose)
    seen = sees(rows, dataset=row.dataset, commune=row.commune)
    assert (
        seen
        == charter.decide(
            who, str(drawn["action"]), resource=row, context={"purpose": purpose}
        ).allow
    )


class Whole:
    """Policies that are always asked together."""

    def __init__(self, policies: Policies) -> None:
        self.version = policies.version
        self._slice = Slice(handle=policies.handle, identifiers=policies.identifiers)

    def slice(self, *_: str, **__: str) -> Slice:
        """Every article."""
        return self._slice


@pytest.mark.parametrize("kind", ["entity", "vault", "account", "audit", "entrance", "never-named"])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_slice_answers_as_all_the_articles_do(kind: str, action: str) -> None:
    whole, sliced = Charter.standard(), Charter.standard()
    policies = sliced.policies
    whole.policies = cast("Policies", Whole(policies))
    assert len(policies.slice("User", action, kind=kind).identifiers) < len(policies.parsed)
    for roles in ({"reader"}, {"operator"}, {"dpo"}, {"guardian"}, {"steward"}):
        who = Principal(kind="user", id="1", roles=frozenset(roles), mfa=True, service="eau")
        thing = Resource(kind=kind, attributes={"owner": "1"})
        said, all_said = (
            sliced.decide(who, action, resource=thing),
            whole.decide(who, action, resource=thing),
        )
        assert (said.allow, said.articles) == (all_said.allow, all_said.articles)
