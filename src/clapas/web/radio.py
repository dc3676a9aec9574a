"""How the API asks the embedded LoRaWAN network server, and what each caller may hear of its answers."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from clapas.domain.errors import Conflict, EngineUnavailable, InvalidInput, NotFound, OwnerError
from clapas.lorawan.errors import QueueRefused, UnknownDevice
from clapas.store.fleet import DeviceQuery
from clapas.web.services import Call, Services, rows_of, services_of

LONGEST_HOURS = 24 * 14
_ERRORS: dict[str, type[OwnerError]] = {
    each.code: each for each in (UnknownDevice, QueueRefused, Conflict, NotFound, InvalidInput)
}


async def ask(services: Services, question: str, **request: Any) -> Any:
    """The network server's answer.

    Raises EngineUnavailable when none runs here, or what it says: UnknownDevice, QueueRefused, Conflict…
    """
    body = msgspec.json.encode({"ask": question, **request})
    said = msgspec.json.decode(await services.radio(body))
    if isinstance(said, dict) and "error" in said:
        raise _ERRORS.get(said["error"], InvalidInput)(said.get("detail", ""), **said["values"])
    return said


async def ask_if_any(services: Services, question: str, *, otherwise: Any, **request: Any) -> Any:
    """The answer, or ``otherwise`` where no network server runs."""
    try:
        return await ask(services, question, **request)
    except EngineUnavailable:
        return otherwise


def since(hours: int) -> datetime:
    """So many hours ago. Raises InvalidInput beyond two weeks."""
    if not 1 <= hours <= LONGEST_HOURS:
        raise InvalidInput("a period of at most two weeks", field="hours", accepted=LONGEST_HOURS)
    return datetime.now(UTC) - timedelta(hours=hours)


async def hidden(request: Call, devices: Collection[str], *, action: str = "read") -> set[str]:
    """Of these device keys, those of the registry that the caller may not see (or ``action`` otherwise)."""
    services = services_of(request)
    keys = {each for each in devices if each}
    if not keys:
        return set()
    known = set(await services.store.registry.resolve(keys))
    if not known:
        return set()
    seen = await services.store.fleet.keys(
        rows_of(request, "device", action=action), DeviceQuery(keys=tuple(sorted(known)))
    )
    return known - set(seen)


def device_of(row: dict[str, Any]) -> str:
    """The device that a row is about, '' when none is known."""
    return str(row.get("device", ""))


async def permitted(request: Call, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of devices that the caller may see; what no device of the registry sent is shown."""
    found = list(rows)
    closed = await hidden(request, {device_of(row) for row in found})
    return [row for row in found if device_of(row) not in closed]
