"""MQTT topics and NATS subjects say the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.bus.topics import subject_of, topic_of

LEVEL = st.text(
    st.characters(codec="utf-8", exclude_characters="/+#*> \x00", exclude_categories=["Cc", "Zs"]),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("up/dev1", "up.dev1"),
        ("a.b", "a//b"),
        ("up//x", "up./.x"),
        ("/up/x", "/.up.x"),
        ("v3/app@ttn/devices/a.b/up", "v3.app@ttn.devices.a//b.up"),
        ("application/+/device/#", "application.*.device.>"),
    ],
)
def test_known_pairs(topic: str, subject: str) -> None:
    assert subject_of(topic) == subject


@given(st.lists(LEVEL, min_size=1, max_size=6))
def test_a_topic_comes_back_from_its_subject(levels: list[str]) -> None:
    topic = "/".join(levels)
    assert topic_of(subject_of(topic)) == topic
