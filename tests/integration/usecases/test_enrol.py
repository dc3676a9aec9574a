"""A pack comes and goes, from a real wheel too: its record in the charter, its rules in the engine, its points."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from clapas.domain.device import Entity
from clapas.engines import EngineAddresses
from clapas.store import Store, migrate
from clapas.store.rules import RulesStore
from clapas.store.rules_values import RuleRow
from clapas.usecases import commands
from clapas.usecases.discovery import discover, switch_on
from clapas.usecases.enrol import EVERYTHING, Stewards, absent, enrol, withdraw
from clapas.usecases.errors import NoSuchPack
from clapas.usecases.pack import load

OWN = Path(commands.__file__).parent
WHO = Stewards(owner="Mobilité", steward="A. Martin", controller="Montpellier Méditerranée Métropole")  # fmt: skip
HARBOUR = "urn:ngsi-ld:OffStreetParking:port"
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "town-harbour"
version = "1.0.0"
[project.entry-points."clapas.usecases"]
harbour = "town_harbour"
[tool.hatch.build.targets.wheel]
packages = ["town_harbour"]
"""


def write_pack(folder: Path, *, version: str = "1.0.0") -> Path:
    """The car parks' pack under another name."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (OWN / "parking").iterdir():
        if path.is_file():
            text = path.read_text().replace('"parking', '"harbour').replace("1.0.0", version)
            (folder / path.name).write_text(text)
    return folder


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that somebody built, with the packaging tool of their choice."""
    project = tmp_path / "project"
    write_pack(project / "town_harbour")
    (project / "town_harbour" / "__init__.py").write_text("")
    (project / "pyproject.toml").write_text(PROJECT)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=project, check=True, capture_output=True)  # fmt: skip
    return next((project / "dist").glob("*.whl"))


async def rules_in(store: Store) -> dict[str, RuleRow]:
    return {row.id: row for row in await RulesStore(store.postgres, store.clickhouse).all()}


async def test_a_pack_of_a_wheel_comes_is_updated_and_goes(
    fresh_database: EngineAddresses, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)  # what an installer does with a pure wheel
    monkeypatch.syspath_prepend(str(installed))
    data = tmp_path / "data"
    assert discover(data)["harbour"].origin == "wheel"
    pack = switch_on("harbour", data)
    await migrate(fresh_database)
    async with Store.open(fresh_database) as store:
        await store.entities.upsert([Entity(id=HARBOUR, type="OffStreetParking", name="Port")])
        first = await enrol(store, pack, who=WHO)
        assert (first.record, set(first.rules.values()), first.points) == ("created", {"created"}, 1)  # fmt: skip
        (record,) = await store.charter.records()
        assert (record.id, record.classification, record.steward) == ("harbour", "ouvert", "A. Martin")  # fmt: skip
        said = pack.dataset
        assert (record.theme, record.keywords, record.frequency, record.description_en) == (
            said.theme, said.keywords, said.frequency, said.description.en,
        )  # fmt: skip
        assert (await store.entities.get(EVERYTHING, HARBOUR)).entity.dataset == "harbour"
        assert {row.body["trade"] for row in (await rules_in(store)).values()} == {"harbour"}

        again = await enrol(store, pack)
        assert (again.record, set(again.rules.values()), again.points) == ("same", {"same"}, 0)

        await _a_person_changes_one(store)
        changed = msgspec.structs.replace(pack, rules=tuple(msgspec.structs.replace(each, severity="major") for each in pack.rules))  # fmt: skip
        told = await enrol(store, changed)
        assert told.rules == {"harbour-full": "kept", "harbour-frozen": "changed"}

        assert await absent(store, {}) == ["harbour"]
        assert await absent(store, {"harbour": pack}) == []
        gone = await withdraw(store, pack.name)
        assert (gone.record, gone.rules) == ("removed", {"harbour-frozen": "removed"})
        (record,) = await store.charter.records()
        assert (record.classification, record.publication.rule) == ("restreint", "none")
        assert set(await rules_in(store)) == {"harbour-full"}
        back = await enrol(store, pack)
        assert (back.record, back.rules["harbour-frozen"]) == ("changed", "created")


async def _a_person_changes_one(store: Store) -> None:
    rules = RulesStore(store.postgres, store.clickhouse)
    row = (await rules_in(store))["harbour-full"]
    await rules.save(msgspec.structs.replace(row, body={**row.body, "hold_s": 60}), who="marie")


async def test_a_record_that_a_person_took_over_is_theirs(fresh_database: EngineAddresses) -> None:
    await migrate(fresh_database)
    pack = discover()["museum"]
    async with Store.open(fresh_database) as store:
        await enrol(store, pack, who=WHO)
        (record,) = await store.charter.records()
        taken = msgspec.structs.replace(record, version=record.version + 1, steward="Le musée")
        await store.charter.add_record(taken, author="marie")
        assert (await enrol(store, pack, who=WHO)).record == "kept"
        assert (await withdraw(store, pack.name)).record == "kept"
        assert (await store.charter.records())[0].steward == "Le musée"


async def test_the_command_tells_the_running_platform(
    fresh_database: EngineAddresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    pack = commands.named(str(write_pack(tmp_path / "mine")), data)
    assert "no platform runs" in await commands.in_force(pack, data)
    await migrate(fresh_database)
    monkeypatch.setattr("clapas.engines.running.running_addresses", lambda _: fresh_database)
    assert "record created; rules: 2 created" in await commands.in_force(pack, data, who=WHO)
    assert "record removed; rules: 2 removed" in await commands.in_force(pack, data, away=True)
    updated = commands.named(str(write_pack(tmp_path / "mine", version="1.1.0")), data)
    assert (updated.version, updated.origin) == ("1.1.0", "installed")
    with pytest.raises(NoSuchPack, match="no folder, wheel or trade"):
        commands.named("nowhere", data)
    shutil.rmtree(data)
    assert load(OWN / "parking").name == "parking"
