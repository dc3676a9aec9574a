"""The charter: its articles, the datasets' records, why something is refused, what would change."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from clapas.charter import Charter, CharterKeeper, Finding
from clapas.charter.errors import RecordInvalid
from clapas.charter.figures import Table, released
from clapas.charter.following import faults, follow
from clapas.charter.keeping import read_article, with_articles
from clapas.charter.register import Activity, register
from clapas.charter.simulate import Change, differences
from clapas.domain.access import ANONYMOUS, Resource
from clapas.domain.dataset import DatasetRecord
from clapas.domain.errors import EngineUnavailable, Forbidden, InvalidInput, NotFound
from clapas.domain.quantities import QUANTITIES
from clapas.identity import principal_of
from clapas.store.charter import ArticleRow
from clapas.store.dataset_groups import Followed
from clapas.web.answers import Listed, listing
from clapas.web.guard import asks
from clapas.web.services import Call, exit_of, services_of

MOST = 1000
"""Accounts, and keys, whose rights are compared."""
Asked = Literal["read", "export", "subscribe", "write", "publish", "administer"]


class ArticleOut(msgspec.Struct, frozen=True, kw_only=True):
    """An article, its text, and the deliberation that voted it ('' = the template's)."""

    id: str
    titre: str
    title: str
    ground: str
    effect: str
    text: str = ""
    deliberation: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


class CharterOut(msgspec.Struct, frozen=True, kw_only=True):
    """The charter in force. ``template`` says that no article was voted yet."""

    version: str
    template: bool
    contact: str
    articles: list[ArticleOut]


class RecordOut(msgspec.Struct, frozen=True, kw_only=True):
    """A record with what is wrong with it, and what its group holds in it now."""

    record: DatasetRecord
    findings: list[Finding]
    members: Followed


class ArticleIn(msgspec.Struct, frozen=True, kw_only=True):
    """An article's text (Cedar), from when it holds and who voted it."""

    text: str
    valid_from: date
    deliberation: str
    valid_to: date | None = None
    voted: date | None = None


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is given, or not: the articles, the conditions, whom to ask."""

    allow: bool
    articles: list[ArticleOut]
    obligations: list[dict[str, Any]]
    contact: str
    classification: str
    purposes: list[str]


def keeper_of(request: Call) -> CharterKeeper:
    """The keeper of the charter."""
    keeper = services_of(request).keeper
    if keeper is None:
        raise EngineUnavailable(engine="charter")
    return keeper


def _article(charter: Charter, name: str, *, row: ArticleRow | None = None) -> ArticleOut:
    each = charter.policies.articles[name]
    return ArticleOut(
        id=each.id,
        titre=each.titre,
        title=each.title,
        ground=each.fondement,
        effect=each.effect,
        text=row.text if row else charter.policies.written(name),
        deliberation=row.deliberation if row else "",
        valid_from=row.valid_from if row else None,
        valid_to=row.valid_to if row else None,
    )


@get("/api/v1/charter", tags=["charter"], opt=asks("read", "charter"), summary="The charter")
async def charter(request: Call) -> CharterOut:
    """The articles in force."""
    services = services_of(request)
    own = {each.id: each for each in await services.store.charter.articles(_today())}
    names = sorted(services.charter.policies.articles)
    return CharterOut(
        version=services.charter.version,
        template=not own,
        contact=services.charter.contact,
        articles=[_article(services.charter, name, row=own.get(name)) for name in names],
    )


@post("/api/v1/charter", tags=["charter"], opt=asks("administer", "charter"), summary="Vote")
async def vote(request: Call, data: JSONBody[ArticleIn]) -> ArticleOut:
    """A new version of an article, with the deliberation that voted it."""
    name = read_article(data.text)
    row = ArticleRow(id=name, author=request.user.id, **msgspec.structs.asdict(data))
    await keeper_of(request).vote(row)
    running = services_of(request).charter
    if name not in running.policies.articles:
        return ArticleOut(id=name, titre="", title="", ground="", effect="", text=data.text)
    return _article(running, name, row=row)


@post(
    "/api/v1/charter/simulate",
    status_code=200,
    tags=["charter"],
    opt=asks("administer", "charter"),
    summary="What an article would change",
)
async def simulate(request: Call, data: JSONBody[ArticleIn]) -> list[Change]:
    """Rights that strangers, accounts and keys would gain and lose; nothing is kept."""
    services = services_of(request)
    name = read_article(data.text)
    row = ArticleRow(id=name, **msgspec.structs.asdict(data))
    articles = [each for each in await services.store.charter.articles(_today()) if each.id != name]
    after = Charter(with_articles([*articles, row]), classifications={})
    after.adopt(records=services.charter.records)
    identity = services.identity
    people = [principal_of(each, mfa=True) for each in await identity.accounts.list(limit=MOST)]
    everybody = [ANONYMOUS, *people, *await identity.keys.living(limit=MOST)]
    return list(await asyncio.to_thread(differences, services.charter, after, people=everybody))


@get("/api/v1/charter/why", tags=["charter"], opt=asks("read", "entrance"), summary="Why not")
async def why(
    request: Call,
    kind: Annotated[str, QueryParameter(max_length=40)] = "entity",
    action: FromQuery[Asked] = "read",
    dataset: Annotated[str, QueryParameter(max_length=63)] = "",
    commune: Annotated[str, QueryParameter(max_length=10)] = "",
    purpose: Annotated[str, QueryParameter(max_length=60)] = "",
) -> Why:
    """What the charter answers the caller about a dataset, and by which articles."""
    running = services_of(request).charter
    thing = Resource(kind=kind, dataset=dataset, commune=commune)
    said = running.decide(request.user, action, resource=thing, context={"purpose": purpose})
    record = running.record(dataset)
    return Why(
        allow=said.allow,
        articles=[_article(running, each) for each in said.articles],
        obligations=[{"kind": each.kind, **each.values} for each in said.obligations],
        contact=said.contact,
        classification=record.classification if record else "restreint",
        purposes=sorted(each.name for each in record.purposes) if record else [],
    )


@get("/api/v1/datasets", tags=["charter"], opt=asks("read", "dataset"), summary="Datasets")
async def datasets(request: Call) -> Response[Listed[DatasetRecord]]:
    """The records of the datasets."""
    records = [each for each in services_of(request).charter.records if each.id]
    return listing(request, sorted(records, key=lambda each: each.id))


@get(
    "/api/v1/datasets/register",
    tags=["charter"],
    opt=asks("read", "dataset"),
    summary="Register of processing (GDPR art. 30)",
)
async def activities(request: Call) -> Response[Listed[Activity]]:
    """One line per purpose of each dataset that concerns persons."""
    return listing(request, register(services_of(request).charter.records))


@get("/api/v1/datasets/{id:str}", tags=["charter"], opt=asks("read", "dataset"), summary="Dataset")
async def dataset_(request: Call, id: FromPath[str]) -> RecordOut:  # noqa: A002
    """A record, with its faults."""
    record = services_of(request).charter.record(id)
    if record is None or not id:
        raise NotFound(dataset=id)
    return await _record_out(request, record)


@post(
    "/api/v1/datasets/check",
    status_code=200,
    tags=["charter"],
    opt=asks("write", "dataset"),
    summary="Check a record",
)
async def check(request: Call, data: JSONBody[DatasetRecord]) -> list[Finding]:
    """What is wrong with a record; nothing is kept."""
    group = await faults(services_of(request).store, data)
    return [*keeper_of(request).check(data), *group]


@put("/api/v1/datasets/{id:str}", tags=["charter"], opt=asks("write", "dataset"), summary="Keep")
async def keep(
    request: Call,
    id: FromPath[str],  # noqa: A002
    data: JSONBody[DatasetRecord],
) -> RecordOut:
    """A record's next version (``version`` is the present one + 1)."""
    if data.id != id:
        raise InvalidInput("the record has another id", field="id")
    store = services_of(request).store
    if wrong := await faults(store, data):
        raise RecordInvalid(findings=[f"{each.field}: {each.code}" for each in wrong])
    kept = await keeper_of(request).put(data, author=request.user.id)
    await follow(store)
    return await _record_out(request, kept)


async def _record_out(request: Call, record: DatasetRecord) -> RecordOut:
    store = services_of(request).store
    return RecordOut(
        record=record,
        findings=[*keeper_of(request).check(record), *await faults(store, record)],
        members=await store.dataset_groups.members(record.id) if record.group else Followed(),
    )


@get(
    "/api/v1/datasets/{id:str}/figures",
    tags=["charter"],
    opt=asks("read", "series"),
    summary="Figures over several subjects",
)
async def figures(
    request: Call,
    id: FromPath[str],  # noqa: A002
    quantity: FromQuery[str],
    start: Annotated[date, QueryParameter(name="from")],
    end: Annotated[date, QueryParameter(name="to")],
    measure: FromQuery[Literal["mean", "range"]] = "mean",
) -> Table:
    """Per commune (or per type, where the record says so) and civil day, small or dominated figures hidden (and staying hidden).

    Persons who object (GDPR art. 21), or did not consent where the purpose asks for it, are not counted.
    """
    if quantity not in QUANTITIES:
        raise InvalidInput("unknown quantity", field="quantity")
    if not 0 < (end - start).days <= 366:
        raise InvalidInput("from a day to a year", field="to")
    way, store = exit_of(request), services_of(request).store
    record = way.charter.record(id)
    if record is None:
        raise NotFound(dataset=id)
    terms = way.terms(id)
    if terms.min_step > 86_400:
        raise Forbidden("daily figures of this dataset are not given for this purpose", dataset=id)
    against = await store.governance.objecting_series(id, way.purpose) if terms.personal else []
    if terms.consent:
        against += await store.governance.without_consent([id], purpose=way.purpose)
    found = await store.charter.figures(
        way.rows("series"),
        dataset=id,
        quantity=quantity,
        days=(start, min(end, way.last_day(id))),
        ranged=measure == "range",
        without=against,
        cells=await store.charter.types(id, quantity) if record.publication.by == "type" else None,
    )
    cut = "" if record.publication.by == "commune" else f"{record.publication.by}/"
    product = f"{cut}{id}/{quantity}/{measure}/{'+'.join(sorted(request.user.communes)) or '*'}"
    return await released(
        store.charter,
        found,
        product=product,
        k=max(terms.k, record.publication.k, 1),
        dominance=terms.dominance if terms.k or record.publication.k else 1.0,
    )


def _today() -> date:
    return datetime.now(UTC).date()


HANDLERS = (
    charter,
    vote,
    simulate,
    why,
    datasets,
    activities,
    dataset_,
    check,
    keep,
    figures,
)
