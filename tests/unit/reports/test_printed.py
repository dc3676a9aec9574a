"""A template and its data become a PDF that archives keep and screen readers read."""

from pathlib import Path

import pytest

from clapas.reports.printed import printed

TEMPLATE = b'#set document(title: "Essai")\n#set text(lang: "fr")\n= Essai\n#sys.inputs.at("word")'


def test_a_template_is_printed_for_archives() -> None:
    made = printed(TEMPLATE, {"word": "Clapas"})
    assert made.startswith(b"%PDF-")
    assert b"pdfaid:part" in made, "PDF/A says so in its metadata"
    assert b"pdfuaid:part" in made, "PDF/UA says so in its metadata"
    assert b"/StructTreeRoot" in made
    assert b"/Lang" in made


def test_an_image_without_words_is_refused() -> None:
    image = b'#image(bytes("<svg xmlns=\\"http://www.w3.org/2000/svg\\" viewBox=\\"0 0 1 1\\"/>"), format: "svg"%s)'
    silent, told = (TEMPLATE + b"\n" + image % words for words in (b"", b', alt: "Rien"'))
    assert printed(told, {"word": "Clapas"})
    with pytest.raises(Exception, match="alt"):
        printed(silent, {"word": "Clapas"})


def test_a_template_reads_no_file_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("a key")
    monkeypatch.chdir(tmp_path)
    for path in ("secret.txt", "/secret.txt", "../secret.txt"):
        with pytest.raises(Exception, match=r"not found|escape"):
            printed(TEMPLATE + b'\n#read("%s")' % path.encode(), {"word": "Clapas"})


@pytest.mark.parametrize(
    "name",
    [
        "🚰 Fontaine",
        "喷泉",
        "a\x01b",
        "\ufeffPlace",
        "\ue000",
        "\U0010ffff",
        "نافورة",
        "Œuvre ≤ 5 €",
    ],
)
def test_a_name_in_letters_without_a_font_is_printed_all_the_same(name: str) -> None:
    titled = TEMPLATE.replace(b'"Essai"', b'"Essai " + sys.inputs.word')
    assert printed(titled, {"word": name}).startswith(b"%PDF-")
