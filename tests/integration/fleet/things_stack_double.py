"""A double of The Things Stack's registries: the REST paths of its documentation over lists in memory.

What it keeps of the real one: the key asked at each call, four registries, devices unknown to the Identity
Server refused by the others, pages with X-Total-Count, nothing read or written outside the field mask.
"""

import json
import re
from typing import Any

import httpx

TOKEN = "NNSXS.A.KEY"
PATH = re.compile(r"^/api/v3(/js|/ns|/as)?/applications/([^/]+)/devices(?:/([^/]+))?$")


class ThingsStackDouble:
    """Answers requests; ``registries`` holds what each server has, by device id."""

    def __init__(self, *, page: int = 1000) -> None:
        self.registries: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("", "/js", "/ns", "/as")
        }
        self.calls: list[str] = []
        self.refusing: str | None = None
        self._page = page

    def transport(self) -> httpx.MockTransport:
        """For a client."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        self.calls.append(f"{request.method} {request.url.path}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(403, json={"message": "no"})
        found = PATH.match(request.url.path)
        if found is None:
            return httpx.Response(404)
        registry, _, device = found.groups()
        held = self.registries[registry or ""]
        if request.method == "GET" and device is None:
            return self._list(request, held)
        if request.method == "GET":
            mask = request.url.params["field_mask"].split(",")
            return _one(held.get(device), mask)
        if request.method == "DELETE":
            held.pop(device, None)
            return httpx.Response(200, json={})
        return self._write(request, registry or "", held)

    def _list(self, request: httpx.Request, held: dict[str, dict[str, Any]]) -> httpx.Response:
        page = int(request.url.params["page"])
        size = min(int(request.url.params["limit"]), self._page)
        part = list(held.values())[(page - 1) * size : page * size]
        mask = request.url.params["field_mask"].split(",")
        shown = [{"ids": each["ids"], **_masked(each, mask)} for each in part]
        return httpx.Response(
            200, json={"end_devices": shown}, headers={"X-Total-Count": str(len(held))}
        )

    def _write(
        self, request: httpx.Request, registry: str, held: dict[str, dict[str, Any]]
    ) -> httpx.Response:
        body = json.loads(request.content)
        device, mask = body["end_device"], body["field_mask"]["paths"]
        name = device["ids"]["device_id"]
        if registry == self.refusing:
            return httpx.Response(400, json={"message": "validation failed"})
        if registry and name not in self.registries[""]:
            return httpx.Response(404, json={"message": "end device not found"})
        if not registry and name in held:
            return httpx.Response(409, json={"message": "already exists"})
        held[name] = {"ids": device["ids"], **_masked(device, mask)}
        return httpx.Response(200, json=held[name])


def _masked(device: dict[str, Any], mask: list[str]) -> dict[str, Any]:
    roots = {path.split(".")[0] for path in mask} - {"ids"}
    return {name: value for name, value in device.items() if name in roots}


def _one(device: dict[str, Any] | None, mask: list[str]) -> httpx.Response:
    if device is None:
        return httpx.Response(404, json={"message": "end device not found"})
    return httpx.Response(200, json={"ids": device["ids"], **_masked(device, mask)})
