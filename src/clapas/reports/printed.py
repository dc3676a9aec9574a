"""A printed page: a typst template and its data become a PDF, offline.

The template reads its data by name from ``sys.inputs``; no package of typst is fetched.
"""

from collections.abc import Mapping

import typst


def printed(template: bytes, inputs: Mapping[str, str]) -> bytes:
    """The PDF of a template, in the form that archives keep (PDF/A-2b, ISO 19005-2).

    Blocks for about a second. Raises TypeError when the template gives several documents.
    """
    made = typst.compile(template, sys_inputs=dict(inputs), pdf_standards=["a-2b"])
    if not isinstance(made, bytes):
        raise TypeError("the template gives several documents")
    return made
