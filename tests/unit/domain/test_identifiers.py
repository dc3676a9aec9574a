"""Ids have one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.identifiers import (
    DEVICE,
    ENTITY,
    device_entity,
    entity_type,
    message_digest,
    normalise_device,
)


@pytest.mark.parametrize(
    "written", ["70-B3-D5-7E-D0-00-00-01", "70:b3:d5:7e:d0:00:00:01", "70B3D57ED0000001 "]
)
def test_an_eui_is_written_in_many_ways_and_is_one_device(written: str) -> None:
    assert normalise_device(written) == "70b3d57ed0000001"


def test_a_name_of_its_own_is_kept() -> None:
    assert normalise_device("Compteur-Écusson_12") == "Compteur-Écusson_12"


@pytest.mark.parametrize("bad", ["a b", "a.b", "a/b", "a+b", "a#b", "a*b", "a>b", "", "x" * 129])
def test_what_the_broker_gives_a_meaning_to_is_no_device_id(bad: str) -> None:
    assert not DEVICE.match(bad)


def test_every_device_is_an_entity() -> None:
    urn = device_entity("70b3d57ed0000001")
    assert ENTITY.match(urn)
    assert entity_type(urn) == "Device"
    assert entity_type("http://example.org/thing") == ""


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_two_identities_share_a_digest_only_when_equal(one: list[str], other: list[str]) -> None:
    assert (message_digest(*one) == message_digest(*other)) == (one == other)
