"""Coming from ChirpStack with devices, keys, sessions and counters, and the way back: nobody joins again.

The file is JSON lines, one device a line, in the shapes of ChirpStack's own API (v4):
``{"device": …, "deviceKeys": …, "deviceProfile": …, "deviceActivation": …, "devNonces": […]}``. Only ``device.devEui`` is
needed. Of a 1.0.x device ChirpStack keeps the AppKey in ``nwkKey``; here it is ``app_key``. ``fCntUp`` and ``nFCntDown``
are, on both sides, the next ones.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import EUI
from clapas.lorawan.devices import DeviceClass, LorawanDevice, MacVersion
from clapas.lorawan.keys import SessionKeys
from clapas.lorawan.network import wall_ms
from clapas.lorawan.regions.plan import Region
from clapas.lorawan.session import GROUP, Channels, DeviceState, Session, new_session_id
from clapas.lorawan.state import State

_VERSIONS: Final[dict[str, MacVersion]] = {
    "LORAWAN_1_0_0": "1.0.0",
    "LORAWAN_1_0_1": "1.0.1",
    "LORAWAN_1_0_2": "1.0.2",
    "LORAWAN_1_0_3": "1.0.3",
    "LORAWAN_1_0_4": "1.0.4",
    "LORAWAN_1_1_0": "1.1.0",
}
_NAMES = {ours: theirs for theirs, ours in _VERSIONS.items()}
MAX_LINE: Final = 1 << 20


class BadLine(InvalidInput):
    """A line of the ChirpStack file cannot be read."""

    code = "lorawan_bad_line"


class Radio(msgspec.Struct, frozen=True, kw_only=True):
    """What ChirpStack's region file said, which its API does not tell: the receive windows and channels in use."""

    rx1_delay: int = 1
    rx1_dr_offset: int = 0
    rx2_dr: int = 0
    rx2_frequency: int = 0
    extra_channels: tuple[int, ...] = ()
    counter_margin: int = 0
    """Added to downlink counters when ChirpStack went on sending after the export."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """One device read: its register entry, its state, and what the fleet keeps of it."""

    device: LorawanDevice
    state: DeviceState
    tags: dict[str, str] = {}
    variables: dict[str, str] = {}


def read_lines(
    lines: Iterable[bytes | str], region: Region, *, radio: Radio
) -> Iterator[Imported | BadLine]:
    """Every line as a device, or why it is not one; the other lines go on."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if len(line) > MAX_LINE:
                raise BadLine("the line is too long")
            yield read_device(msgspec.json.decode(line, type=dict[str, Any]), region, radio=radio)
        except (
            BadLine,
            msgspec.MsgspecError,
            UnicodeDecodeError,
            ValueError,
            TypeError,
            AttributeError,
        ) as wrong:
            yield BadLine(f"line {number}: {wrong}", line=number)


def _key(values: dict[str, Any], name: str) -> bytes:
    text = values.get(name) or ""
    key = bytes.fromhex(text)
    if len(key) not in {0, 16}:
        raise BadLine(f"{name} has 16 bytes")
    return key


def _eui(values: dict[str, Any], name: str, *, default: str = "") -> str:
    text = str(values.get(name) or default).lower()
    if not EUI.match(text):
        raise BadLine(f"{name} is an EUI of 16 hexadecimal digits")
    return text


def read_device(line: dict[str, Any], region: Region, *, radio: Radio) -> Imported:
    """One device; raises :class:`BadLine` or ValueError."""
    told, keys = line.get("device") or {}, line.get("deviceKeys") or {}
    profile, activation = line.get("deviceProfile") or {}, line.get("deviceActivation") or {}
    version = _VERSIONS.get(profile.get("macVersion", "LORAWAN_1_0_3"))
    if version is None:
        raise BadLine(f"unknown macVersion {profile.get('macVersion')}")
    newer = version == "1.1.0"
    device = LorawanDevice(
        dev_eui=_eui(told, "devEui"),
        join_eui=_eui(told, "joinEui", default="0" * 16),
        app_key=_key(keys, "appKey" if newer else "nwkKey"),
        nwk_key=_key(keys, "nwkKey") if newer else b"",
        gen_app_key=_key(keys, "genAppKey"),
        version=version,
        device_class=_class(profile),
        name=str(told.get("name", ""))[:200],
        model=str(profile.get("name", ""))[:200],
        counter_reset=bool(told.get("skipFcntCheck", False)),
        enabled=not told.get("isDisabled", False),
    )
    state = DeviceState(
        dev_eui=device.dev_eui, dev_nonces=tuple(int(each) for each in line.get("devNonces") or ())
    )
    state.join_nonce = int(line.get("joinNonce") or 0)
    if activation.get("devAddr"):
        state.session = _session(device, profile, activation=activation, region=region, radio=radio)
    return Imported(
        device=device,
        state=state,
        tags={str(name): str(value) for name, value in (told.get("tags") or {}).items()},
        variables={str(name): str(value) for name, value in (told.get("variables") or {}).items()},
    )


def _class(profile: dict[str, Any]) -> DeviceClass:
    return "C" if profile.get("supportsClassC") else "B" if profile.get("supportsClassB") else "A"


