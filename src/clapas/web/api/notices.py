"""Messages to people: the inbox, how I am told, chains, on-call calendars, how the channels are."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from clapas.domain.errors import Conflict, InvalidInput, NotFound
from clapas.domain.window import instant
from clapas.notify.check import contact as check_contact
from clapas.notify.check import named, with_accounts
from clapas.notify.plan import Calendar, Chain, Contact
from clapas.store.notify import Notice, Notices, Person
from clapas.store.rules import RulesStore
from clapas.web.answers import Listed, listing, page_size
from clapas.web.api.alarms import now_ms
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

Kind = Literal["chain", "calendar"]
SHAPES: dict[str, type[Chain] | type[Calendar]] = {"chain": Chain, "calendar": Calendar}


class NoticeOut(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the inbox."""

    id: int
    alarm: int | None
    kind: str
    subject: str
    body: str
    created: datetime
    read: bool


class InboxOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the inbox and how many messages were not read."""

    items: list[NoticeOut]
    next: str | None
    unread: int


class ContactOut(Contact, frozen=True, kw_only=True):
    """How I am told, and the channels that are open here besides the inbox."""

    ways: tuple[str, ...] = ()


class Ids(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages; none named: all."""

    ids: Annotated[list[int], msgspec.Meta(max_length=1000)] = []


class Read(msgspec.Struct, frozen=True):
    """How many were marked as read."""

    read: int


def outbox_of(request: Call) -> Notices:
    """The outbox's part of the store."""
    return Notices(services_of(request).store.postgres)


def notice_out(notice: Notice) -> NoticeOut:
    """A message as the inbox shows it."""
    return NoticeOut(
        id=notice.id,
        alarm=notice.alarm,
        kind=notice.kind,
        subject=notice.subject,
        body=notice.body,
        created=instant(notice.created),
        read=notice.read is not None,
    )


@get("/api/v1/me/inbox", tags=["alarms"], opt=asks("read", "account"), summary="My messages")
async def inbox(
    request: Call,
    *,
    unread: FromQuery[bool] = False,
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> InboxOut:
    """What I was told, newest first."""
    outbox = outbox_of(request)
    person = request.user.id
    page = await outbox.inbox(person, unread=unread, after=after, limit=page_size(limit))
    return InboxOut(
        items=[notice_out(each) for each in page.items],
        next=page.next,
        unread=await outbox.unread(person),
    )


@post(
    "/api/v1/me/inbox/read",
    status_code=200,
    tags=["alarms"],
    opt=asks("write", "account"),
    summary="I read them",
)
async def read(request: Call, data: JSONBody[Ids]) -> Read:
    """Mark messages as read."""
    return Read(await outbox_of(request).read(request.user.id, data.ids, now=now_ms()))


@get("/api/v1/me/contact", tags=["alarms"], opt=asks("read", "account"), summary="How I am told")
async def contact(request: Call) -> ContactOut:
    """My channels, my quiet hours, my quota, my digest; and by which ways I can be told."""
    found = (await outbox_of(request).contacts(request.user.id)).get(request.user.id, {})
    values = {**found, "person": request.user.id, "ways": services_of(request).ways}
    return msgspec.convert(values, ContactOut)


@put("/api/v1/me/contact", tags=["alarms"], opt=asks("write", "account"), summary="How I am told")
async def save_contact(request: Call, data: JSONBody[Contact]) -> Contact:
    """Change how I am told."""
    check_contact(data)
    kept = msgspec.structs.replace(data, person=request.user.id)
    body: dict[str, Any] = msgspec.to_builtins(kept)
    body.pop("person")
    language = body.pop("language")
    await outbox_of(request).save_contact(kept.person, language, body=body)
    return kept


@get("/api/v1/notify/people", tags=["alarms"], opt=asks("read", "rule"), summary="Who can be told")
async def people(request: Call) -> list[Person]:
    """Everybody who may sign in, with the channels that they gave; the page's inbox is everybody's."""
    return await outbox_of(request).people()


@get("/api/v1/notify/channels", tags=["alarms"], opt=asks("read", "rule"), summary="Channels")
async def channels(request: Call) -> list[dict[str, Any]]:
    """Each channel: how many messages wait, failed, were sent; its last error."""
    return await outbox_of(request).channels()


@get(
    "/api/v1/notify/{kind:str}",
    tags=["alarms"],
    opt=asks("read", "rule"),
    summary="Chains or calendars",
)
async def plans(request: Call, kind: FromPath[str]) -> Response[Listed[dict[str, Any]]]:
    """Escalation chains ('chain') or on-call calendars ('calendar')."""
    _shape(kind)
    found = await outbox_of(request).plans(kind)
    return listing(request, [{**body, "id": name} for name, body in found.items()])


@put(
    "/api/v1/notify/{kind:str}/{id:str}",
    tags=["alarms"],
    opt=asks("write", "rule"),
    summary="Keep a chain or calendar",
)
async def save_plan(
    request: Call,
    kind: FromPath[str],
    id: FromPath[str],  # noqa: A002
    data: JSONBody[dict[str, Any]],
) -> dict[str, Any]:
    """Create or change a chain or a calendar."""
    try:
        plan = msgspec.convert({**data, "id": id}, _shape(kind))
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), field=kind) from error
    outbox = outbox_of(request)
    who = await accounts(outbox, named(plan))
    known = frozenset(await outbox.plans("calendar"))
    checked = with_accounts(plan, who, calendars=known)
    body: dict[str, Any] = msgspec.to_builtins(checked)
    await outbox.save_plan(kind, id, body=body)
    return body


async def accounts(outbox: Notices, names: Collection[str]) -> dict[str, str]:
    """The accounts of ids or logins. Raises InvalidInput: nobody is called like that."""
    found = {}
    for each in names:
        try:
            found[each] = await outbox.person(each)
        except NotFound as error:
            raise InvalidInput("nobody has this account", field="to", person=each) from error
    return found


@delete(
    "/api/v1/notify/{kind:str}/{id:str}",
    tags=["alarms"],
    opt=asks("write", "rule"),
    summary="Remove a chain or calendar",
)
async def remove_plan(request: Call, kind: FromPath[str], id: FromPath[str]) -> None:  # noqa: A002
    """Forget it, unless a rule names it: it would tell nobody any more."""
    _shape(kind)
    store = services_of(request).store
    rules = await RulesStore(store.postgres, store.clickhouse).naming_chain(id)
    if kind == "chain" and rules:
        raise Conflict("rules name this chain: change them first", rules=", ".join(rules))
    await outbox_of(request).remove_plan(kind, id)


def _shape(kind: str) -> type[Chain] | type[Calendar]:
    if kind not in SHAPES:
        raise InvalidInput(field="kind", accepted=list(SHAPES))
    return SHAPES[kind]


HANDLERS = (inbox, read, contact, save_contact, people, channels, plans, save_plan, remove_plan)
