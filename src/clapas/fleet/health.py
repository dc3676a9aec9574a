"""How the fleet is, and what should be mended.

Silence is judged against each model's expected interval: five intervals without a frame. A gateway is
dead when at least three devices were last heard by it, four in five of them are quiet, and nothing came
through it for two of the shortest intervals; it then explains the silence of its devices: one problem.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from clapas.fleet.battery import Battery
from clapas.store import Store
from clapas.store.fleet_health import GatewayState, Repair, SilentDevice

LEAST = 3
SHARE = 0.8
EMPTY = {"battery_level": 0.05, "battery_voltage": 2.7}
"""A battery ends at 5 %, or at 2.7 V where only the voltage is told (a lithium cell under load)."""
MOVING = frozenset(
    {
        "temperature", "relative_humidity", "atmospheric_pressure", "co2", "pm25", "pm10", "no2", "o3",
        "sound_level", "wind_direction", "soil_temperature", "surface_temperature", "water_temperature",
    }
)  # fmt: skip
"""Quantities that always move a little: without any change during a day the sensor is stuck."""
SWEPT = (
    "gateway_silent", "device_silent", "never_heard", "proposed", "no_commune", "no_model",
    "battery", "loss", "clock", "frozen", "implausible",
)  # fmt: skip


def dead_gateways(states: Sequence[GatewayState], now: datetime) -> list[GatewayState]:
    """Gateways that fell silent with their devices."""
    return [
        each
        for each in states
        if each.devices >= LEAST
        and each.quiet >= SHARE * each.devices
        and now - each.heard > 2 * each.expected
    ]


def explained(device: SilentDevice, dead: dict[str, GatewayState]) -> bool:
    """Is the gateway's death the reason? Not for a device that was silent before it."""
    gateway = dead.get(device.gateway)
    if gateway is None or device.received is None:
        return False
    return device.received + timedelta(seconds=5 * device.interval_s) >= gateway.heard


def silences(
    states: Sequence[GatewayState], devices: Sequence[SilentDevice], *, now: datetime
) -> list[Repair]:
    """The problems of silence: dead gateways, then devices whose silence nothing explains."""
    dead = {each.id: each for each in dead_gateways(states, now)}
    behind = Counter(each.gateway for each in devices if explained(each, dead))
    found = [
        Repair(
            kind="gateway_silent",
            subject=each.id,
            since=each.heard,
            count=max(each.quiet, behind[each.id]),
            detail={"name": each.name, "devices": each.devices},
        )
        for each in dead.values()
    ]
    for device in devices:
        if explained(device, dead):
            continue
        kind = "device_silent" if device.received else "never_heard"
        detail = {"gateway": device.gateway, "interval_s": device.interval_s}
        since = device.received or device.created
        found.append(Repair(kind=kind, subject=device.key, since=since, detail=detail))
    return found


def battery_end(
    line: dict[str, Any], today: date, *, battery: Battery | None = None
) -> date | None:
    """When a battery's line reaches its end; None when it does not go down, or beyond 15 years.

    The model's curve, where it has one, says at which voltage or share the battery is to be changed.
    """
    slope = float(line["slope"])
    if slope >= -1e-6:
        return None
    end = EMPTY[line["quantity"]]
    if battery is not None:
        own = battery.empty if line["quantity"] == "battery_level" else battery.volts()
        end = end if own is None else own
    left = (float(line["latest"]) - end) / -slope
    return today + timedelta(days=max(0, int(left))) if left < 15 * 365 else None


async def sweep(store: Store) -> dict[str, int]:
    """Look at the whole fleet and renew the list of problems; gives how many of each kind."""
    now = datetime.now(UTC)
    health = store.health
    found = silences(await health.gateways(now), await health.silent(now), now=now)
    counts = zip(("proposed", "no_commune", "no_model"), await health.counts(), strict=True)
    found += [Repair(kind=kind, subject="", count=count) for kind, count in counts if count]
    for row in await health.unwell():
        found += unwell(row)
    await health.report(found, kinds=SWEPT, began=now)
    return dict(Counter(each.kind for each in found))


def unwell(row: dict[str, Any]) -> list[Repair]:
    """The problems of one device that a check found unwell."""
    said: dict[str, Any] = {}
    if row["battery_end"] and row["battery_end"] < datetime.now(UTC).date() + timedelta(days=60):
        said["battery"] = {"end": row["battery_end"], "level": row["battery_level"]}
    if (row["loss"] or 0) > 0.2:
        said["loss"] = {"share": round(row["loss"], 3)}
    if abs(row["drift_s"] or 0) > 300:
        said["clock"] = {"seconds": round(row["drift_s"])}
    if row["frozen"]:
        said["frozen"] = {"attribute": row["frozen"]}
    if (row["implausible"] or 0) > 0.1:
        said["implausible"] = {"share": round(row["implausible"], 3)}
    return [Repair(kind=kind, subject=row["key"], detail=detail) for kind, detail in said.items()]


async def examine(store: Store) -> int:
    """Examine every device's last day and battery; gives how many have something to tell."""
    began = datetime.now(UTC)
    health = store.health
    found: dict[str, dict[str, Any]] = {}

    def tell(device: str, name: str, *, value: Any) -> None:
        found.setdefault(device, {"key": device})[name] = value

    for device, share in (await health.losses()).items():
        tell(device, "loss", value=share)
    for device, seconds in (await health.drifts()).items():
        tell(device, "drift_s", value=seconds)
    stuck, lines = await health.stuck(), await health.batteries()
    known = await health.measured_by({row["series"] for row in (*stuck, *lines)})
    for row in stuck:
        device, attribute, quantity = known.get(row["series"], ("", "", ""))
        if device and row["frozen"] and quantity in MOVING and row["rows"] >= 12:
            tell(device, "frozen", value=attribute)
        if device and row["implausible"] > 0.1:
            tell(device, "implausible", value=row["implausible"])
    batteries = await _batteries(
        store, {known[e["series"]][0] for e in lines if e["series"] in known}
    )
    for line in lines:
        device = known.get(line["series"], ("", "", ""))[0]
        end = battery_end(line, began.date(), battery=batteries.get(device))
        if device and end:
            tell(device, "battery_end", value=end)
    await health.save(list(found.values()), checked=began)
    return len(found)


async def _batteries(store: Store, keys: set[str]) -> dict[str, Battery]:
    """The battery that the model of each device describes."""
    found: dict[str, Battery] = {}
    for key, known in (await store.registry.resolve(keys)).items():
        if known.model and known.model.settings.get("battery"):
            found[key] = msgspec.convert(known.model.settings["battery"], Battery)
    return found


async def fill_communes(store: Store) -> int:
    """Devices that have a place and no commune go to the one that holds them; gives how many."""
    filled, after = 0, ""
    while rows := await store.fleet.without_commune(after):
        codes = await store.territory.commune_at([(row[1], row[2]) for row in rows])
        communes = {row[0]: code for row, code in zip(rows, codes, strict=True) if code}
        await store.fleet.set_communes(communes)
        filled += len(communes)
        after = rows[-1][0]
    return filled
