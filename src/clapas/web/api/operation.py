"""For machines that watch: health and metrics."""

import asyncio
import time

import msgspec
from litestar import Response, get
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily

from clapas.domain.errors import EngineUnavailable
from clapas.web.guard import asks
from clapas.web.services import Call, Services, services_of

PROMETHEUS = "text/plain; version=0.0.4"


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """'ok' or 'degraded'; the engines' details are for those who sign in."""

    status: str


@get("/health", tags=["operation"], opt=asks("read", "entrance"), summary="Health")
async def health(request: Call) -> Response[Health]:
    """200 when every engine answers, 503 otherwise."""
    engines = await services_of(request).engines()
    well = all(each.ok for each in engines)
    status = "ok" if well else "degraded"
    return Response(Health(status=status), status_code=200 if well else 503)


@get(
    "/metrics",
    tags=["operation"],
    opt=asks("read", "metrics"),
    media_type=PROMETHEUS,
    summary="Metrics",
)
async def metrics(request: Call) -> Response[bytes]:
    """The Prometheus text format; needs the scope ``read:metrics``."""
    families = await _families(services_of(request))
    text = await asyncio.to_thread(generate_latest, REGISTRY)
    lines = "".join(_text(each) for each in families)
    return Response(text + lines.encode(), media_type=PROMETHEUS)


async def _families(services: Services) -> list[GaugeMetricFamily]:
    engines = GaugeMetricFamily("clapas_engine_up", "1 when the engine answers", labels=["engine"])
    for each in await services.engines():
        engines.add_metric([each.name], float(each.ok))
    live = GaugeMetricFamily("clapas_live_listeners", "Open live streams", services.live.count)
    uptime = time.time() - services.started.timestamp()
    started = GaugeMetricFamily("clapas_uptime_seconds", "Seconds since the start", uptime)
    refused = GaugeMetricFamily(
        "clapas_publish_refused",
        "MQTT publishes that rights forbade since the start (outside the ledger)",
        await services.refused(),
    )
    families = [engines, live, started, refused]
    try:
        waiting = GaugeMetricFamily(
            "clapas_log_waiting", "Messages not acknowledged yet", labels=["log"]
        )
        last = GaugeMetricFamily("clapas_log_sequence", "Last sequence of the log", labels=["log"])
        for state in await services.bus.log_states():
            waiting.add_metric([state.name], state.waiting)
            last.add_metric([state.name], state.last)
        families += [waiting, last]
    except EngineUnavailable:
        pass
    return families


def _text(family: GaugeMetricFamily) -> str:
    lines = [f"# HELP {family.name} {family.documentation}", f"# TYPE {family.name} gauge"]
    for sample in family.samples:
        labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
        lines.append(
            f"{sample.name}{{{labels}}} {sample.value}"
            if labels
            else f"{sample.name} {sample.value}"
        )
    return "\n".join(lines) + "\n"


HANDLERS = (health, metrics)
