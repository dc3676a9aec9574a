"""One sweep over every Python codec: its examples, its quantities, and what hostile bytes do to it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.codecs.device import DeviceCodec, Frame, codec, codecs, guess_codec
from clapas.codecs.errors import CodecError, CodecUnknown
from clapas.codecs.judge import device_problem, judge_device
from clapas.domain.message import Reading
from clapas.domain.quantities import QUANTITIES

EVERY = sorted(codecs().values(), key=lambda each: each.name)
names = pytest.mark.parametrize("each", EVERY, ids=lambda each: each.name)


@names
def test_every_codec_gives_what_its_examples_say(each: DeviceCodec) -> None:
    assert len(each.examples) >= 3, "a codec has at least three examples"
    assert [device_problem(each, example) for example in each.examples] == [""] * len(each.examples)
    assert all(example.source for example in each.examples)


@names
def test_every_codec_speaks_the_vocabulary(each: DeviceCodec) -> None:
    seen: set[str] = set()
    for example in each.examples:
        for reading in _decode(each, bytes.fromhex(example.payload), example.f_port):
            seen.add(reading.quantity)
            if reading.quantity:
                known = QUANTITIES[reading.quantity]
                assert isinstance(reading.value, float)
                assert known.low <= reading.value <= known.high, (example.description, reading)
    assert len(seen - {""}) >= 1


@names
def test_every_codec_is_documented_and_named_after_its_file(each: DeviceCodec) -> None:
    module = each.decode.__module__
    assert each.models
    assert each.profiles
    assert all(word == word.lower() for word in each.profiles)
    assert module.startswith("clapas.codecs.devices.")


@given(
    payload=st.binary(max_size=260), port=st.sampled_from([None, 1, 2, 3, 5, 6, 85, 100, 103, 125])
)
def test_hostile_bytes_give_readings_or_a_clear_error(payload: bytes, port: int | None) -> None:
    for each in EVERY:
        for reading in _decode(each, payload, port):
            assert reading.channel
            assert reading.quantity in QUANTITIES or reading.quantity == ""


@given(data=st.data())
def test_examples_with_a_byte_changed_or_lost_never_break_a_codec(data: st.DataObject) -> None:
    each = data.draw(st.sampled_from(EVERY))
    example = data.draw(st.sampled_from(each.examples))
    payload = bytearray.fromhex(example.payload)
    if payload:
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] = data.draw(st.integers(0, 255))
    _decode(each, bytes(payload[: data.draw(st.integers(0, len(payload)))]), example.f_port)


def test_a_codec_without_examples_fails() -> None:
    bare = DeviceCodec(name="bare", label="", maker="", models=(), decode=_nothing, examples=())
    verdict = judge_device(bare)
    assert (verdict.passed, verdict.failed) == (0, 1)


def test_codecs_are_found_by_name_and_by_the_words_of_network_servers() -> None:
    assert codec("elsys").maker == "Elsys"
    with pytest.raises(CodecUnknown):
        codec("nothing")
    found = guess_codec("Milesight EM300-TH (EU868)")
    assert found is not None
    assert found.name == "milesight_em300"
    assert guess_codec("my own board") is None


def _nothing(_: Frame) -> list[Reading]:
    return []


def _decode(each: DeviceCodec, payload: bytes, port: int | None) -> list[Reading]:
    frame = Frame(payload=payload, f_port=port, received=datetime(2024, 1, 1, tzinfo=UTC))
    try:
        return list(each.decode(frame))
    except CodecError:
        return []
