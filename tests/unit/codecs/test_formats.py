"""Cayenne LPP and SenML, both ways."""

import contextlib
import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.codecs.cayenne import KINDS, Kind, decode_cayenne, encode_cayenne
from clapas.codecs.errors import CodecError
from clapas.codecs.senml import Resolved, decode_senml, encode_senml, resolve

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def test_the_examples_of_the_lpp_documentation() -> None:
    two = decode_cayenne(bytes.fromhex("03670110056700ff"))
    assert [(each.channel, each.value, each.quantity) for each in two] == [
        ("temperature_3", 27.2, "temperature"),
        ("temperature_5", 25.5, "temperature"),
    ]
    acceleration = decode_cayenne(bytes.fromhex("067104d2fb2e0000"))
    assert [each.channel for each in acceleration] == [f"accelerometer_6.{axis}" for axis in "xyz"]
    assert acceleration[0].value == pytest.approx(1.234 * 9.80665)
    place = decode_cayenne(bytes.fromhex("018806765ff2960a0003e8"))
    assert [each.value for each in place] == [42.3519, -87.9094, 10.0]


def test_humidity_is_a_ratio_and_pressure_in_hectopascals() -> None:
    humidity, pressure = decode_cayenne(bytes.fromhex("01687802732786"))
    assert (humidity.value, humidity.quantity) == (0.6, "relative_humidity")
    assert (pressure.value, pressure.quantity) == (1011.8, "atmospheric_pressure")


@pytest.mark.parametrize("payload", ["01", "0167", "016701", "01ff00", "0188067652"])
def test_broken_lpp_is_refused_with_a_reason(payload: str) -> None:
    with pytest.raises(CodecError, match=r"cut short|not a Cayenne|without a type"):
        decode_cayenne(bytes.fromhex(payload))


@given(payload=st.binary(max_size=600))
def test_no_bytes_break_the_lpp_decoder(payload: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert all(each.channel for each in decode_cayenne(payload))


@given(kind=st.sampled_from(KINDS), channel=st.integers(0, 255), data=st.data())
def test_what_is_encoded_in_lpp_is_decoded(kind: Kind, channel: int, data: st.DataObject) -> None:
    raw = [
        data.draw(
            st.integers(-(2 ** (8 * part.size - 1)), 2 ** (8 * part.size - 1) - 1)
            if part.signed
            else st.integers(0, 2 ** (8 * part.size) - 1)
        )
        for part in kind.parts
    ]
    values = [number / part.divisor for number, part in zip(raw, kind.parts, strict=True)]
    payload = encode_cayenne([(channel, kind.name, values if len(values) > 1 else values[0])])
    for reading, number, part in zip(decode_cayenne(payload), raw, kind.parts, strict=True):
        assert reading.value == pytest.approx(number * part.scale / part.divisor)


@pytest.mark.parametrize(
    "item", [(1, "temperature", 1e9), (1, "nothing", 1), (300, "switch", 1), (1, "gps", 3)]
)
def test_values_that_do_not_fit_are_not_encoded(item: tuple[int, str, float]) -> None:
    with pytest.raises(CodecError):
        encode_cayenne([item])


def test_base_fields_are_resolved_as_in_section_5_1_of_the_rfc() -> None:
    pack = b"""[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.276020076e+09,"bu":"A","bver":5,
      "n":"voltage","u":"V","v":120.1},
     {"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3}]"""
    readings = decode_senml(pack, NOW)
    assert [(each.channel.rpartition(":")[2], each.value, each.quantity) for each in readings] == [
        ("voltage", 120.1, "voltage"),
        ("current", 1.2, "current"),
        ("current", 1.3, "current"),
    ]
    start = datetime.fromtimestamp(1276020076, UTC)
    assert [each.measured for each in readings] == [
        start,
        start - timedelta(seconds=5),
        start - timedelta(seconds=4),
    ]


def test_base_values_sums_texts_and_relative_times() -> None:
    pack = b"""[{"bn":"site/","n":"t","u":"Cel","bv":20,"v":1.5,"t":-60},
      {"n":"rain","v":1,"s":12,"bs":100},{"n":"label","vs":"open"},{"n":"door","vb":true}]"""
    by_name = {each.channel: each for each in decode_senml(pack, NOW)}
    assert by_name["site/t"].value == 21.5
    assert by_name["site/t"].measured == NOW - timedelta(seconds=60)
    assert by_name["site/rain.sum"].value == 112.0
    assert by_name["site/label"].value == "open"
    assert by_name["site/door"].value is True


@pytest.mark.parametrize(
    ("pack", "quantity", "value"),
    [
        (b'[{"n":"a","u":"%RH","v":45}]', "relative_humidity", 0.45),
        (b'[{"n":"a","u":"K","v":293.15}]', "temperature", 20.0),
        (b'[{"n":"a","u":"Pa","v":101325}]', "atmospheric_pressure", 1013.25),
        (b'[{"n":"a","u":"%EL","v":80}]', "battery_level", 0.8),
        (b'[{"n":"a","u":"l","v":1500}]', "water_index", 1.5),
    ],
)
def test_senml_units_become_the_quantities_own(pack: bytes, quantity: str, value: float) -> None:
    (reading,) = decode_senml(pack, NOW)
    assert reading.quantity == quantity
    assert reading.value == pytest.approx(value)


@pytest.mark.parametrize(
    "pack",
    [
        b"",
        b"{}",
        b'[{"v":1}]',
        b'[{"n":"with space","v":1}]',
        b'[{"n":"a","v":"text"}]',
        b'[{"n":"a","v":1,"bver":11}]',
        b'[{"n":"a","v":1,"must_":1}]',
        b'[{"n":"a"}]',
        b'[{"n":"a","v":1,"t":1e300}]',
        b"[" * 2000,
    ],
)
def test_packs_that_the_rfc_forbids_are_refused(pack: bytes) -> None:
    with pytest.raises(CodecError):
        decode_senml(pack, NOW)


@given(payload=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_senml_decoder(payload: bytes) -> None:
    with contextlib.suppress(CodecError):
        decode_senml(payload, NOW)


_NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9:._/-]{0,20}\Z")
_RECORDS = st.builds(
    Resolved,
    name=_NAMES,
    unit=st.sampled_from(["", "Cel", "V", "m"]),
    value=st.floats(-1e6, 1e6) | st.booleans() | st.text(max_size=8),
    sum=st.none(),
    time=st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


@given(records=st.lists(_RECORDS, min_size=1, max_size=6))
def test_what_is_encoded_in_senml_is_resolved(records: list[Resolved]) -> None:
    back = resolve(encode_senml(records), NOW)
    assert [(each.name, each.unit) for each in back] == [(each.name, each.unit) for each in records]
    for first, second in zip(records, back, strict=True):
        if isinstance(first.value, float):
            assert isinstance(second.value, float)
            assert math.isclose(first.value, second.value)
        else:
            assert first.value == second.value
        assert abs(first.time - second.time) < timedelta(milliseconds=1)
    assert msgspec.json.decode(encode_senml(records))[0]["bt"]
