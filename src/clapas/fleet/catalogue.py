"""Models from public catalogues: a folder of TOML (chirpstack-device-profiles) or of YAML (device-repository).

TOML: ``vendors/<vendor>/{vendor.toml,devices/*.toml,profiles/*.toml,codecs/*.js}``. YAML:
``vendor/<vendor>/{<device>.yaml,<codec>.yaml,*.js}``. Examples beside a script run at import and their
result is shown; the licence that the person states is kept in the model's settings.
"""

import io
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from clapas.codecs import core_yaml
from clapas.codecs.errors import CodecError
from clapas.codecs.examples import find
from clapas.codecs.judge import judge_suite
from clapas.codecs.script.call import Mode
from clapas.codecs.script.workers import Workers
from clapas.domain.device import CodecRef, Model
from clapas.domain.errors import InvalidInput
from clapas.store import Store

MOST_FILES = 20_000
MOST_BYTES = 200_000_000
KEPT = frozenset({".toml", ".yaml", ".yml", ".js", ".json"})


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A device of a catalogue: our model's id, its script if any, how that script is called."""

    id: str
    label: str
    maker: str
    script: Path | None
    mode: Mode
    settings: dict[str, Any] = {}
    interval_s: int | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one model: examples that passed and failed, with the failures."""

    model: str
    label: str
    version: int = 0
    passed: int = 0
    failed: int = 0
    failures: tuple[str, ...] = ()
    problem: str = ""


async def import_archive(
    store: Store, content: bytes, *, licence: str, vendor: str = ""
) -> list[Imported]:
    """Import the models of a ZIP of a catalogue (or of a part of one). Raises InvalidInput."""
    with TemporaryDirectory(prefix="clapas-catalogue-") as folder:
        _unpack(content, Path(folder))
        return await import_path(store, Path(folder), licence=licence, vendor=vendor)


async def import_path(
    store: Store, path: Path, *, licence: str, vendor: str = ""
) -> list[Imported]:
    """Import one device's file, or every model under a folder. Raises InvalidInput when there is none."""
    if not licence.strip():
        raise InvalidInput("say under which licence this catalogue is given", field="licence")
    devices = [each for each in discover(path) if not vendor or each.maker == vendor]
    if not devices:
        raise InvalidInput("no device of a catalogue is found here", field="content")
    async with Workers.open(1) as workers:
        return [await _keep(store, workers, found=each, licence=licence) for each in devices]


def discover(folder: Path) -> Iterator[Found]:
    """Devices under a folder, or of one file, in either form; a file that cannot be read is passed over."""
    if folder.is_file():
        yield from _one(folder)
        return
    for path in sorted(folder.rglob("*.toml")):
        if path.parent.name == "devices":
            yield from _toml(path)
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        if path.parent.parent.name == "vendor":
            yield from _yaml(path)


def _one(path: Path) -> Iterator[Found]:
    """The device of one file, beside which its profile and its codec lie."""
    yield from _toml(path) if path.suffix == ".toml" else _yaml(path)


def _toml(path: Path) -> Iterator[Found]:
    try:
        device = tomllib.loads(path.read_text("utf-8")).get("device", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    firmware = (device.get("firmware") or [{}])[-1]
    vendor = path.parent.parent
    script = _beside(vendor / "codecs", str(firmware.get("codec", "")))
    profile = _profile(vendor / "profiles", firmware.get("profiles") or [])
    yield Found(
        id=f"{vendor.name}-{path.stem}".lower(),
        label=str(device.get("name") or path.stem),
        maker=vendor.name,
        script=script,
        mode="chirpstack",
        settings={"radio": profile, "firmware": str(firmware.get("version", ""))},
        interval_s=profile.get("uplink_interval") or None,
    )


def _profile(folder: Path, names: list[Any]) -> dict[str, Any]:
    """The radio profile of Europe, else the first one."""
    chosen = next((n for n in names if "868" in str(n)), names[0] if names else "")
    path = _beside(folder, str(chosen))
    if path is None:
        return {}
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8")).get("profile", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
    return found


def _yaml(path: Path) -> Iterator[Found]:
    try:
        device = core_yaml.load(path)
    except (CodecError, OSError, UnicodeDecodeError):
        return
    if not isinstance(device, dict) or not isinstance(device.get("firmwareVersions"), list):
        return
    firmware = device["firmwareVersions"][-1]
    profiles = firmware.get("profiles") or {}
    region: dict[str, Any] = profiles.get("EU863-870") or next(iter(profiles.values()), {}) or {}
    vendor = path.parent
    yield Found(
        id=f"{vendor.name}-{path.stem}".lower(),
        label=str(device.get("name") or path.stem),
        maker=vendor.name,
        script=_yaml_script(vendor, str(region.get("codec", ""))),
        mode="ttn",
        settings={
            "firmware": str(firmware.get("version", "")),
            "sensors": device.get("sensors") or [],
        },
    )


def _yaml_script(vendor: Path, codec: str) -> Path | None:
    described = _beside(vendor, f"{codec}.yaml") if codec else None
    if described is None:
        return None
    try:
        document = core_yaml.load(described)
    except (CodecError, OSError, UnicodeDecodeError):
        return None
    decoder = document.get("uplinkDecoder") if isinstance(document, dict) else None
    return _beside(vendor, str(decoder.get("fileName", ""))) if isinstance(decoder, dict) else None


def _beside(folder: Path, name: str) -> Path | None:
    """A file of that folder and of no other."""
    if not name or PurePosixPath(name).name != name:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None


async def _keep(store: Store, workers: Workers, *, found: Found, licence: str) -> Imported:
    codec, passed, failed = CodecRef(), 0, 0
    failures: list[str] = []
    if found.script is not None:
        text = found.script.read_text("utf-8", errors="replace")
        codec = await store.models.save_script(found.id, text, mode=found.mode)
        for suite in find(found.script):
            verdict = await judge_suite(workers, suite, mode=found.mode)
            passed, failed = passed + verdict.passed, failed + verdict.failed
            failures += verdict.failures
    settings = {**found.settings, "licence": licence, "origin": "catalogue"}
    model = Model(
        id=found.id, label=found.label, maker=found.maker, codec=codec,
        interval_s=found.interval_s, settings=settings,
    )  # fmt: skip
    await store.models.save([model])
    return Imported(
        model=found.id, label=found.label, version=codec.version, passed=passed, failed=failed,
        failures=tuple(failures[:5]), problem="" if found.script else "no codec",
    )  # fmt: skip


def _unpack(content: bytes, folder: Path) -> None:
    """Take the files that matter out of an archive, and no other; bounded. Raises InvalidInput."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise InvalidInput("a catalogue is a ZIP archive", field="content") from error
    with archive:
        members = [m for m in archive.infolist() if PurePosixPath(m.filename).suffix in KEPT]
        if len(members) > MOST_FILES or sum(m.file_size for m in members) > MOST_BYTES:
            raise InvalidInput("the catalogue is too large", limit=MOST_BYTES)
        for member in members:
            parts = PurePosixPath(member.filename).parts
            if ".." in parts or member.filename.startswith(("/", "\\")):
                raise InvalidInput("the archive leaves its folder", file=member.filename[:200])
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(member))