def _session(
    device: LorawanDevice,
    profile: dict[str, Any],
    *,
    activation: dict[str, Any],
    region: Region,
    radio: Radio,
) -> Session:
    network = _key(activation, "nwkSEncKey")
    keys = SessionKeys(
        _key(activation, "fNwkSIntKey") or network,
        _key(activation, "sNwkSIntKey") or network,
        network,
        _key(activation, "appSKey"),
    )
    if not network:
        raise BadLine("a session has its nwkSEncKey")
    down = int(activation.get("nFCntDown") or 0) + radio.counter_margin
    application = int(activation.get("aFCntDown") or 0) + radio.counter_margin
    joins = bool(profile.get("supportsOtaa", True))
    first = len(region.channels)
    extra = dict(enumerate(radio.extra_channels, first))
    return Session(
        id=new_session_id(),
        dev_eui=device.dev_eui,
        dev_addr=int(activation["devAddr"], 16),
        keys=keys,
        version=device.version,
        f_cnt_up=int(activation.get("fCntUp") or 0),
        seen=(1 << 64) - 1,
        f_cnt_down=down,
        reserved=down,
        a_f_cnt_down=application,
        a_reserved=application,
        rx_delay=radio.rx1_delay if joins else int(profile.get("abpRx1Delay") or 1),
        rx1_dr_offset=radio.rx1_dr_offset if joins else int(profile.get("abpRx1DrOffset") or 0),
        rx2_dr=radio.rx2_dr if joins else int(profile.get("abpRx2Dr") or region.rx2_dr),
        rx2_frequency=radio.rx2_frequency or region.rx2_frequency,
        channels=Channels(
            extra=extra, enabled=() if region.fixed_plan else tuple(range(first + len(extra)))
        ),
        device_class=device.device_class if device.device_class != "B" else "A",
        activated=wall_ms(),
        status_asked=wall_ms(),
        joined=joins,
    )


async def adopt(state: State, imported: Imported) -> None:
    """Take a device over: durable when this returns. A counter never goes back: the higher one stays."""
    await state.save(merge(state.find(imported.state.dev_eui), imported.state))


def merge(before: DeviceState | None, fresh: DeviceState) -> DeviceState:
    """What is kept of a device known already and of what another server says of it."""
    if before is not None:
        fresh.join_nonce = max(fresh.join_nonce, before.join_nonce)
        fresh.dev_nonces = tuple(dict.fromkeys((*before.dev_nonces, *fresh.dev_nonces)))
        never_back(before.session, fresh.session)
        fresh.queue = before.queue
        fresh.session = fresh.session or before.session
    return fresh


def never_back(old: Session | None, new: Session | None) -> None:
    """A session that comes again under the same keys keeps its name and its higher counters."""
    if old is None or new is None or old.keys != new.keys or old.dev_addr != new.dev_addr:
        return
    new.id = old.id
    new.f_cnt_down = new.reserved = max(old.f_cnt_down, old.reserved, new.f_cnt_down)
    new.a_f_cnt_down = new.a_reserved = max(old.a_f_cnt_down, old.a_reserved, new.a_f_cnt_down)
    if old.f_cnt_up >= new.f_cnt_up:
        new.f_cnt_up, new.seen = old.f_cnt_up, old.seen


def write_device(state: DeviceState, device: LorawanDevice | None) -> dict[str, Any]:
    """The way back: a device's line, with counters that ChirpStack may use without repeating one of ours."""
    line: dict[str, Any] = {"device": {"devEui": state.dev_eui}}
    if device is not None:
        line["device"] |= {
            "joinEui": device.join_eui,
            "name": device.name,
            "isDisabled": not device.enabled,
        }
        line["deviceProfile"] = {
            "macVersion": _NAMES[device.version],
            "name": device.model,
            "supportsOtaa": state.session is None or state.session.joined,
            "supportsClassB": device.device_class == "B",
            "supportsClassC": device.device_class == "C",
        }
        root = {"nwkKey": device.root_key.hex(), "genAppKey": device.gen_app_key.hex()}
        line["deviceKeys"] = {"devEui": state.dev_eui} | root
        if device.version == "1.1.0":
            line["deviceKeys"]["appKey"] = device.app_key.hex()
    if state.session is not None:
        session = state.session
        line["deviceActivation"] = {
            "devEui": state.dev_eui,
            "devAddr": f"{session.dev_addr:08x}",
            "appSKey": session.keys.app_s.hex(),
            "nwkSEncKey": session.keys.nwk_s_enc.hex(),
            "sNwkSIntKey": session.keys.s_nwk_s_int.hex(),
            "fNwkSIntKey": session.keys.f_nwk_s_int.hex(),
            "fCntUp": session.f_cnt_up,
            "nFCntDown": max(session.f_cnt_down, session.reserved),
            "aFCntDown": max(session.a_f_cnt_down, session.a_reserved),
        }
    line["devNonces"] = list(state.dev_nonces)
    line["joinNonce"] = state.join_nonce
    return line


def exported(state: State, devices: Iterable[LorawanDevice]) -> Iterator[bytes]:
    """Every device as a line of the file."""
    known = {device.dev_eui: device for device in devices}
    for each in state.devices():
        if not each.dev_eui.startswith(GROUP):
            yield msgspec.json.encode(write_device(each, known.get(each.dev_eui))) + b"\n"
