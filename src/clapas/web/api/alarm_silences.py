"""Silences and maintenance windows: alarms that match are kept and shown, nobody is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from clapas.domain.errors import InvalidInput
from clapas.domain.window import instant, milliseconds
from clapas.store.notify import Notices
from clapas.store.rules_values import Silencing
from clapas.web.answers import Listed, listing
from clapas.web.api.alarms import alarms_of, now_ms
from clapas.web.guard import asks
from clapas.web.services import Call, services_of

Text = Annotated[str, msgspec.Meta(max_length=2000)]


class SilenceIn(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which alarms that match stay quiet."""

    kind: Literal["silence", "maintenance"] = "silence"
    rule: Text = ""
    entity: Text = ""
    commune: Text = ""
    start: datetime
    end: datetime
    reason: Text = ""


class SilenceOut(SilenceIn, frozen=True, kw_only=True):
    """A silence that is not over."""

    id: int
    who: str
    who_name: str


class Made(msgspec.Struct, frozen=True):
    """The number of what was made."""

    id: int


@get("/api/v1/alarms/silences", tags=["alarms"], opt=asks("read", "alarm"), summary="Silences")
async def silences(request: Call) -> Response[Listed[SilenceOut]]:
    """Silences and maintenance windows that are not over."""
    services = services_of(request)
    found = await alarms_of(services).silences(now=now_ms())
    names = await Notices(services.store.postgres).names({each.who for each in found})
    return listing(request, [_out(each, names) for each in found])


def _out(silence: Silencing, names: Mapping[str, str]) -> SilenceOut:
    times = {"start": instant(silence.start), "end": instant(silence.end)}
    values = {**msgspec.structs.asdict(silence), **times}
    return SilenceOut(**values, who_name=names.get(silence.who, silence.who))


@post(
    "/api/v1/alarms/silences",
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="A new silence or maintenance window",
)
async def silence(request: Call, data: JSONBody[SilenceIn]) -> Made:
    """Alarms that match are kept and shown, nobody is told until it ends."""
    if data.start.tzinfo is None or data.end.tzinfo is None or data.end <= data.start:
        raise InvalidInput("a silence ends after it starts", field="end")
    values = {**msgspec.structs.asdict(data), "who": request.user.id}
    values |= {"start": milliseconds(data.start), "end": milliseconds(data.end)}
    return Made(await alarms_of(services_of(request)).add_silence(Silencing(**values)))


@delete(
    "/api/v1/alarms/silences/{id:int}",
    tags=["alarms"],
    opt=asks("write", "alarm"),
    summary="End a silence",
)
async def end_silence(request: Call, id: FromPath[int]) -> None:  # noqa: A002
    """From now on people are told again."""
    await alarms_of(services_of(request)).end_silence(id, now=now_ms())


HANDLERS = (silences, silence, end_silence)
