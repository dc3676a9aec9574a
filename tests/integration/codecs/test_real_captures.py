"""Every payload of the real captures, decoded and equal to the values that were published with it."""

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clapas.codecs import CodecPool, Decoded, DecodeJob
from clapas.domain.device import CodecRef

pytestmark = pytest.mark.shared

GRENOBLE = "data/lorawan-grenoble"
ELSYS_SCALES = {
    "humidity": 100,
    "vdd": 1000,
    "x": 63 / 9.80665,
    "y": 63 / 9.80665,
    "z": 63 / 9.80665,
}
"""Published values are the device's own; ours are in the quantities' units."""


def events(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


async def decode(jobs: list[DecodeJob]) -> list[Decoded]:
    async with CodecPool.open(1) as pool:
        return await pool.decode(jobs)


async def test_every_elsys_payload_of_grenoble_equals_its_published_values(shared: Path) -> None:
    rows = list(events(shared / GRENOBLE / "helium_elsys_ems_tour-perret.ndjson.gz"))
    assert len(rows) == 12_614
    codec = CodecRef("python", "elsys")
    answers = await decode(
        [
            DecodeJob(codec=codec, payload=base64.b64decode(row["payload"]), f_port=row["port"])
            for row in rows
        ]
    )
    for row, answer in zip(rows, answers, strict=True):
        assert answer.errors == ()
        published = row["decoded"]["payload"]
        ours = {each.channel: each.value for each in answer.readings}
        assert ours.keys() == published.keys()
        for channel, value in published.items():
            kept = ours[channel]
            assert isinstance(kept, float)
            assert kept * ELSYS_SCALES.get(channel, 1) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize(("part", "count", "measured"), [("1", 9786, 9418), ("2", 10_102, 10_102)])
async def test_every_event_of_the_saint_eynard_equals_its_published_values(
    shared: Path, part: str, count: int, measured: int
) -> None:
    rows = list(events(shared / GRENOBLE / f"chirpstack_v3_saint-eynard_{part}.ndjson.gz"))
    assert len(rows) == count
    rows = [row for row in rows if "data" in row]
    assert len(rows) == measured
    codec = CodecRef("python", "wyres_wbase")
    answers = await decode(
        [
            DecodeJob(codec=codec, payload=bytes.fromhex(row["data"]), f_port=row["fPort"])
            for row in rows
        ]
    )
    for row, answer in zip(rows, answers, strict=True):
        assert answer.errors == ()
        ours = {each.channel: each.value for each in answer.readings}
        for channel, value in flat(row["object"]):
            assert channel in ours, channel
            assert ours[channel] == value, (channel, row["data"])


def flat(published: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The published object by channel: the up-time is shown there as a date since 1970."""
    for name, value in published.items():
        if name == "version":
            yield from ((f"version.{key}", part) for key, part in value.items())
        elif name == "uptime":
            yield name, datetime.fromisoformat(value).timestamp()
        else:
            yield name, value
