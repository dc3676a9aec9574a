"""The connector written in the guide is a connector that works, from its file to its door."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clapas.domain.message import RawMessage
from clapas.sources import discover
from clapas.sources.contract import Connector
from clapas.sources.recordings import wire_messages

GUIDE = Path(__file__).parents[3] / "docs/add-a-connector.md"


@pytest.fixture
def written() -> Connector:
    _, source = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "bins"}
    exec(compile(source, str(GUIDE), "exec"), names)  # noqa: S102
    found = names["CONNECTOR"]
    assert isinstance(found, Connector)
    return found


async def test_the_connector_of_the_guide_reads_its_example_and_is_asked(
    written: Connector,
) -> None:
    (example,) = written.examples
    assert tuple(written.parse(example.message)) == example.uplinks

    async def fetch(_: str) -> bytes | None:
        return example.message.payload

    assert written.pull is not None
    (asked,) = await written.pull(written.settings(), fetch)
    stamped = msgspec.structs.replace(asked, received=example.message.received)
    assert tuple(written.parse(stamped)) == example.uplinks


def test_a_recording_is_fed_to_a_connector_that_came_with_a_package(
    written: Connector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(discover(), written.name, written)
    file = tmp_path / "day.ndjson"
    bins = [{"bin": name, "distance": 0.4} for name in ("b1", "b2")]
    file.write_text("\n".join(json.dumps(each) for each in bins))
    sent = list(wire_messages(file, "my_feed", options="site=port"))
    assert [(each.door, each.address) for each in sent] == [("http", "/in/my_feed?site=port")] * 2
    read = [written.parse(RawMessage("my_feed", each.address, 0, each.body)) for each in sent]
    assert [each[0].device for each in read] == ["b1", "b2"]
