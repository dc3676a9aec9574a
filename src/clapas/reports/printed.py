"""A printed page: a typst template and its data become a PDF, offline.

The template reads its data by name from ``sys.inputs``; no package of typst is fetched.
"""

from collections.abc import Mapping
from importlib.resources import files

import typst

PAGE = "page.typ"
"""The look of a page: what it defines is known to every template."""


def printed(template: bytes, inputs: Mapping[str, str]) -> bytes:
    """The PDF of a template, as archives keep it and screen readers read it (PDF/A-2a, ISO 19005-2; PDF/UA-1, ISO 14289-1).

    The template gives a title, a language, and words for each image. Blocks for about a second. Raises TypeError when the template gives several documents.
    """
    page = files("clapas.reports").joinpath(PAGE).read_bytes()
    made = typst.compile(
        page + b"\n" + template, sys_inputs=dict(inputs), pdf_standards=["a-2a", "ua-1"]
    )
    if not isinstance(made, bytes):
        raise TypeError("the template gives several documents")
    return made
