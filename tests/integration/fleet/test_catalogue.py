"""Catalogues of models in both forms, with their examples run; codes to print."""

import io
import zipfile

import pytest
from openpyxl import load_workbook

from clapas.domain.access import RowFilter
from clapas.domain.errors import InvalidInput
from clapas.fleet.catalogue import import_archive
from clapas.fleet.labels import read_code, svg, text_of
from clapas.fleet.workbook import sheet_of
from clapas.store import Store
from clapas.store.fleet import DeviceQuery

SCRIPT = "function decodeUplink(input) { return {data: {temperature: input.bytes[0]}}; }"
TOML = {
    "c/vendors/acme/devices/probe.toml": """[device]
name = "Acme Probe"
[[device.firmware]]
version = "1.2"
profiles = ["US915.toml", "EU868.toml"]
codec = "probe.js"
""",
    "c/vendors/acme/profiles/EU868.toml": '[profile]\nregion = "EU868"\nuplink_interval = 600\n',
    "c/vendors/acme/codecs/probe.js": SCRIPT,
}
YAML = {
    "r/vendor/beta/meter.yaml": """name: Beta Meter
firmwareVersions:
  - version: '1.0'
    profiles:
      EU863-870: {id: p, codec: meter-codec}
""",
    "r/vendor/beta/meter-codec.yaml": """uplinkDecoder:
  fileName: meter.js
  examples:
    - description: good
      input: {fPort: 1, bytes: [21]}
      output: {data: {temperature: 21}}
    - description: wrong
      input: {fPort: 1, bytes: [21]}
      output: {data: {temperature: 22}}
""",
    "r/vendor/beta/meter.js": SCRIPT,
}


def packed(files: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


async def test_both_forms_are_imported_with_their_licence(store: Store) -> None:
    done = await import_archive(store, packed(TOML | YAML), licence="MIT")
    assert [(each.model, each.passed, each.failed) for each in done] == [
        ("acme-probe", 0, 0),
        ("beta-meter", 1, 1),
    ]
    probe = await store.models.get("acme-probe")
    assert (probe.label, probe.interval_s, probe.codec.mode) == ("Acme Probe", 600, "chirpstack")
    assert (probe.settings["licence"], probe.settings["radio"]["region"]) == ("MIT", "EU868")
    assert (await store.models.get("beta-meter")).codec.mode == "ttn"


@pytest.mark.parametrize("files", [{"../../evil.toml": "x"}, {"readme.json": "{}"}])
async def test_a_hostile_or_empty_archive_is_refused(store: Store, files: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        await import_archive(store, packed(files), licence="MIT")
    with pytest.raises(InvalidInput):
        await import_archive(store, packed(TOML), licence="")


def test_a_code_says_what_the_alliance_asks() -> None:
    text = text_of(dev_eui="70b3d57ed0000001", join_eui="0000000000000001", serial="A 12:3")
    assert text == "LW:D0:0000000000000001:70B3D57ED0000001:00000000:SA-12-3"
    assert read_code(text) == ("70b3d57ed0000001", "0000000000000001")
    assert svg(text).startswith(b"<?xml")
    with pytest.raises(InvalidInput):
        read_code("LW:D0:1:2:3")


async def test_an_exported_list_has_no_key_and_no_formula(store: Store) -> None:
    await store.registry.propose([])
    from uuid import uuid4

    from clapas.domain.device import Device

    await store.registry.save_devices([Device(id=uuid4(), key="a-1", name="=1+1")])
    page = await store.fleet.select(RowFilter(everything=True), DeviceQuery())
    sheet = load_workbook(io.BytesIO(sheet_of(page.items))).active
    assert sheet is not None
    rows = list(sheet.iter_rows())
    headers = [cell.value for cell in rows[0]]
    assert "app_key" not in headers
    assert (rows[1][1].value, rows[1][1].data_type) == ("=1+1", "s")
