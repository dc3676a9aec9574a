"""A template and its data become a PDF that archives keep."""

from clapas.reports.printed import printed

TEMPLATE = b'#set document(title: "Essai")\n#sys.inputs.at("word")'


def test_a_template_is_printed_for_archives() -> None:
    made = printed(TEMPLATE, {"word": "Clapas"})
    assert made.startswith(b"%PDF-")
    assert b"pdfaid:part" in made, "PDF/A says so in its metadata"
