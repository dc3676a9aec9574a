"""Spreadsheets as people make them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from clapas.fleet.errors import SheetUnreadable
from clapas.fleet.sheet import preview, rows


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


def test_a_million_lines_are_refused_by_name() -> None:
    content = b"id;nom\n" + b"a;b\n" * 1_000_000
    found = preview(content)
    with pytest.raises(SheetUnreadable, match="too many lines"):
        for _ in rows(content, found.shape):
            pass


@given(st.binary(max_size=400))
def test_any_bytes_are_a_spreadsheet_or_refused(content: bytes) -> None:
    try:
        found = preview(content)
        for _ in rows(content, found.shape):
            pass
    except SheetUnreadable:
        pass
