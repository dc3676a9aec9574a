"""The recorded devices are those that the recordings speak of, and their channels are there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from clapas.codecs import CodecPool, DecodeJob
from clapas.domain.message import RawMessage, Uplink
from clapas.domain.quantities import QUANTITIES
from clapas.ops.recorded import RECORDED
from clapas.sources import discover, for_topic, understand
from clapas.sources.recordings import recordings_in, wire_messages

NOW = datetime(2026, 9, 21, tzinfo=UTC)


def test_bindings_speak_the_vocabulary_and_ids_are_stable() -> None:
    for each in RECORDED:
        assert each.device(NOW) == each.device(NOW)
        for binding in each.bindings:
            assert QUANTITIES[binding.quantity].ngsi == binding.attribute


@pytest.mark.shared
async def test_recordings_speak_of_these_devices(shared: Path) -> None:
    found: dict[str, list[Uplink]] = {}
    for recording in recordings_in(shared / "data"):
        if recording.source == "ngsi_v2":
            continue
        for place, wire in enumerate(
            wire_messages(recording.path, recording.source, options=recording.options)
        ):
            if place == 40:
                break
            connector = for_topic(wire.address) or discover()[recording.source]
            raw = RawMessage(connector.name, wire.address, 1_790_000_000_000, wire.body)
            for part in connector.split(raw):
                for uplink in understand(part):
                    found.setdefault(uplink.device, []).append(uplink)
    assert set(found) == {each.key for each in RECORDED}
    async with CodecPool.open(1) as pool:
        for each in RECORDED:
            channels = {reading.channel for up in found[each.key] for reading in up.values}
            if each.model.codec.kind == "python":
                jobs = [
                    DecodeJob(
                        codec=each.model.codec,
                        script="",
                        f_port=up.f_port,
                        payload=up.payload or b"",
                        received_ms=0,
                        variables={},
                    )
                    for up in found[each.key]
                    if up.payload
                ]
                decoded = await pool.decode(jobs)
                assert not any(result.errors for result in decoded)
                channels = {reading.channel for result in decoded for reading in result.readings}
            assert {binding.channel for binding in each.bindings} <= channels
