"""Every connector keeps its word: its examples, total parsing, one name, one door."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.domain.errors import InvalidInput
from clapas.domain.message import RawMessage
from clapas.sources import discover, for_topic
from clapas.sources.contract import Connector, Example

CONNECTORS = tuple(discover().values())
EXAMPLES = [(each, example) for each in CONNECTORS for example in each.examples]


@pytest.mark.parametrize(
    ("connector", "example"), EXAMPLES, ids=lambda value: getattr(value, "name", "")
)
def test_example_is_read_as_written(connector: Connector, example: Example) -> None:
    assert tuple(connector.parse(example.message)) == example.uplinks
    assert example.uplinks
    assert all(each.source for each in example.uplinks)


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda each: each.name)
def test_connector_is_complete(connector: Connector) -> None:
    assert connector.examples, "a connector without an example is not one"
    inside = connector.name == "lorawan"  # the embedded network server has doors of its own
    assert inside or connector.topics or connector.http or connector.pull
    assert connector.settings() is not None


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda each: each.name)
def test_connector_knows_its_own_topics(connector: Connector) -> None:
    for topic in connector.topics:
        assert for_topic(topic.replace("+", "x").replace("#", "y")) is connector


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda each: each.name)
def test_damaged_messages_are_refused_with_a_code(connector: Connector) -> None:
    @given(st.data())
    def damage(data: st.DataObject) -> None:
        example = data.draw(st.sampled_from(connector.examples))
        payload = example.message.payload
        start = data.draw(st.integers(0, len(payload)))
        stop = data.draw(st.integers(start, len(payload)))
        middle = data.draw(
            st.binary(max_size=12) | st.sampled_from([b'"', b"null", b"[]", b"1e400"])
        )
        topic = data.draw(st.just(example.message.topic) | st.text(max_size=30))
        message = RawMessage(
            connector.name,
            topic,
            example.message.received,
            payload[:start] + middle + payload[stop:],
        )
        for each in connector.split(message):
            with contextlib.suppress(InvalidInput):
                connector.parse(each)

    damage()
