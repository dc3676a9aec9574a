"""A dataset's record: what is wrong with it, the conditions it sets, the figures that stay hidden."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from clapas.charter import Charter, validate
from clapas.charter.exits import Reading, clipped, coarser, without
from clapas.charter.figures import Cell, suppressed, total_tells
from clapas.charter.keeping import usable
from clapas.charter.terms import Terms, terms_of
from clapas.domain.access import ANONYMOUS, SYSTEM, Principal, Resource, RowFilter, RowRule
from clapas.domain.dataset import DAY_S, DatasetRecord, Dpia, Keep, Publication, Purpose
from clapas.domain.window import Window
from clapas.store.filters import sees
from clapas.store.values import SeriesHistory

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
METERS = DatasetRecord(
    id="eau-telereleve",
    title="Index des compteurs d'eau communicants",
    owner="eau",
    steward="intendant@eau.example",
    deputy="suppleant@eau.example",
    controller="régie des eaux",
    classification="personnel",
    subjects=("abonnés",),
    categories=("index", "alarme"),
    purposes=(
        Purpose(name="facturation", legal_basis="6.1.b", min_step=30 * DAY_S),
        Purpose(name="fuite", legal_basis="6.1.c", min_step=DAY_S),
        Purpose(name="reseau", legal_basis="6.1.e", min_step=3600, k=10),
    ),
    retention=(Keep(step=0, days=7), Keep(step=3600, days=90), Keep(step=DAY_S, days=1095)),
    publication=Publication(rule="aggregate", k=10, delay=60 * DAY_S),
    exception="privacy",
    review=date(2027, 6, 1),
    dpia=Dpia(status="done", reference="AIPD-2026-3", review=date(2027, 6, 1)),
    masked=frozenset({"alarm"}),
)
AGENT = Principal(
    kind="user", id="2", service="eau", purposes=frozenset({"fuite", "facturation"}), mfa=True
)


def codes(record: DatasetRecord) -> set[str]:
    return {each.code for each in validate(record, today=TODAY) if each.severity == "error"}


def test_a_complete_record_may_be_used() -> None:
    assert codes(METERS) == set()


def test_each_fault_of_a_record_is_named() -> None:
    change = msgspec.structs.replace
    faulty = {
        "open_and_personal": change(METERS, classification="ouvert", licence="LO-2.0"),
        "dpia_not_done": change(METERS, dpia=Dpia(status="required")),
        "missing": change(METERS, purposes=()),
        "purpose_without_basis": change(METERS, purposes=(Purpose(name="x", min_step=DAY_S),)),
        "k_too_small": change(METERS, publication=Publication(rule="aggregate", k=3)),
        "finer_kept_longer": change(
            METERS, retention=(Keep(step=0, days=90), Keep(step=60, days=9))
        ),
        "review_passed": change(METERS, review=date(2026, 1, 1)),
        "exception_missing": change(METERS, exception=""),
        "exception_without_review": change(METERS, review=None),
        "identity_on_the_platform": change(METERS, categories=("Nom",)),
        "licence_missing": DatasetRecord(id="a", title="a", classification="ouvert"),
        "hvd_unknown": change(METERS, hvd="meteorology"),
        "hvd_not_open": change(METERS, hvd="http://data.europa.eu/bna/c_dd313021"),
    }
    for code, record in faulty.items():
        assert code in codes(record), code


def test_an_open_record_past_its_review_is_restricted_until_somebody_looks() -> None:
    old = DatasetRecord(
        id="parcs", title="Parcs", owner="espaces verts", steward="x", controller="ville",
        classification="ouvert", licence="LO-2.0", review=date(2026, 1, 1),
    )  # fmt: skip
    assert usable([old], TODAY)[0].classification == "restreint"
    assert usable([old], date(2025, 12, 1))[0].classification == "ouvert"


def test_the_declared_purpose_sets_the_step_and_no_purpose_sets_the_strictest() -> None:
    assert terms_of(METERS, AGENT, action="read", purpose="fuite").min_step == DAY_S
    assert terms_of(METERS, AGENT, action="read", purpose="fuite").k == 0
    silent = terms_of(METERS, AGENT, action="read")
    assert (silent.min_step, silent.k) == (30 * DAY_S, 10)
    assert terms_of(METERS, SYSTEM, action="read") == Terms()
    assert terms_of(METERS, ANONYMOUS, action="read", purpose="fuite").delay == 60 * DAY_S
    assert terms_of(METERS, AGENT, action="read", purpose="fuite").masked == frozenset()
    assert terms_of(METERS, Principal(kind="user", id="3"), action="read").masked == {"alarm"}


def test_obligations_travel_with_the_decision() -> None:
    charter = Charter.standard()
    charter.adopt(records=[METERS])
    meter = Resource(kind="series", dataset=METERS.id)
    given_ = charter.decide(AGENT, "read", resource=meter, context={"purpose": "fuite"})
    assert given_.allow
    assert {each.kind: each.values for each in given_.obligations} == {
        "min_step": {"seconds": DAY_S}
    }
    assert not charter.decide(AGENT, "read", resource=meter, context={"purpose": "reseau"}).allow
    refusal = charter.decide(AGENT, "read", resource=meter)
    assert (refusal.allow, refusal.contact) == (False, "intendant@eau.example")
    unproven = msgspec.structs.replace(AGENT, mfa=False)
    assert not charter.decide(unproven, "read", resource=meter, context={"purpose": "fuite"}).allow


def test_a_new_record_is_obeyed_at_once() -> None:
    charter = Charter.standard()
    room = Resource(kind="entity", dataset="musee")
    curator = Principal(kind="user", id="4", service="culture")
    before = charter.version
    assert not charter.decide(curator, "read", resource=room).allow
    charter.adopt(records=[DatasetRecord(id="musee", title="Climat", owner="culture")])
    assert charter.decide(curator, "read", resource=room).articles == ("CH-40",)
    assert charter.version != before


@given(
    floor=st.sampled_from([60, 900, 3600, 50_000, DAY_S, 30 * DAY_S]),
    step=st.sampled_from(["auto", "raw", "hour", "day"]) | st.integers(1, 40 * DAY_S),
    days=st.integers(1, 4000),
)
def test_no_step_is_finer_than_the_floor(floor: int, step: object, days: int) -> None:
    window = Window(NOW - timedelta(days=days), NOW)
    asked = Reading(window=window, step=step)  # type: ignore[arg-type]
    given_ = coarser(asked, floor)
    assert isinstance(given_, int)
    assert given_ >= floor


def test_a_day_that_is_not_over_is_not_given() -> None:
    midnight = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
    times = [midnight - DAY_S * 1000, midnight]
    history = SeriesHistory(
        series=1, step=DAY_S, times=times, values=[1.0, 2.0], minimum=[1.0, 2.0],
        maximum=[1.0, 2.0], counts=[24, 12], qualities=[0, 0],
    )  # fmt: skip
    assert clipped(history, Terms(min_step=DAY_S), now=NOW).values == [1.0]
    assert clipped(history, Terms(), now=NOW).values == [1.0, 2.0]
    assert clipped(history, Terms(delay=3 * DAY_S), now=NOW).times == []


NAMES = st.frozensets(st.sampled_from(["", "a", "b", "c"]))
RULE = st.builds(RowRule, datasets=NAMES, communes=NAMES)


@given(
    rows=st.builds(
        RowFilter, everything=st.booleans(), datasets=NAMES, communes=NAMES,
        also=st.lists(RULE, max_size=2).map(tuple), others=st.none() | RULE,
    ),
    taken=NAMES,
    dataset=st.sampled_from(["", "a", "b", "c", "d"]),
    commune=st.sampled_from(["", "a", "d"]),
)  # fmt: skip
def test_a_filter_without_datasets_shows_exactly_the_others(
    rows: RowFilter, taken: frozenset[str], dataset: str, commune: str
) -> None:
    expected = sees(rows, dataset=dataset, commune=commune) and dataset not in taken
    assert sees(without(rows, taken), dataset=dataset, commune=commune) == expected


CELLS = st.dictionaries(
    st.sampled_from([f"34{n:03}" for n in range(12)]),
    st.builds(Cell, subjects=st.integers(0, 40), share=st.floats(0, 1)),
)


@given(cells=CELLS, k=st.integers(1, 15), before=st.frozensets(st.sampled_from(["34000", "34001"])))
def test_no_hidden_figure_is_found_by_difference(
    cells: dict[str, Cell], k: int, before: frozenset[str]
) -> None:
    hidden = suppressed(cells, k=k, dominance=0.85, before=before)
    for name, cell in cells.items():
        if name not in hidden:
            assert cell.subjects >= k
            assert cell.share <= 0.85
    assert before & set(cells) <= hidden
    if not total_tells(cells, hidden, k=k) and hidden:
        assert len(hidden) >= 2
        assert sum(cells[name].subjects for name in hidden) >= k
    later = suppressed(cells, k=k, dominance=0.85, before=hidden)
    assert hidden <= later
