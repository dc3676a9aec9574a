"""The home page: the ledger, what is wrong, how fresh the data are; sources and their health."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get

from clapas.domain.window import instant
from clapas.pipeline.ledger import Ledger, read_ledger
from clapas.sources import discover
from clapas.store.rules_alarms import Alarms
from clapas.web.answers import Listed, listing
from clapas.web.guard import asks
from clapas.web.services import Call, EngineState, Services, SourceSetup, rows_of, services_of

LATE = timedelta(hours=2)


class SourceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A connector and how it is: ok, waiting (never heard), late, error or off."""

    name: str
    kind: str
    title: str
    enabled: bool
    state: str
    last_message: datetime | None
    messages_24h: int
    rejects_24h: int
    detail: str
    settings: dict[str, Any]


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong: the page words ``title_code`` with ``values`` and links to ``link``."""

    kind: str
    severity: str
    title_code: str
    values: dict[str, Any]
    link: str
    since: datetime | None = None
    """Since when, where it is known: an engine's stop, a source's last message, the last backup."""


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the home page shows."""

    ledger: Ledger
    engines: list[EngineState]
    sources: list[SourceOut]
    freshness: dict[str, int]
    alarms: list[dict[str, Any]]
    wrong: list[Wrong]
    rates: dict[str, list[int]]


def _state(setup: SourceSetup, last: datetime | None, *, now: datetime) -> str:
    if not setup.enabled:
        return "off"
    if setup.error:
        return "error"
    if last is None:
        return "waiting"
    return "late" if now - last > LATE else "ok"


async def sources_of(services: Services) -> list[SourceOut]:
    """Every connector with its last message."""
    setups = {each.name: each for each in await services.sources()}
    heard = await services.store.ledger.last_by_source()
    now = datetime.now(UTC)
    found = []
    for name in sorted({*discover(), *heard}):
        setup = setups.get(name) or SourceSetup(name=name)
        last_ms, messages, rejects = heard.get(name, (0, 0, 0))
        last = instant(last_ms) if last_ms else None
        connector = discover().get(name)
        kind = "mqtt" if connector and connector.topics else "http"
        found.append(
            SourceOut(
                name=name,
                kind="pull" if connector and connector.pull else kind,
                title=name.replace("_", " "),
                enabled=setup.enabled,
                state=_state(setup, last, now=now),
                last_message=last,
                messages_24h=messages,
                rejects_24h=rejects,
                detail=setup.error,
                settings=setup.settings,
            )
        )
    return found


def what_is_wrong(
    *, ledger: Ledger, engines: Sequence[EngineState], sources: Sequence[SourceOut], silent: int
) -> list[Wrong]:
    """What a person should look at, the worst first."""
    found = [
        _wrong(
            "engine",
            "critical",
            values={"engine": each.name, "detail": each.detail},
            link="/technique/moteurs",
            since=each.since,
        )
        for each in engines
        if not each.ok
    ]
    if not ledger.balanced:
        values = {"lost": ledger.lost}
        found.append(_wrong("ledger", "critical", values=values, link="/technique/registre"))
    found += [
        _wrong(
            "source",
            "major",
            values={"source": each.name, "detail": each.detail},
            link="/sources",
            since=each.last_message,
        )
        for each in sources
        if each.state in {"error", "late"}
    ]
    rejected = sum(each.rejects_24h for each in sources)
    if rejected:
        found.append(_wrong("rejects", "minor", values={"count": rejected}, link="/rejets"))
    if silent:
        found.append(
            _wrong("silent", "minor", values={"count": silent}, link="/appareils?state=silent")
        )
    return found


def _wrong(
    kind: str,
    severity: str,
    *,
    values: dict[str, Any],
    link: str,
    since: datetime | None = None,
) -> Wrong:
    return Wrong(
        kind=kind,
        severity=severity,
        title_code=f"wrong.{kind}",
        values=values,
        link=link,
        since=since,
    )


@get("/api/v1/home", tags=["home"], opt=asks("read", "home"), summary="The home page")
async def home(request: Call) -> Home:
    """The ledger, engines, sources, freshness and what is wrong."""
    services = services_of(request)
    ledger = await read_ledger(services.store, services.bus)
    engines = list(await services.engines())
    sources = await sources_of(services)
    rows = rows_of(request, "device")
    freshness = await services.store.registry.freshness(rows, now=datetime.now(UTC))
    wrong = what_is_wrong(
        ledger=ledger, engines=engines, sources=sources, silent=freshness.get("silent", 0)
    )
    wrong += [
        _wrong(each.kind, each.severity, values=each.values, link=each.link, since=each.since)
        for each in await services.notices()
    ]
    alarms = await Alarms(services.store.postgres).totals(
        rows_of(request, "alarm"), person=request.user.id
    )
    return Home(
        alarms=alarms,
        ledger=ledger,
        engines=engines,
        sources=sources,
        freshness=freshness,
        wrong=wrong,
        rates={"messages_per_minute": await services.store.ledger.rates(minutes=60)},
    )


@get("/api/v1/ledger", tags=["home"], opt=asks("read", "ledger"), summary="The ledger")
async def ledger(request: Call) -> Ledger:
    """Received = stored + duplicate + rejected + in flight, counted from rows."""
    services = services_of(request)
    return await read_ledger(services.store, services.bus)


@get("/api/v1/sources", tags=["home"], opt=asks("read", "source"), summary="Sources")
async def sources(request: Call) -> Response[Listed[SourceOut]]:
    """Every connector and how it is."""
    return listing(request, await sources_of(services_of(request)))


HANDLERS = (home, ledger, sources)
