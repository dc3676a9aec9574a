"""A printed page: a typst template and its data become a PDF, offline.

The template reads its data by name from ``sys.inputs``, and no file; ours fetch no package of typst.
"""

from collections.abc import Mapping
from importlib.resources import files
from tempfile import TemporaryDirectory

import typst

PAGE = "page.typ"
"""The look of a page: what it defines is known to every template."""


def printed(template: bytes, inputs: Mapping[str, str]) -> bytes:
    """The PDF of a template, as archives keep it and screen readers read it (PDF/A-2a, ISO 19005-2; PDF/UA-1, ISO 14289-1).

    The template gives a title, a language, and words for each image. It reads no file of the machine. A name in letters that the machine has no font for
    (an emoji, a script of far away) is printed with "?" in their place: without them an archive would refuse the page. Blocks for about a second, or two. Raises TypeError
    when the template gives several documents.
    """
    page = files("clapas.reports").joinpath(PAGE).read_bytes()
    source = page + b"\n" + template
    try:
        return _compiled(source, inputs)
    except typst.TypstError:
        return _compiled(source, {**inputs, "plain": "yes"})


def _compiled(source: bytes, inputs: Mapping[str, str]) -> bytes:
    with TemporaryDirectory() as nothing:
        made = typst.compile(  # type: ignore[type-var]  # its stub wants bytes for a root, its code a path
            source, root=nothing, sys_inputs=dict(inputs), pdf_standards=["a-2a", "ua-1"]
        )
    if not isinstance(made, bytes):
        raise TypeError("the template gives several documents")
    return made
