"""Names and IRIs: the built-in core contexts, and our expansion against a JSON-LD processor."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from clapas.context.book import _processed
from clapas.context.core import VERSIONS, VOCAB, core_address, core_context, core_versions
from clapas.context.errors import BadRequestData
from clapas.context.query.predicate import Compiler
from clapas.context.query.q import parse
from clapas.context.terms import Terms

USER: dict[str, Any] = {
    "ex": "http://example.org/",
    "bare": "http://example.org/bare",
    "short": "ex:short",
    "same": "http://example.org/bare",
    "typed": {"@id": "ex:typed", "@type": "@vocab"},
    "location": "http://example.org/mine",
}


@pytest.mark.shared
@pytest.mark.parametrize("version", VERSIONS)
def test_core_contexts_equal_the_published_ones(shared: Path, version: str) -> None:
    """Term by term, what is built in is what ETSI published."""
    text = (shared / "contexts" / f"ngsi-ld-core-context-v{version}.jsonld").read_text("utf-8")
    assert core_context(version) == json.loads(text)["@context"]


def _load(url: str, _: Any) -> dict[str, Any]:
    inner = core_context(core_versions()[url])
    if "ngsildproof" in inner:
        inner = {**inner, "ngsildproof": inner["ngsildproof"]["@id"]}
    document = {"@context": inner}
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": document,
    }


NAMES = st.one_of(
    st.sampled_from([*USER, "observedAt", "title", "value", "observationSpace", "unitCode"]),
    st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
        lambda name: name not in {"id", "type"}  # other words for @id and @type: no attribute
    ),
    st.from_regex(r"ex:[a-z]{1,8}", fullmatch=True),
    st.from_regex(r"http://other\.org/[a-z]{1,8}", fullmatch=True),
)


@settings(max_examples=60, deadline=None)
@given(name=NAMES)
def test_expansion_equals_the_processor(name: str) -> None:
    """A name expands to the IRI that PyLD gives, the core context applied last."""
    user = {key: value for key, value in USER.items() if key != "location"}
    terms = _processed([user], {}, version="1.9", aliases={})
    document = {"@context": [user, core_address("1.9")], "@id": "urn:x:y", name: "1"}
    expanded = jsonld.expand(document, {"documentLoader": _load, "processingMode": "json-ld-1.1"})
    found = [key for key in (expanded[0] if expanded else {}) if not key.startswith("@")]
    assert found == [terms.expand(name)]


@settings(max_examples=100, deadline=None)
@given(name=NAMES)
def test_compaction_gives_back_the_same_iri(name: str) -> None:
    """What is compacted expands again to the same IRI, and is never a name prefixed by the user."""
    terms = _processed([USER], {}, version="1.9", aliases={})
    iri = terms.expand(name)
    shown = terms.compact(iri)
    assert terms.expand(shown) == iri
    assert not shown.startswith("ex:")


def test_word_that_means_something_else_here() -> None:
    """A word of the default vocabulary is not shown as a term that means something else."""
    terms = _processed(
        [{"almostFull": "http://example.org/almostFull"}], {}, version="1.9", aliases={}
    )
    assert terms.compact(VOCAB + "almostFull") == "ngsi-ld:default-context/almostFull"
    assert terms.compact(VOCAB + "other") == "other"


def test_core_terms_cannot_be_taken() -> None:
    """A user's definition of a core term is not heard."""
    terms = _processed([USER], {}, version="1.9", aliases={})
    assert terms.expand("location") == "https://uri.etsi.org/ngsi-ld/location"
    assert terms.compact("http://example.org/bare") == "bare"
    assert Terms({}).compact(VOCAB + "speed") == "speed"
    assert Terms({}).compact("http://else.org/speed") == "http://else.org/speed"


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_a_query_or_bad_request(text: str) -> None:
    """Whatever is sent as q compiles to a predicate, or is refused."""
    try:
        tree = parse(text)
    except BadRequestData:
        return
    assert Compiler(Terms({})).predicate(tree)
