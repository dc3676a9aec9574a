"""Which trades there are: our folders, somebody's wheel (entry point ``clapas.usecases``), added folders.

``<data directory>/usecases/<name>/`` holds the packs that were added; ``off.json`` beside them names those that
were removed though their files are not ours to delete. The last found wins: an added pack updates ours.
"""

import importlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from clapas.usecases.errors import BadPack, NoSuchPack
from clapas.usecases.pack import FILES, MAX_FILE, NAME, Origin, Pack, load

ADDED = "usecases"
OFF = "off.json"


def discover(data: Path | None = None) -> dict[str, Pack]:
    """Every trade that is on, by name, but those that cannot be read: see :func:`broken`."""
    found, off = _read(data)[0], _off(data)
    on = {name: pack for name, pack in sorted(found.items()) if name not in off}
    records = frozenset(pack.record for pack in on.values())
    return {
        name: msgspec.structs.replace(pack, others=records - {pack.record})
        for name, pack in on.items()
    }


def broken(data: Path | None = None) -> dict[str, str]:
    """Packs that are there and cannot be read, name → why: the others go on without them."""
    return _read(data)[1]


def _read(data: Path | None) -> tuple[dict[str, Pack], dict[str, str]]:
    found: dict[str, Pack] = {}
    wrong: dict[str, str] = {}
    for name, folder, origin in _folders(data):
        try:
            found[name] = load(folder, origin=origin)
        except BadPack as error:
            wrong[name] = str(error)
    return {pack.name: pack for pack in found.values()}, wrong


def _folders(data: Path | None) -> Iterator[tuple[str, Path, Origin]]:
    """Name, folder and origin of each pack: ours, the wheels', the added ones."""
    for path in sorted(Path(__file__).parent.glob("*/pack.toml")):
        yield path.parent.name, path.parent, "own"
    for entry in entry_points(group="clapas.usecases"):
        module = importlib.import_module(entry.module)
        yield entry.name, Path(str(module.__file__)).parent, "wheel"
    if data is not None and (data / ADDED).is_dir():
        for path in sorted((data / ADDED).glob("[!.]*/pack.toml")):
            yield path.parent.name, path.parent, "installed"


def _off(data: Path | None) -> set[str]:
    path = data / ADDED / OFF if data else None
    if path is None or not path.is_file():
        return set()
    try:
        return set(msgspec.json.decode(path.read_bytes(), type=list[str]))
    except msgspec.DecodeError as error:
        raise BadPack(f"{path}: {error}") from error


def _write_off(data: Path, names: set[str]) -> None:
    folder = data / ADDED
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OFF).write_bytes(msgspec.json.encode(sorted(names)))


def add(source: Path, data: Path) -> Pack:
    """Add or update a trade from a folder or a wheel; it is checked before anything is written.

    Only the pack's own data files are taken. Raises :class:`BadPack`.
    """
    (data / ADDED).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data / ADDED, prefix=".new-") as made:
        fresh = Path(made) / "pack"
        fresh.mkdir()
        _copy(source, fresh)
        pack = load(fresh, origin="installed")
        target = data / ADDED / pack.name
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    _write_off(data, _off(data) - {pack.name})
    return load(target, origin="installed")


def switch_on(name: str, data: Path) -> Pack:
    """A trade of our tree or of an installed wheel, on again. Raises :class:`NoSuchPack`."""
    if name in _off(data):
        _write_off(data, _off(data) - {name})
    known = discover(data)
    if name not in known:
        raise NoSuchPack(
            f"no folder, wheel or trade {name!r}; there are {', '.join(known)}", pack=name
        )
    return known[name]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for name in FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
    elif zipfile.is_zipfile(source):
        _unzip(source, target)
    else:
        raise BadPack(f"{source}: neither a folder nor a wheel", path=str(source))


def _unzip(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        inside = [name for name in archive.namelist() if name.endswith("pack.toml")]
        if len(inside) != 1:
            raise BadPack(f"{source}: {len(inside)} packs in this wheel", path=str(source))
        folder = inside[0].removesuffix("pack.toml")
        for name in FILES:
            if folder + name in archive.namelist():
                if archive.getinfo(folder + name).file_size > MAX_FILE:
                    raise BadPack(f"{name}: more than {MAX_FILE} bytes", path=str(source))
                (target / name).write_bytes(archive.read(folder + name))


def remove(name: str, data: Path) -> str:
    """Take a trade away: an added one is deleted, another is switched off; gives which of the two.

    Its observations, alarms and datasets stay. Raises :class:`NoSuchPack`.
    """
    known = discover(data)
    if not NAME.match(name) or name not in known:
        raise NoSuchPack(f"no trade {name!r}; there are {', '.join(known)}", pack=name)
    if known[name].origin == "installed":
        shutil.rmtree(data / ADDED / name)
        return "deleted"
    _write_off(data, _off(data) | {name})
    return "off"
