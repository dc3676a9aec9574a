"""The same applications and plans as a declarative file for Kong OSS 3.9 (decK format 3.0).

Stable: sorted by name, the same bytes for the same content. Keys are placeholders that decK fills from
its environment; no secret is ever written.
"""

import io
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from clapas.api_gateway.plans import PLANS
from clapas.store.api_gateway import ApplicationRow

TAG = "clapas"
SERVICES = (
    ("api", "/api/v1"),
    ("ngsi-ld", "/ngsi-ld/v1"),
)
KONG_WINDOWS = ("second", "minute", "hour", "day", "month", "year")


def declaration(applications: Sequence[ApplicationRow], *, upstream: str) -> dict[str, Any]:
    """The file as data; ``upstream`` is where Kong finds the platform, such as http://clapas:8000."""
    return {
        "_format_version": "3.0",
        "_transform": True,
        "_info": {"select_tags": [TAG]},
        "services": [_service(name, path, upstream=upstream) for name, path in SERVICES],
        "consumers": [
            {"username": "anonyme", "tags": [TAG], "plugins": [_limits("ouvert")]},
            *(
                _consumer(each)
                for each in sorted(applications, key=lambda each: str(each.id))
                if each.state == "active"
            ),
        ],
        "plugins": [
            _plugin("correlation-id", {"header_name": "X-Request-ID", "echo_downstream": True}),
            _plugin("prometheus", {"per_consumer": True}),
        ],
    }


def document(applications: Sequence[ApplicationRow], *, upstream: str) -> str:
    """The file as YAML, keys in their order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    text = io.StringIO()
    writer.dump(_ordered(declaration(applications, upstream=upstream)), text)
    return text.getvalue()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _service(name: str, path: str, *, upstream: str) -> dict[str, Any]:
    methods = ["GET", "HEAD", "OPTIONS"]
    return {
        "name": f"clapas-{name}",
        "url": f"{upstream.rstrip('/')}{path}",
        "tags": [TAG],
        "routes": [
            {
                "name": f"clapas-{name}-read",
                "paths": [path],
                "methods": methods,
                "strip_path": True,
                "tags": [TAG],
            }
        ],
        "plugins": [
            _plugin(
                "key-auth",
                {
                    "key_names": ["X-API-Key", "apikey"],
                    "key_in_query": False,
                    "hide_credentials": False,
                    "anonymous": "anonyme",
                },
            )
        ],
    }


def _consumer(application: ApplicationRow) -> dict[str, Any]:
    short = str(application.id).replace("-", "")[-12:]
    plugins = [_limits(application.plan)]
    if application.networks:
        plugins.append(_plugin("ip-restriction", {"allow": sorted(application.networks)}))
    return {
        "username": f"app-{short}",
        "custom_id": f"app:{application.id}",
        "tags": [TAG],
        "acls": [{"group": f"plan-{application.plan}"}],
        "keyauth_credentials": [{"key": f'${{{{ env "DECK_KEY_APP_{short.upper()}" }}}}'}],
        "plugins": plugins,
    }


def _limits(plan: str) -> dict[str, Any]:
    limits = PLANS[plan].limits
    config: dict[str, Any] = {name: limits[name] for name in KONG_WINDOWS if name in limits}
    by = "ip" if plan == "ouvert" else "consumer"
    return _plugin("rate-limiting", {**config, "limit_by": by, "policy": "local"})


def _plugin(name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "config": config, "tags": [TAG]}
