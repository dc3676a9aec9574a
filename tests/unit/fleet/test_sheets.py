"""Spreadsheets as people make them."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from clapas.fleet.columns import FIELDS
from clapas.fleet.errors import SheetUnreadable
from clapas.fleet.lines import Known, Reader
from clapas.fleet.sheet import Shape, preview, rows
from clapas.fleet.weight import weigh
from clapas.fleet.workbook import table_of, template_of


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_separator_header_and_encoding_are_found(separator: str, encoding: str) -> None:
    lines = [
        ["DevEUI", "Libellé", "Modèle"],
        ["70B3D57ED0000001", "Été, au port", "x"],
        ["70B3D57ED0000002", "Gare", "y"],
    ]
    text = "\r\n".join(
        separator.join(f'"{cell}"' if "," in cell else cell for cell in line) for line in lines
    )
    content = text.encode(encoding)
    found = preview(content)
    assert found.columns == {"key": 0, "name": 1, "model": 2}
    assert (found.shape.separator, found.shape.header) == (separator, True)
    assert [cells for _, cells in rows(content, found.shape)] == lines[1:]


def test_without_a_header_the_euis_are_recognised() -> None:
    found = preview(b"a;70b3d57ed0000001;000102030405060708090a0b0c0d0e0f\n")
    assert (found.columns, found.shape.header) == ({"key": 1, "app_key": 2}, False)


def test_a_workbook_with_a_formula_keeps_it_as_text() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["identifiant", "nom", "coût annuel"])
    sheet.append(["70b3d57ed0000001", '=HYPERLINK("x")', 12.5])
    file = io.BytesIO()
    book.save(file)
    found = preview(file.getvalue())
    assert found.shape.format == "xlsx"
    assert list(rows(file.getvalue(), found.shape)) == [
        (2, ["70b3d57ed0000001", '=HYPERLINK("x")', "12.5"])
    ]


def test_a_table_of_odd_names_is_a_workbook_still() -> None:
    names = ["\x01sonde\x1f", "nan", "-inf", "=1+1", "12", "007", "1e400"]
    sheet = load_workbook(
        io.BytesIO(table_of("noms", [["nom"], *([each] for each in names)]))
    ).active
    assert sheet is not None
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        "\ufffdsonde\ufffd", "nan", "-inf", "=1+1", 12, "007", "1e400",
    ]  # fmt: skip


def test_the_template_comes_back_as_it_was_given() -> None:
    content = template_of()
    found = preview(content)
    assert found.columns == {each.name: place for place, each in enumerate(FIELDS)}
    ((_, cells),) = rows(content, found.shape)
    filled = dict(zip(found.columns, cells, strict=True))
    assert (filled["key"], filled["join_eui"]) == ("70B3D57ED0000001", "0000000000000000")
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert {cell.number_format for line in sheet.iter_rows() for cell in line} == {"@"}


def test_the_person_may_say_how_to_read_it() -> None:
    book = Workbook()
    book.create_sheet("capteurs").append(["identifiant", "nom"])
    book["capteurs"].append(["70b3d57ed0000001", "Gare"])
    assert book.active is not None
    book.active.append(["Mode d’emploi"])
    file = io.BytesIO()
    book.save(file)
    first = preview(file.getvalue())
    assert first.sheets == ["Sheet", "capteurs"]
    second = preview(file.getvalue(), Shape(sheet="capteurs"))
    assert (second.columns, second.shape.format) == ({"key": 0, "name": 1}, "xlsx")
    mac = "identifiant;nom\n70b3d57ed0000001;Été\n".encode("mac-roman")
    assert preview(mac).sample[0][1] != "Été"
    assert preview(mac, Shape(encoding="mac-roman")).sample[0][1] == "Été"


@pytest.mark.parametrize("text", ["1,88E+13", "7.0B3E+15", "1.88e+13"])
def test_an_id_that_the_spreadsheet_made_a_number_is_named(text: str) -> None:
    known = Known(models=frozenset())
    _, (line,) = Reader({"key": 0}, known, sealer=None).read(2, [text])
    assert line.code == ("bad_id" if "B" in text else "eui_number")


def test_a_million_lines_are_refused_by_name() -> None:
    content = b"id;nom\n" + b"a;b\n" * 1_000_000
    with pytest.raises(SheetUnreadable, match="too many lines"):
        preview(content)


FULL, COLOURED = b'<row r="1"><c r="A1"><v>1</v></c></row>', b'<row r="1"><c r="A1" s="2"/></row>'


def weighed(**members: bytes) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"xl/{name.replace('__', '/')}.xml", content)
    weigh(zipfile.ZipFile(file))


def test_a_short_id_with_a_key_is_a_wrong_dev_eui() -> None:
    known = Known(models=frozenset())
    columns = {"key": 0, "app_key": 1}
    _, (line,) = Reader(columns, known, sealer=None).read(2, ["70B3D57ED0", "00" * 16])
    assert (line.code, line.hint) == ("eui_length", "10 / 16")
    assert Reader(columns, known, sealer=None).read(2, ["70B3D57ED0", ""])[1] == []


@pytest.mark.parametrize("gap", [b"", b" " * 70_000])
def test_a_workbook_is_weighed_before_it_is_opened(gap: bytes) -> None:
    weighed(worksheets__sheet1=(gap + FULL) + FULL * 200_000)
    weighed(worksheets__sheet1=COLOURED * 1_000_000)
    with pytest.raises(SheetUnreadable, match="too many lines"):
        weighed(worksheets__sheet1=(gap + FULL) + FULL * 200_001)
    with pytest.raises(SheetUnreadable, match="too many lines"):
        weighed(
            worksheets__sheet2=FULL.replace(b"<row", b"<x:row").replace(b"<v", b"<x:v") * 200_002
        )
    with pytest.raises(SheetUnreadable, match="too many texts"):
        weighed(sharedStrings=b"<si><t>a</t></si>" * 2_000_001)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_spreadsheet_or_refused(content: bytes) -> None:
    try:
        found = preview(content)
        for _ in rows(content, found.shape):
            pass
    except SheetUnreadable:
        pass
