"""One dead gateway is one problem; a battery's line says when it ends."""

from datetime import UTC, date, datetime, timedelta

from clapas.fleet.health import battery_end, silences
from clapas.store.fleet_health import GatewayState, SilentDevice

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def gateway(name: str, *, devices: int, quiet: int, hours: float) -> GatewayState:
    return GatewayState(
        id=name, devices=devices, quiet=quiet, heard=NOW - hours * HOUR, expected=HOUR, name=name
    )


def silent(key: str, gateway: str, hours: float | None) -> SilentDevice:
    received = None if hours is None else NOW - hours * HOUR
    born = NOW - timedelta(days=30)
    return SilentDevice(key=key, gateway=gateway, received=received, created=born, interval_s=3600)


def test_a_dead_gateway_is_one_problem_and_not_three_thousand() -> None:
    states = [
        gateway("roof", devices=3000, quiet=3000, hours=10),
        gateway("well", devices=500, quiet=20, hours=0.1),
    ]
    devices = [silent(f"d{n}", "roof", 10.5) for n in range(3000)] + [
        silent("alone", "well", 12),
        silent("long-gone", "roof", 200),
        silent("never", "", None),
    ]
    found = silences(states, devices, now=NOW)
    assert [(each.kind, each.subject, each.count) for each in found] == [
        ("gateway_silent", "roof", 3000),
        ("device_silent", "alone", 1),
        ("device_silent", "long-gone", 1),
        ("never_heard", "never", 1),
    ]


def test_two_silent_devices_do_not_accuse_their_gateway() -> None:
    states = [gateway("roof", devices=2, quiet=2, hours=10)]
    found = silences(states, [silent("a", "roof", 10), silent("b", "roof", 10)], now=NOW)
    assert [each.kind for each in found] == ["device_silent", "device_silent"]


def test_a_battery_that_loses_a_percent_a_day() -> None:
    today = date(2026, 6, 1)
    line = {"quantity": "battery_level", "slope": -0.01, "latest": 0.35}
    assert battery_end(line, today) == date(2026, 7, 1)
    assert battery_end({**line, "slope": 0.0}, today) is None
    assert battery_end({**line, "slope": -1e-5, "latest": 1.0}, today) is None
